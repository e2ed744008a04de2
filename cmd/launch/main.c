/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch: the rootfs's one child of PID 1 (`/.enclave/launch`, named by /cmd).
 * Turns /.enclave/config into a running app, under our init or AWS's, and the
 * app's end into a line on the console and an exit code.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "guest/file.h"
#include "launch/launch.h"

const char guest_name[] = "launch";

enum { CONFIG_MAX = 16 << 20 };

static bool
read_config(struct config *c)
{
	size_t len;
	char *text = guest_read_file(CONFIG_PATH, CONFIG_MAX, &len);
	const char *wrong = text ? config_parse(text, len, c) : guest_why();

	if (wrong)
		say("cannot use " CONFIG_PATH ": ", wrong);
	return !wrong;
}

static struct timespec
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t;
}

/* Seconds as 12.034: the digits behind the point are those of 1034 but the first. */
static const char *
milliseconds(const struct timespec *t)
{
	return guest_dec(1000 + (unsigned long)t->tv_nsec / 1000000) + 1;
}

static const char *
seconds(const struct timespec *t)
{
	return guest_dec((unsigned long)t->tv_sec);
}

static int
report(int status, bool out_of_memory, const struct timespec *started)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	int code = sig ? 128 + sig : WEXITSTATUS(status);
	const char *oom = out_of_memory ? "true" : "false";
	struct timespec finished = now();

	/* On a line of its own, also after output that ended without a newline. */
	guest_say((const char *const[]){"", 0});
	say("app exited: code=", guest_dec((unsigned)code),
	    " signal=", guest_dec((unsigned)sig), " oom=", oom,
	    " started=", seconds(started), ".", milliseconds(started),
	    " finished=", seconds(&finished), ".", milliseconds(&finished));
	return code;
}

int
main(void)
{
	struct config c;
	struct timespec started;
	unsigned long oom_kills;
	pid_t app;
	int status;

	umask(022);
	if (!read_config(&c))
		return LAUNCH_FAILED;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* orphans of the app come to us */
	launch_network(&c);
	launch_etc(&c);
	launch_system(&c);
	launch_cgroup();
	oom_kills = launch_cgroup_oom_kills();
	launch_block_signals();
	started = now();
	app = launch_app(&c);
	if (app < 0)
		return LAUNCH_FAILED;
	status = launch_wait(app);
	return report(status, launch_cgroup_oom_kills() > oom_kills, &started);
}
