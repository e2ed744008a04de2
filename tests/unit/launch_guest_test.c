/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small parts of launch where they fail: limits without cgroups, a store that
 * cannot be copied, an output that never ends.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define guest_say	 parts_say
#define guest_dec	 parts_dec
#define guest_why	 parts_why
#define join_texts	 parts_join
#define dataroot_prepare parts_prepare
#define cgroup_start	 parts_cgroup_start
#define cgroup_make	 parts_cgroup_make
#define cgroup_enter	 parts_cgroup_enter
#define cgroup_kill	 parts_cgroup_kill
#define cgroup_oom_kills parts_oom_kills
#define log_open	 parts_log_open
#define log_tap		 parts_log_tap
#define log_feed	 parts_log_feed
#define log_close	 parts_log_close
#define log_tail	 parts_log_tail
#define loop_watch	 parts_loop_watch
#define loop_unwatch	 parts_loop_unwatch
#define writev(fd, v, n) parts_writev(v)

ssize_t parts_writev(const struct iovec *v);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/cgroup.c"
#undef ROOT
#include "../../cmd/launch/dataroot.c"
#define keep log_keep
#define pour log_pour
#include "../../cmd/launch/log.c"
#pragma GCC diagnostic pop

#include "base/cleanup.h"
#include "test.h"

static char text[2048];
static size_t written;

void
guest_say(const char *const *parts)
{
	size_t n = 0;

	for (parts += 2; *parts; parts++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s", *parts);
}

const char *
guest_dec(unsigned long n)
{
	static char dec[24];

	snprintf(dec, sizeof dec, "%lu", n);
	return dec;
}

const char *
guest_why(void)
{
	return strerror(errno);
}

void
join_texts(char *out, size_t room, const char *const *parts)
{
	size_t n = 0;

	for (out[0] = 0; *parts && n < room; parts++)
		n += (size_t)snprintf(out + n, room - n, "%s", *parts);
}

int
loop_watch(struct watch *w, int fd, uint32_t events)
{
	(void)events;
	w->fd = fd;
	return 0;
}

void
loop_unwatch(struct watch *w)
{
	w->fd = -1;
}

ssize_t
parts_writev(const struct iovec *v)
{
	written += v[2].iov_len;
	return 1;
}

/* Nobody sets limits silently not at all. */
TEST(launch_cgroup_is_missing)
{
	struct unit_config c = {.name = "a"};

	text[0] = 0;
	cgroup_make(&c);
	EQ_STR("", text);
	c.pids = 5;
	cgroup_make(&c);
	EQ_STR("warning: a: the kernel has no cgroup version 2: its limits are not set",
	       text);
}

/* Half a store is none, and is not taken for one at the next start. */
TEST(launch_dataroot_fails)
{
	struct unit_config c = {.data_root = test_path("root"),
				.store = test_path("store")};
	char why[6000];
	char want[6000];

	/* a file is in the way */
	close(open(test_path("file"), O_WRONLY | O_CREAT, 0600));
	c.data_root = test_path("file/root");
	c.storage_mib = 7;
	CHECK(!dataroot_prepare(&c, why, sizeof why));
	snprintf(want, sizeof want, "storage: cannot make a tmpfs of 7 MiB on %s: %s",
		 c.data_root, strerror(ENOTDIR));
	EQ_STR(want, why);
	c.data_root = test_path("root");
	c.storage_mib = 0;
	CHECK(!mkdir(c.store, 0700) && !mkfifo(test_path("store/fifo"), 0600));
	snprintf(want, sizeof want, "images: cannot copy %s to %s (0 MiB): fifo: %s",
		 c.store, c.data_root, strerror(EINVAL));
	for (int i = 0; i < 2; i++) {
		CHECK(!dataroot_prepare(&c, why, sizeof why));
		CHECK(strncmp(want, why, 511) == 0);
		EQ_INT(0, unlink(test_path("store/fifo")) && i == 0);
	}
}

/* A grandchild holds the pipe and writes for ever. */
TEST(launch_log_never_ends)
{
	struct log l = {.name = "a"};
	int fd = log_open(&l, "a", false);
	pid_t pid = fork();

	CHECK(fd >= 0 && pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it is not to outlive a failure */
	while (pid == 0)
		if (write(fd, "a line that is written again and again\n", 39) < 0)
			_exit(1);
	close(fd);
	EQ_INT(1, poll(&(struct pollfd){l.watch.fd, POLLIN, 0}, 1, 30000));
	written = 0;
	log_close(&l);
	CHECK(written > 0 && written <= (1 << 20) + 8192);
	EQ_INT(-1, l.watch.fd);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(l.line);
	free(l.tail);
}
