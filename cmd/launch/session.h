/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the parent runs in an image with debug.exec, and the output of
 * units that it reads (builder/launch/exec.h): exec.c has the connections,
 * exec_child.c the processes.
 */
#ifndef LAUNCH_SESSION_H
#define LAUNCH_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/config.h"
#include "launch/exec.h"
#include "launch/process.h"

struct unit;

/* exec.c: listens, where there is vsock. */
void exec_start(const struct config *c);
/* A unit has ended for good: who reads its output is told. */
void exec_unit_ended(const struct unit *u);
/* The enclave ends: a moment for those who are being told so. */
void exec_end(void);

/* ---- exec_child.c ---- */

struct exec_place {
	const struct unit_config *unit; /* or NULL: as root, in / */
	int container;			/* its first process, or 0 */
	char user[128], dir[1024];	/* of the container's config */
};

struct exec_child {
	struct child child;
	int in, out, err; /* ours, non-blocking; -1: there is none */
	bool tty;
};

/* False: why (a constant) says why not. */
bool exec_child_start(struct exec_child *x, const struct encl_exec_request *r,
		      const struct exec_place *place, const char **why);
void exec_child_resize(const struct exec_child *x, unsigned columns, unsigned rows);

#endif
