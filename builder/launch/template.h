/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files for others out of templates/ (its README.md has the syntax): values never
 * get out of the place that they are put in, whatever they hold.
 */
#ifndef ENCL_LAUNCH_TEMPLATE_H
#define ENCL_LAUNCH_TEMPLATE_H

#include <jansson.h>

#include "base/err.h"

enum { ENCL_TEMPLATE_MAX = 1 << 20 };

/*
 * text with its placeholders filled in from the object values (malloc'ed).
 * ENCL_USAGE: a value has what cannot stand there (a line break, …).  A key that
 * is not in values, or another slip of the template, is ENCL_FAILED.
 */
int encl_template_render(const char *name, const char *text, const json_t *values,
			 char **out, struct encl_err *e) ENCL_MUST_CHECK;

/* A word of a shell's command line (malloc'ed). */
char *encl_template_shell_word(const char *text);

#endif
