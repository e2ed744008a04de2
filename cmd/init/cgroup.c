/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup2.  A cgroup with processes cannot hand controllers to its children,
 * and the root one has no memory files: so PID 1 and what it starts live in a
 * leaf, and every controller is handed down.
 */
#include <errno.h>
#include <unistd.h>

#include "guest/file.h"
#include "init/init.h"

#define CGROUP "/sys/fs/cgroup/"

void
init_cgroup(void)
{
	static const char *const controllers[] = {"+cpuset",  "+cpu",  "+io",	"+memory",
						  "+hugetlb", "+pids", "+rdma", "+misc"};

	if (access(CGROUP "cgroup.subtree_control", F_OK))
		return; /* the mount failed and said so */
	if (guest_mkdir(CGROUP "init.scope", 0755) ||
	    guest_put(CGROUP "init.scope/cgroup.procs", "0"))
		say("warning: cgroup init.scope: ", guest_why());
	/* One at a time: a kernel without one of them refuses the whole line. */
	for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++)
		guest_put(CGROUP "cgroup.subtree_control", controllers[i]);
}
