/* SPDX-License-Identifier: Apache-2.0 */
/* A program that lives no longer than we do. */
#ifndef ENCL_LAUNCH_CHILD_H
#define ENCL_LAUNCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_child {
	pid_t pid; /* 0: none */
	int pidfd;
	int out;     /* its stdout, or -1 */
	int err_out; /* its stderr, or -1 */
};

/*
 * Starts program (a path) with an empty stdin.  keep: descriptors that stay
 * open in it under their numbers, ended by -1 (it opens them as /dev/fd/N).
 * quiet: what it prints goes to /dev/null and out and err_out are -1.
 * It is killed when this thread ends.
 */
int encl_child_start(struct encl_child *c, const char *program, const char *const argv[],
		     const int *keep, bool quiet, struct encl_err *e) ENCL_MUST_CHECK;

/* Waits for its end: exit code, or 128 + signal. */
int encl_child_wait(struct encl_child *c);

/* Kills it where it runs still; closes everything.  A zeroed struct is fine. */
void encl_child_clear(struct encl_child *c);
ENCL_AUTO_VAL(struct encl_child, encl_child_clear);

#endif
