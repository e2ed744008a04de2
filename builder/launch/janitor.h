/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of sockets that is gone when we are, even where we are killed. */
#ifndef ENCL_LAUNCH_JANITOR_H
#define ENCL_LAUNCH_JANITOR_H

#include <sys/types.h>

#include "base/err.h"

struct encl_janitor {
	pid_t pid; /* 0: none */
	int fd;	   /* its end is our end */
};

/*
 * A process of its own session that waits for this one's end and then removes the
 * folder with the files and sockets in it (no folders below it).
 */
int encl_janitor_start(const char *folder, struct encl_janitor *j,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* Lets it do its work now, and waits.  A zeroed struct is fine. */
void encl_janitor_end(struct encl_janitor *j);

#endif
