/* SPDX-License-Identifier: Apache-2.0 */
/* File systems: three for init itself, then the root's, by a table. */
#include <errno.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/file.h"
#include "init/init.h"

struct mount {
	const char *type;
	const char *at; /* created where it is not there */
	unsigned long flags;
	const char *options;
	bool needed; /* otherwise a failure is a warning: not every kernel has it */
};

static const struct mount early[] = {
	{"devtmpfs", "/dev", MS_NOSUID, NULL, true},
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
};

/* /tmp and /run are executable, which AWS's init does not allow. */
static const struct mount root[] = {
	{"devtmpfs", "/dev", MS_NOSUID, NULL, true},
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true},
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666",
	 false},
	{"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777", false},
	{"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, false},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", true},
	{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777", true},
	{"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate",
	 false},
};

static void
mount_one(const struct mount *m)
{
	int unmade = guest_mkdir(m->at, 0755);

	if (mount(m->type, m->at, m->type, m->flags, m->options) == 0)
		return;
	if (errno == EBUSY) /* the kernel mounted devtmpfs itself */
		return;
	if (m->needed)
		init_fatal("mount ", m->type, " on ", m->at, ": ", guest_why());
	say("warning: mount ", m->type, " on ", m->at, ": ", guest_why(),
	    unmade ? " (and it cannot be created)" : "");
}

void
init_mount_early(void)
{
	for (size_t i = 0; i < sizeof early / sizeof *early; i++)
		mount_one(&early[i]);
}

void
init_mount_root(void)
{
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};

	umask(0); /* the modes above are meant */
	for (size_t i = 0; i < sizeof root / sizeof *root; i++)
		mount_one(&root[i]);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			say("warning: link ", links[i][1], ": ", guest_why());
	umask(022);
}
