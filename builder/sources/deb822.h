/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debian's control format (deb822(5)): stanzas of "Field: value" lines parted
 * by empty lines.  Used for Release files, apt's .sources, control files.
 */
#ifndef ENCL_SOURCES_DEB822_H
#define ENCL_SOURCES_DEB822_H

#include <stdbool.h>
#include <stddef.h>

struct encl_deb822 {
	const char *p;
	const char *end;
};

/* Next stanza of the text; false at its end. */
bool encl_deb822_next(struct encl_deb822 *r, const char **stanza, size_t *n);

/*
 * Value of a field (names compare without case), blanks at both ends dropped
 * and continuation lines joined by newlines, each without its leading blank;
 * malloc'ed, NULL where the field is absent.  The first one counts.
 */
char *encl_deb822_field(const char *stanza, size_t n, const char *name);

/* True for "yes" and "true" in any case. */
bool encl_deb822_yes(const char *value);

/*
 * Next word of *p between blanks and newlines; NULL at the end.  Words are
 * cut out of the text, which is changed.
 */
char *encl_deb822_word(char **p);

#endif
