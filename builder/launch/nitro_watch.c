/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running enclave to events: its heartbeat, its console (debug mode: CID 0, the
 * hypervisor, at port 10000 + CID) from the first byte to the last, and the hang-up
 * of its descriptor, by which the driver tells its end at once.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "launch/nitro_internal.h"
#include "launch/relay.h"

enum {
	CONSOLE_PORTS = 10000,
	CONSOLE_TRY_MS = 20000, /* nitro-cli gives up after as long */
	TICK_MS = 100,
	TICK_NS = TICK_MS * 1000000,
	LAST_WORDS_MS = 1000, /* what the console still has when the enclave has ended */
	CHUNK = 16384,
	BATCH = 16
};

static int
add(const struct encl_nitro *n, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data = {.fd = fd}};

	return epoll_ctl(n->m.fd, EPOLL_CTL_ADD, fd, &event);
}

int
encl_nitro_watch(struct encl_nitro *n, struct encl_err *e)
{
	const struct itimerspec tick = {{0, TICK_NS}, {0, TICK_NS}};

	n->started = encl_clock_ms();
	n->console.over = !n->m.has_console;
	n->console.until = n->started + CONSOLE_TRY_MS;
	n->m.fd = epoll_create1(EPOLL_CLOEXEC);
	n->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (n->m.fd < 0 || n->timer < 0 || timerfd_settime(n->timer, 0, &tick, NULL) ||
	    add(n, n->timer, EPOLLIN) || add(n, n->enclave, EPOLLIN) ||
	    add(n, encl_heartbeat_fd(n->heartbeat), EPOLLIN))
		return encl_fail_sys(e, ENCL_FAILED, "watch the enclave");
	/* The console is there now; what is printed before we come is lost. */
	encl_nitro_step(&n->m);
	return 0;
}

/* ---- the console ---- */

static void
close_console(struct encl_nitro *n)
{
	encl_close_fd(encl_take(n->console.fd, -1));
	n->console.pending = false;
	n->console.next = encl_clock_ms() + TICK_MS;
	if (n->ended || n->console.next < n->console.until)
		return;
	n->console.over = true;
	encl_warn(n->log,
		  "no console: vsock port %" PRIu32 " of the hypervisor does not "
		  "answer (does another program read it?)",
		  n->m.wall.cid + CONSOLE_PORTS);
}

static void
open_console(struct encl_nitro *n)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_VSOCK,
					   .cid = 0,
					   .port = n->m.wall.cid + CONSOLE_PORTS};

	if (n->ended || encl_clock_ms() < n->console.next)
		return;
	n->console.fd = encl_relay_connect(&end, &n->console.pending);
	if (n->console.fd < 0 ||
	    add(n, n->console.fd, n->console.pending ? EPOLLOUT : EPOLLIN))
		close_console(n);
}

static void
finish_connect(struct encl_nitro *n)
{
	struct pollfd p = {n->console.fd, POLLOUT, 0};
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = n->console.fd}};
	int err = 0;
	socklen_t size = sizeof err;

	if (poll(&p, 1, 0) <= 0)
		return;
	n->console.pending = false;
	if (getsockopt(n->console.fd, SOL_SOCKET, SO_ERROR, &err, &size) || err ||
	    epoll_ctl(n->m.fd, EPOLL_CTL_MOD, n->console.fd, &event))
		close_console(n);
}

static void
read_console(struct encl_nitro *n)
{
	char chunk[CHUNK];

	for (int i = 0; i < BATCH; i++) {
		ssize_t got = recv(n->console.fd, chunk, sizeof chunk, MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			n->console.until = encl_clock_ms() + CONSOLE_TRY_MS;
			close_console(n);
			return;
		}
		if (n->m.listener.console)
			n->m.listener.console(n->m.listener.arg, chunk, (size_t)got);
	}
}

static void
step_console(struct encl_nitro *n)
{
	if (n->console.fd < 0 && !n->console.over)
		open_console(n);
	if (n->console.fd >= 0 && n->console.pending)
		finish_connect(n);
	if (n->console.fd >= 0 && !n->console.pending)
		read_console(n);
}

/* ---- heartbeat and end ---- */

static void
step_heartbeat(struct encl_nitro *n)
{
	if (!encl_heartbeat_step(n->heartbeat))
		return;
	/* The port is for others now. */
	encl_heartbeat_free(encl_take(n->heartbeat, NULL));
	if (n->m.listener.heartbeat)
		n->m.listener.heartbeat(n->m.listener.arg);
}

/* The driver has no bytes for us: whatever comes is the end. */
static void
look_for_end(struct encl_nitro *n)
{
	struct pollfd p = {n->enclave, POLLIN, 0};

	if (poll(&p, 1, 0) <= 0)
		return;
	n->ended = encl_clock_ms();
	epoll_ctl(n->m.fd, EPOLL_CTL_DEL, n->enclave, NULL);
}

/* The tick is for what is not told by a descriptor; an enclave at work needs none. */
static void
set_tick(const struct encl_nitro *n)
{
	const bool wanted =
		n->heartbeat || n->ended || (!n->console.over && n->console.fd < 0);
	const long ns = wanted ? TICK_NS : 0;
	const struct itimerspec tick = {{0, ns}, {0, ns}};
	uint64_t times;

	if (read(n->timer, &times, sizeof times) > 0)
		timerfd_settime(n->timer, 0, &tick, NULL);
}

void
encl_nitro_step(struct encl_machine *m)
{
	struct encl_nitro *n = (struct encl_nitro *)m;
	uint64_t now;

	if (!n->ended)
		look_for_end(n);
	if (n->heartbeat)
		step_heartbeat(n);
	step_console(n);
	now = encl_clock_ms();
	if (n->heartbeat && !n->ended &&
	    now - n->started >= (uint64_t)n->patience_s * 1000)
		n->late = m->gone = true;
	if (n->ended && (n->console.fd < 0 || now - n->ended >= LAST_WORDS_MS))
		m->gone = true;
	set_tick(n);
}

int
encl_nitro_judge(struct encl_machine *m, struct encl_err *e)
{
	const struct encl_nitro *n = (const struct encl_nitro *)m;
	const char *hint = m->debug ? "" : "; --debug-mode shows its console";

	if (n->late)
		return encl_fail(
			e, ENCL_LOST,
			"no heartbeat within %u s: the enclave runs, but its init "
			"did not reach vsock port 9000 of its parent%s",
			n->patience_s, hint);
	if (n->heartbeat)
		return encl_fail(
			e, ENCL_LOST,
			"the enclave ended %.1f s after its start, before its heartbeat: "
			"its kernel or init gave up (too little memory?), or the "
			"hypervisor refused the image%s",
			(double)(n->ended - n->started) / 1000, hint);
	return 0;
}
