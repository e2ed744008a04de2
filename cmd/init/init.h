/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID 1's duties, in the order in which main() calls them (docs/guest.md).
 * What cannot be done is either a named warning or init_fatal().
 */
#ifndef INIT_INIT_H
#define INIT_INIT_H

#include <sys/types.h>

#include "guest/say.h"

/* mount.c: /dev, /proc, /sys of the ramdisk; later all of the root's. */
void init_mount_early(void);
void init_mount_root(void);
/* console.c: /dev/console becomes 0, 1 and 2. */
void init_console(void);
/* modules.c: /modules/order and /nsm.ko, removed afterwards. */
void init_modules(void);
/* heartbeat.c: tells the parent that the enclave is up. */
void init_heartbeat(void);
/* lists.c: the app ramdisk is whole; its /cmd and /env, removed afterwards. */
void init_check_complete(void);
char **init_read_list(const char *path);
void init_remove_lists(void);
/* squashfs.c: /rootfs.squashfs, where it is there, below a writable /rootfs. */
void init_mount_squashfs(void);
/* root.c: /rootfs becomes a mount of its own, and /. */
void init_switch_root(void);
/* cgroup.c: cgroup2 with every controller, PID 1 in a leaf of its own. */
void init_cgroup(void);
/* run.c: starts argv, reaps, and ends the enclave with its end. */
_Noreturn void init_run(char *const *argv, char *const *env);

/* end.c: the last line on the console, "end WHAT=N", and a reboot, which is
 * how an enclave ends.  fatal: "fatal: parts…", then code 125. */
_Noreturn void init_end(const char *what, int n);
#define init_fatal(...)                                                                  \
	do {                                                                             \
		say("fatal: ", __VA_ARGS__);                                             \
		init_end("code", 125);                                                   \
	} while (0)

#endif
