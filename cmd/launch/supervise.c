/* SPDX-License-Identifier: Apache-2.0 */
/* Signals into the loop: ends of children, the order to stop, the app's own. */
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "launch/launch.h"
#include "launch/session.h"
#include "launch/unit.h"

void
launch_block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

static void
forward(int sig)
{
	struct unit *app = unit_find("app");

	if (app && app->config->raw_output)
		process_signal(app, sig);
}

static void
take_signal(struct watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof info) != sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		child_reap();
		break;
	case SIGTERM:
	case SIGINT:
		units_stop();
		break;
	default:
		forward((int)info.ssi_signo);
	}
}

static int
watch_signals(struct watch *w)
{
	static const int taken[] = {SIGCHLD, SIGTERM, SIGINT,	SIGHUP, SIGQUIT,
				    SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaddset(&set, taken[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -1 : loop_watch(w, fd, EPOLLIN);
}

int
supervise(const struct config *c)
{
	struct watch signals = {.ready = take_signal};

	if (watch_signals(&signals)) {
		say("signals: ", guest_why());
		return LAUNCH_FAILED;
	}
	status_start(c->exec);
	exec_start(c);
	if (!launch_extend(c)) {
		status_end(LAUNCH_FAILED, 0);
		return LAUNCH_FAILED;
	}
	launch_attest(c);
	if (units_start(c))
		return LAUNCH_FAILED;
	loop_run();
	exec_end();
	status_end(units_code(), units_signal());
	return units_code();
}
