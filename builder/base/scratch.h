/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for what is needed once: gone when we are, even where we are killed. */
#ifndef ENCL_BASE_SCRATCH_H
#define ENCL_BASE_SCRATCH_H

#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_scratch {
	char *path;    /* absolute; NULL: none */
	pid_t janitor; /* removes it */
	int fd;	       /* its end of file is the end of all that have it */
};

/*
 * A new folder (0700) "NAME-…" in $TMPDIR or /tmp.  A process of its own session
 * waits for the end of this one, and of those that it forked meanwhile, and then
 * removes the folder with all that is in it.  Not with other threads about.
 */
int encl_scratch_open(const char *name, struct encl_scratch *out,
		      struct encl_err *e) ENCL_MUST_CHECK;
/* Removes it now, and waits.  A zeroed struct is fine. */
void encl_scratch_clear(struct encl_scratch *s);
ENCL_AUTO_VAL(struct encl_scratch, encl_scratch_clear);

#endif
