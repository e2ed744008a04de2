/* SPDX-License-Identifier: Apache-2.0 */
/* A running enclave, between its start (nitro.c) and its watch (nitro_watch.c). */
#ifndef ENCL_LAUNCH_NITRO_INTERNAL_H
#define ENCL_LAUNCH_NITRO_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "launch/heartbeat.h"
#include "launch/machine.h"
#include "launch/nitro_memory.h"

struct encl_nitro_console {
	int fd;		      /* or -1 */
	bool pending;	      /* it connects */
	bool over;	      /* given up */
	uint64_t next, until; /* ms: of the next attempt, of the last */
};

struct encl_nitro {
	struct encl_machine m; /* first */
	struct encl_log *log;
	struct encl_nitro_memory memory;
	int enclave; /* its descriptor: it ends when that is closed */
	int timer;   /* timerfd */
	struct encl_heartbeat *heartbeat; /* until it has come */
	struct encl_nitro_console console;
	unsigned patience_s;	 /* for the heartbeat */
	uint64_t started, ended; /* ms; ended 0: it runs */
	bool late;		 /* no heartbeat in time */
	int err;		 /* errno of a wait that failed, or 0 */
};

/* Begins to watch one that was just started. */
int encl_nitro_watch(struct encl_nitro *n, struct encl_err *e) ENCL_MUST_CHECK;
void encl_nitro_step(struct encl_machine *m);
int encl_nitro_judge(struct encl_machine *m, struct encl_err *e) ENCL_MUST_CHECK;

#endif
