/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While the app runs: signals go on to it, orphans are reaped, and after
 * SIGTERM it has ten seconds.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "launch/launch.h"

enum { GRACE_SECONDS = 10 };

void
launch_block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

static void
signals(sigset_t *set)
{
	static const int forwarded[] = {SIGHUP,	 SIGINT,  SIGQUIT,  SIGTERM,
					SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(set, forwarded[i]);
}

/* True when the app is among those that ended. */
static bool
reap(pid_t app, int *status)
{
	bool ended = false;
	pid_t pid;
	int s;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
		if (pid == app) {
			*status = s;
			ended = true;
		}
	return ended;
}

/* Waits for a signal, at most until the deadline (0: none).  -1: it passed. */
static int
next_signal(const sigset_t *set, time_t deadline)
{
	struct timespec t;

	for (;;) {
		int sig;

		clock_gettime(CLOCK_MONOTONIC, &t);
		if (deadline && t.tv_sec >= deadline)
			return -1;
		t.tv_sec = deadline ? deadline - t.tv_sec : 3600;
		t.tv_nsec = 0;
		sig = sigtimedwait(set, NULL, &t);
		if (sig > 0)
			return sig;
	}
}

int
launch_wait(pid_t app)
{
	time_t deadline = 0;
	sigset_t set;
	int status = 0;

	signals(&set);
	while (!reap(app, &status)) {
		int sig = next_signal(&set, deadline);

		if (sig < 0) {
			say("the app did not end ", guest_dec(GRACE_SECONDS),
			    " s after SIGTERM: killed");
			kill(-app, SIGKILL);
			kill(app, SIGKILL); /* not a leader of its group any more */
			deadline = 0;
		} else if (sig != SIGCHLD) {
			kill(app, sig);
		}
		if (sig == SIGTERM && !deadline) {
			struct timespec t;

			clock_gettime(CLOCK_MONOTONIC, &t);
			deadline = t.tv_sec + GRACE_SECONDS;
		}
	}
	return status;
}
