/* SPDX-License-Identifier: Apache-2.0 */
/* From argv and environment to a running program. */
#ifndef GUEST_EXEC_H
#define GUEST_EXEC_H

#define GUEST_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The value of NAME in a list of NAME=value, or NULL. */
const char *guest_env(char *const *env, const char *name);

/*
 * Replaces the process; a name without slash is looked up in env's own PATH.
 * Returns only on failure, after naming it: 127 where the program is not
 * there, 126 where it cannot be run (Docker's and the shell's convention).
 */
int guest_exec(char *const *argv, char *const *env);

#endif
