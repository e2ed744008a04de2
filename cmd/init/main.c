/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: PID 1 of the boot ramdisk.  Turns two unpacked ramdisks into a running
 * /cmd, as AWS's init of the Nitro Enclaves bootstrap does (same /cmd, /env,
 * /rootfs, /nsm.ko and heartbeat), and says why when it cannot.
 */
#include <signal.h>
#include <stddef.h>

#include "init/init.h"

const char guest_name[] = "init";

int
main(void)
{
	sigset_t all;
	char **argv;
	char **env;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	init_mount_early();
	init_console();
	init_modules();
	init_heartbeat();
	init_check_complete();
	argv = init_read_list("/cmd");
	env = init_read_list("/env");
	init_remove_lists();
	init_mount_squashfs();
	init_switch_root();
	init_mount_root();
	init_cgroup();
	init_run(argv, env);
}
