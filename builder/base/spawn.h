/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program without a shell, in the C locale, with an empty stdin. */
#ifndef ENCL_BASE_SPAWN_H
#define ENCL_BASE_SPAWN_H

#include <stddef.h>

#include "base/err.h"

struct encl_buf;

/*
 * argv[0] is looked up in PATH; the environment is PATH, HOME and LC_ALL=C.
 * out and err_out take what it prints on stdout and stderr (their caps hold;
 * more is an error) and may be NULL for /dev/null.  *status is its exit code,
 * or 128 + signal.  ENCL_HOST where the program is not there, ENCL_FAILED
 * where it runs longer than timeout_s seconds.
 */
int encl_spawn(const char *const argv[], struct encl_buf *out, struct encl_buf *err_out,
	       unsigned timeout_s, int *status, struct encl_err *e) ENCL_MUST_CHECK;

/* Full path of a program in PATH (malloc'ed), or NULL. */
char *encl_find_program(const char *name);

#endif
