/* SPDX-License-Identifier: Apache-2.0 */
/* What ps, logs, console and stop share: enclaves that run here, by name. */
#ifndef ENCL_CMD_RUNNING_H
#define ENCL_CMD_RUNNING_H

#include <stdio.h>

#include "launch/state.h"

/* The named one, or the only one that runs.  ENCL_USAGE where that is not clear. */
int running_find(const char *name, struct encl_state *out,
		 struct encl_err *e) ENCL_MUST_CHECK;

/* "State" of the record; "killed" where its run is gone without having said so. */
const char *running_state(const struct encl_state *s);

/* Whether this very one runs still. */
bool running_lives(const struct encl_state *s);

/*
 * What it printed, to out; the last n lines where lines is not negative.  With follow
 * also what it prints until it ends, or until stdout takes nothing more.
 */
int running_print(const struct encl_state *s, long lines, bool follow, FILE *out,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
