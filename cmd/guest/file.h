/* SPDX-License-Identifier: Apache-2.0 */
/* Small files whole, in and out. */
#ifndef GUEST_FILE_H
#define GUEST_FILE_H

#include <stddef.h>

/*
 * The whole of a file of at most max bytes in malloc'ed memory, with a NUL
 * behind it; NULL and errno (EFBIG where it is larger) when it cannot be had.
 */
char *guest_read_file(const char *path, size_t max, size_t *len);

/* Creates or empties the file and writes it; 0, or -1 and errno. */
int guest_write_file(const char *path, const char *text, size_t len);
/* Writes to a file of the kernel that is there (no O_CREAT). */
int guest_put(const char *path, const char *text);

/*
 * The lines of text as a NULL-terminated, malloc'ed list; the newlines in
 * text become NULs.  A last line without its newline counts.
 */
char **guest_lines(char *text, size_t len, size_t *count);

/* mkdir that takes an existing name as success. */
int guest_mkdir(const char *path, unsigned mode);

#endif
