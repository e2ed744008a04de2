/* SPDX-License-Identifier: Apache-2.0 */
/* Children of launch and their cgroups (child.c, cgroup.c). */
#ifndef LAUNCH_PROCESS_H
#define LAUNCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/config.h"
#include "launch/log.h"

struct child {
	int pid; /* 0: none */
	void (*ended)(struct child *child, int status);
	void *arg;
	int why;	    /* private to child.c but for loop_watch; -1: closed */
	struct child *next; /* private to child.c */
};

/*
 * Forks and executes argv with c's user, folder, environment and limits, in a
 * session of its own; child->ended (set by the caller) is called on its end.
 * cgroup: a name for cgroup_make, or NULL.  Output goes to log, whose name is
 * set (log_open is called here, log_close is the caller's); without one to the
 * console for a unit with raw_output, else nowhere.  -1 after saying why.
 */
int child_start(struct child *child, const struct unit_config *c,
		const struct strings *argv, const char *cgroup, struct log *log);

enum child_why { CHILD_STARTING, CHILD_STARTED, CHILD_FAILED };
/*
 * Whether argv was executed; never blocks.  CHILD_FAILED once: text says why.
 * To be asked at its end, or when child->why is readable, before child_start
 * is called again.
 */
enum child_why child_why(struct child *child, char *text, size_t room);

/* Another process that was forked here, with its ended set. */
void child_adopt(struct child *child, int pid);

void child_signal(const struct child *child, int sig); /* to it alone */
void child_kill(const struct child *child);	       /* its group too */
void child_reap(void);				       /* on SIGCHLD */

/* cgroup.c: without cgroup2 (AWS's init mounts version 1) all do nothing. */
void cgroup_start(void);
/* Makes enclave/NAME with the unit's limits. */
void cgroup_make(const struct unit_config *c);
void cgroup_enter(const char *name); /* by the child */
void cgroup_kill(const char *name);  /* all that is left in it */
/* How many of its processes the kernel killed for want of memory. */
unsigned long cgroup_oom_kills(const char *name);
/*
 * The same of a container's, which is gone when its end is known: whether the
 * kernel's log, from the watch on, tells of a process in one with this id.
 * The watch is a file descriptor, to be closed, or -1.
 */
int cgroup_oom_watch(void);
bool cgroup_oom_seen(int fd, const char *id);

#endif
