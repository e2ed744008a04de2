/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program without a shell. */
#ifndef ENCL_BASE_SPAWN_H
#define ENCL_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct encl_buf;

struct encl_spawn {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const void *input;	 /* its stdin, n_input bytes; NULL: nothing */
	size_t n_input;
	int input_fd;  /* its stdin instead, from where it stands; 0: not */
	bool show_err; /* its stderr is ours; err_out is not filled */
	bool keep_env; /* all of this process's environment; else PATH, HOME and
			  LC_ALL=C alone */
	unsigned timeout_s;
	/* Take what it prints on stdout and stderr (their caps hold; more is an
	 * error); NULL: /dev/null. */
	struct encl_buf *out;
	struct encl_buf *err_out;
};

/*
 * *status is its exit code, or 128 + signal.  ENCL_HOST where the program is
 * not there, ENCL_FAILED where it runs longer than timeout_s seconds.
 */
int encl_spawn_run(const struct encl_spawn *s, int *status,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* In the C locale, with an empty stdin. */
int encl_spawn(const char *const argv[], struct encl_buf *out, struct encl_buf *err_out,
	       unsigned timeout_s, int *status, struct encl_err *e) ENCL_MUST_CHECK;

/* Full path of a program in PATH (malloc'ed), or NULL. */
char *encl_find_program(const char *name);

#endif
