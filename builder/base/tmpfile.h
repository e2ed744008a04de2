/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output files appear whole or not at all: a temporary in the target's
 * folder, fsync, rename.  What is not committed is unlinked by clear, and by
 * encl_tmpfile_abort_all() when a signal ends the program.
 */
#ifndef ENCL_BASE_TMPFILE_H
#define ENCL_BASE_TMPFILE_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_tmpfile {
	int fd;	    /* read-write; -1 when closed */
	char *path; /* the final name */
	char *temp; /* the temporary's name, NULL once committed */
};

/* mode: of the final file, independent of the umask. */
int encl_tmpfile_open(struct encl_tmpfile *t, const char *path, mode_t mode,
		      struct encl_err *e) ENCL_MUST_CHECK;
/* Whether one can be made there; nothing is left of it. */
int encl_tmpfile_try(const char *path, struct encl_err *e) ENCL_MUST_CHECK;
/* fsync, rename over path, close. */
int encl_tmpfile_commit(struct encl_tmpfile *t, struct encl_err *e) ENCL_MUST_CHECK;
/* commit in two, for several files that are all there or none; or without the fsync,
 * for files that are verified when they are read. */
int encl_tmpfile_sync(struct encl_tmpfile *t, struct encl_err *e) ENCL_MUST_CHECK;
int encl_tmpfile_place(struct encl_tmpfile *t, struct encl_err *e) ENCL_MUST_CHECK;
void encl_tmpfile_clear(struct encl_tmpfile *t); /* a zeroed or cleared struct is fine */
ENCL_AUTO_VAL(struct encl_tmpfile, encl_tmpfile_clear);

/* Unlinks every open temporary; async-signal-safe. */
void encl_tmpfile_abort_all(void);

/* The whole of a small file at once, atomically. */
int encl_write_file(const char *path, const void *data, size_t n, mode_t mode,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* mkdir -p with 0755 (0700 where private). */
int encl_make_dirs(const char *path, mode_t mode, struct encl_err *e) ENCL_MUST_CHECK;

#endif
