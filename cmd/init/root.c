/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The root switch.  The initramfs cannot be left by pivot_root; /rootfs bound
 * on itself and moved to / can, which is what runc and Docker need later.
 * With what is mounted in it: a squashfs's own /.enclave.
 */
#include <sys/mount.h>
#include <unistd.h>

#include "init/init.h"

void
init_switch_root(void)
{
	static const char *const own[] = {"/sys", "/proc", "/dev"};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		umount2(own[i], MNT_DETACH); /* the root gets its own */
	if (mount("/rootfs", "/rootfs", NULL, MS_BIND | MS_REC, NULL))
		init_fatal("bind /rootfs: ", guest_why());
	if (chdir("/rootfs") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/"))
		init_fatal("move /rootfs to /: ", guest_why());
}
