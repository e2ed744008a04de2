/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, and what AWS's init leaves in the app's way. */
#include <errno.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "guest/file.h"
#include "launch/launch.h"

enum { OPEN_FILES = 1048576 };

static void
limit(int what, const char *name, rlim_t value)
{
	struct rlimit l = {value, value};

	if (setrlimit(what, &l) == 0)
		return;
	/* Not above what the kernel allows: then as far as it goes. */
	if (getrlimit(what, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		if (setrlimit(what, &l) == 0)
			return;
	}
	say("warning: limit of ", name, ": ", guest_why());
}

/* AWS's init mounts both noexec; programs that unpack themselves need them. */
static void
make_executable(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) || !(st.f_flag & ST_NOEXEC))
		return;
	if (mount(NULL, path, NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, NULL))
		say("warning: make ", path, " executable: ", guest_why());
}

/*
 * Devices that the kernel gives to root alone and the units are here to use:
 * to the one user there is, else (several) to all.
 */
static void
hand_over(const char *path, const struct config *c)
{
	uid_t uid = 0;
	bool several = false;

	for (size_t i = 0; i < c->n_units; i++) {
		const struct ids *own = &c->units[i].uid;

		if (!own->n || !own->v[0])
			continue;
		several = several || (uid && uid != own->v[0]);
		uid = own->v[0];
	}
	if (uid && (several ? chmod(path, 0666) : chown(path, uid, (gid_t)-1)) &&
	    errno != ENOENT)
		say("warning: owner of ", path, ": ", guest_why());
}

void
launch_system(const struct config *c)
{
	limit(RLIMIT_NOFILE, "open files", OPEN_FILES);
	limit(RLIMIT_NPROC, "processes", RLIM_INFINITY);
	limit(RLIMIT_CORE, "core files", 0);
	make_executable("/tmp");
	make_executable("/run");
	hand_over("/dev/nsm", c);
	hand_over("/dev/vsock", c);
	/* When memory runs out it is the app that ends, and we tell. */
	guest_put("/proc/self/oom_score_adj", "-1000");
}
