/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The duties of launch, in the order in which main() calls them
 * (docs/guest.md).  What the app may do without is a warning; what it was
 * promised (user, working folder, program) ends the enclave.
 */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "guest/say.h"
#include "launch/config.h"

/* launch itself failed (docker run's code for that). */
enum { LAUNCH_FAILED = 125 };

/* network.c: lo with 127.0.0.1/8 and ::1, host name. */
void launch_network(const struct config *c);
/* etc.c: /etc/hosts and /etc/resolv.conf. */
void launch_etc(const struct config *c);
/* system.c: limits, an executable /tmp under AWS's init, devices of the user. */
void launch_system(const struct config *c);
/* cgroup.c: a cgroup for the app, and how many of its processes the kernel has
 * killed for want of memory since the boot. */
void launch_cgroup(void);
void launch_cgroup_enter(void); /* by the child */
unsigned long launch_cgroup_oom_kills(void);
/* app.c: starts it; -1 after saying why. */
pid_t launch_app(const struct config *c);
/* wait.c: block signals before the app starts; then forward them, reap, and
 * return the app's wait status. */
void launch_block_signals(void);
int launch_wait(pid_t app);

#endif
