/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup for the app: its memory.events counts processes that the kernel
 * killed for want of memory.  Without cgroup2 (AWS's init mounts version 1)
 * that is not known and stays 0.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/file.h"
#include "launch/launch.h"

#define CGROUP "/sys/fs/cgroup/app.scope"

void
launch_cgroup(void)
{
	size_t len;
	char *probe = guest_read_file("/sys/fs/cgroup/cgroup.controllers", 4096, &len);

	if (probe && guest_mkdir(CGROUP, 0755))
		say("warning: cgroup app.scope: ", guest_why());
	free(probe);
}

void
launch_cgroup_enter(void)
{
	guest_put(CGROUP "/cgroup.procs", "0");
}

unsigned long
launch_cgroup_oom_kills(void)
{
	static const char key[] = "\noom_kill ";
	size_t len;
	char *text = guest_read_file(CGROUP "/memory.events", 4096, &len);
	const char *line = text ? strstr(text, key) : NULL;
	unsigned long n = line ? strtoul(line + sizeof key - 1, NULL, 10) : 0;

	free(text);
	return n;
}
