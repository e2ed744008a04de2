/* SPDX-License-Identifier: Apache-2.0 */
/*
 * debug.exec (builder/launch/exec.h): connections of the parent, each a program
 * or the output of units.  All on the loop, bounded both ways: input by its
 * window, output by not being read on; who attaches and does not read loses
 * bytes and is told how many.
 */
#include "launch/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/docker.h"
#include "launch/json.h"
#include "launch/launch.h"
#include "launch/relay.h"
#include "launch/session.h"
#include "launch/unit.h"

enum {
	PORT = 9002,
	SESSIONS_MAX = 16,
	ROOM = 4 * (ENCL_EXEC_FRAME + ENCL_EXEC_HEAD),
	CONTROL = 2048,	     /* of it is for other frames than output */
	ASK_MS = 10000,	     /* for the request, and for the daemon's answer */
	REST_MS = 1000,	     /* for output that somebody else holds open */
	AFTER_MAX = 1 << 20, /* more than pipes hold */
	HANG_UP_MS = 5000,
	INSPECT_MAX = 4 << 20,
	TELL_MS = 1000 /* at the enclave's end */
};

enum state { ASKING, LOOKING, RUNNING, ATTACHED, TOLD, GONE };

struct session {
	struct watch socket;
	struct timer timer;
	enum state state;
	struct encl_exec_reader reader;
	uint8_t *bytes; /* of the request */
	struct encl_exec_request request;
	struct exec_place place;
	struct http http;
	struct exec_child x;
	struct watch in, out, err;
	bool ended, closing; /* the program; its input */
	int status;
	size_t after;  /* bytes of output since its end */
	size_t taken;  /* input, not told yet */
	uint64_t lost; /* of attach */
	uint8_t input[ENCL_EXEC_WINDOW];
	size_t in_at, in_n;
	uint8_t sent[ROOM];
	size_t at, n;
};

static struct {
	struct watch listener;
	struct session *sessions[SESSIONS_MAX];
	struct timer timer;
	bool over;
} the;

/* Does what can be done; the session may be gone then. */
static void pump(struct session *s);

static bool
is_here(const struct session *s)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (the.sessions[i] == s)
			return s->state != GONE;
	return false;
}

/* ---- the end of a session ---- */

static void
drop(struct watch *w)
{
	int fd = w->fd;

	if (fd < 0)
		return;
	loop_unwatch(w);
	close(fd);
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
stop_watching(struct watch *w)
{
	if (w->fd >= 0)
		loop_unwatch(w);
}

static void
close_streams(struct session *s)
{
	stop_watching(&s->in);
	stop_watching(&s->out);
	stop_watching(&s->err);
	close_fd(&s->x.in);
	close_fd(&s->x.out);
	close_fd(&s->x.err);
}

/* When its program is reaped, too. */
static void
release(struct session *s)
{
	loop_timer_stop(&s->timer);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (the.sessions[i] == s)
			the.sessions[i] = NULL;
	encl_exec_reader_clear(&s->reader);
	encl_exec_request_clear(&s->request);
	free(s->bytes);
	free(s);
}

static void
kill_late(struct timer *t)
{
	struct session *s = t->arg;

	child_kill(&s->x.child);
}

static void
hang_up(struct session *s)
{
	drop(&s->socket);
	http_cancel(&s->http);
	close_streams(s);
	s->state = GONE;
	if (the.over)
		loop_stop();
	if (!s->x.child.pid) {
		release(s);
		return;
	}
	kill(-s->x.child.pid, SIGHUP);
	child_signal(&s->x.child, SIGHUP);
	child_signal(&s->x.child, SIGCONT);
	s->timer.expired = kill_late;
	loop_timer(&s->timer, HANG_UP_MS);
}

static void
late(struct timer *t)
{
	hang_up(t->arg);
}

/* ---- out ---- */

/* False where the parent is gone. */
static bool
flush(struct session *s)
{
	while (s->at < s->n) {
		ssize_t n = send(s->socket.fd, s->sent + s->at, s->n - s->at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			hang_up(s);
			return false;
		}
		s->at += (size_t)n;
	}
	if (s->at == s->n)
		s->at = s->n = 0;
	loop_change(&s->socket, s->n ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

static size_t
room(struct session *s)
{
	memmove(s->sent, s->sent + s->at, s->n - s->at);
	s->n -= s->at;
	s->at = 0;
	return ROOM - s->n;
}

/* The caller has looked for room, or it is a small one. */
static void
put(struct session *s, enum encl_exec_type type, const void *p, size_t n)
{
	if (room(s) < ENCL_EXEC_HEAD + n)
		return;
	encl_exec_head(s->sent + s->n, type, n);
	if (n)
		memcpy(s->sent + s->n + ENCL_EXEC_HEAD, p, n);
	s->n += ENCL_EXEC_HEAD + n;
}

/* The last frame is in: the parent closes, or time does. */
static void
told(struct session *s)
{
	close_streams(s);
	s->state = TOLD;
	s->timer.expired = late;
	loop_timer(&s->timer, ENCL_EXEC_CLOSE_MS);
	flush(s);
}

static void
fail(struct session *s, int code, const char *why, const char *more)
{
	char text[512];

	text[0] = (char)code;
	join_texts(text + 1, sizeof text - 1, (const char *const[]){why, more, 0});
	put(s, ENCL_EXEC_FAILED, text, strlen(text + 1) + 1);
	told(s);
}

static void
tell_end(struct session *s, int code, int sig)
{
	const uint8_t end[2] = {(uint8_t)code, (uint8_t)sig};

	put(s, ENCL_EXEC_ENDED, end, sizeof end);
	told(s);
}

/* ---- a program ---- */

/* Reads once; true at its end. */
static bool
read_out(struct session *s, int fd, enum encl_exec_type type)
{
	uint8_t *to = s->sent + s->n + ENCL_EXEC_HEAD;
	ssize_t n = read(fd, to, ENCL_EXEC_FRAME);

	if (n > 0) {
		s->after += s->ended ? (size_t)n : 0;
		encl_exec_head(s->sent + s->n, type, (size_t)n);
		s->n += ENCL_EXEC_HEAD + (size_t)n;
	}
	/* EIO: nobody has the terminal any more */
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void
readable(struct session *s, struct watch *w, int *fd, enum encl_exec_type type)
{
	if (room(s) < ENCL_EXEC_FRAME + ENCL_EXEC_HEAD + CONTROL) {
		loop_unwatch(w); /* pump() comes back to it */
		return;
	}
	if (read_out(s, *fd, type)) {
		loop_unwatch(w);
		close_fd(fd);
	}
	if (flush(s))
		pump(s);
}

static void
out_ready(struct watch *w, uint32_t events)
{
	struct session *s = w->arg;

	(void)events;
	readable(s, w, &s->x.out, ENCL_EXEC_OUTPUT);
}

static void
err_ready(struct watch *w, uint32_t events)
{
	struct session *s = w->arg;

	(void)events;
	readable(s, w, &s->x.err, ENCL_EXEC_ERRORS);
}

static void
watch_out(struct session *s, struct watch *w, int fd)
{
	if (fd >= 0 && w->fd < 0 && room(s) >= ENCL_EXEC_FRAME + ENCL_EXEC_HEAD + CONTROL)
		loop_watch(w, fd, EPOLLIN);
}

/* Later where there is no room. */
static void
took(struct session *s)
{
	uint8_t count[4];

	if (!s->taken || room(s) < CONTROL / 2)
		return;
	encl_exec_put32(count, (uint32_t)s->taken);
	put(s, ENCL_EXEC_TOOK, count, sizeof count);
	s->taken = 0;
}

/* Nobody reads it (any more), or it has all of it. */
static void
close_input(struct session *s)
{
	static const char eof = 4; /* a terminal's VEOF */

	stop_watching(&s->in);
	if (s->x.tty && s->x.in >= 0 && write(s->x.in, &eof, 1) < 0)
		s->closing = true; /* nobody is there to be told */
	close_fd(&s->x.in);
}

static void
write_input(struct session *s)
{
	ssize_t n = 0;

	while (s->in_n && s->x.in >= 0) {
		n = write(s->x.in, s->input + s->in_at, s->in_n);
		if (n < 0)
			break;
		s->in_at += (size_t)n;
		s->in_n -= (size_t)n;
		s->taken += (size_t)n;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_input(s);
	if (s->x.in < 0 && s->in_n) {
		s->taken += s->in_n;
		s->in_n = 0;
	}
	if (!s->in_n)
		s->in_at = 0;
	took(s);
}

static void
in_ready(struct watch *w, uint32_t events)
{
	struct session *s = w->arg;

	(void)events;
	loop_unwatch(w);
	write_input(s);
	if (flush(s))
		pump(s);
}

/* The program has ended and so has its output, or nobody waits for that. */
static void
finish(struct session *s)
{
	int sig = WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0;

	tell_end(s, sig ? 128 + sig : WEXITSTATUS(s->status), sig);
}

/* What a program's streams wait for, after whatever happened. */
static void
pump(struct session *s)
{
	if (s->state != RUNNING)
		return;
	write_input(s);
	if (s->in_n && s->in.fd < 0 && s->x.in >= 0)
		loop_watch(&s->in, s->x.in, EPOLLOUT);
	if (!s->in_n && s->closing && s->x.in >= 0)
		close_input(s);
	watch_out(s, &s->out, s->x.out);
	watch_out(s, &s->err, s->x.err);
	if (s->ended && s->x.out < 0 && s->x.err < 0)
		finish(s);
	else
		flush(s);
}

static bool
has_bytes(int fd)
{
	int n;

	return fd >= 0 && ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

/* A child of the program holds its output: that is not waited for. */
static void
rest(struct timer *t)
{
	struct session *s = t->arg;

	/* what it had written itself is waited for all the same */
	if (s->after < AFTER_MAX && (has_bytes(s->x.out) || has_bytes(s->x.err))) {
		loop_timer(t, REST_MS);
		return;
	}
	close_streams(s);
	finish(s);
}

static void
ended(struct child *child, int status)
{
	struct session *s = child->arg;

	if (s->state == GONE) {
		release(s);
		return;
	}
	s->ended = true;
	s->status = status;
	s->timer.expired = rest;
	loop_timer(&s->timer, REST_MS);
	pump(s);
}

static void
start(struct session *s)
{
	const char *why;

	loop_timer_stop(&s->timer);
	s->x.child = (struct child){.ended = ended, .arg = s};
	if (!exec_child_start(&s->x, &s->request, &s->place, &why)) {
		fail(s, LAUNCH_FAILED, "no process could be started: ", why);
		return;
	}
	say("exec: the parent runs a program", s->request.container ? " in " : "",
	    s->request.container ? s->request.container : "");
	s->state = RUNNING;
	put(s, ENCL_EXEC_STARTED, NULL, 0);
	pump(s);
}

/* ---- a container ---- */

static void
inspected(void *arg, const struct http_reply *r)
{
	struct session *s = arg;
	struct json j;
	char text[400];
	long pid = 0;

	if (r->status != 200) {
		docker_message(r, text, sizeof text);
		fail(s, LAUNCH_FAILED, "the Docker daemon: ", text);
		return;
	}
	if (json_parse(&j, r->body, r->n) && json_int(&j, "State.Pid", &pid)) {
		json_text(&j, "Config.User", s->place.user, sizeof s->place.user);
		json_text(&j, "Config.WorkingDir", s->place.dir, sizeof s->place.dir);
	}
	json_clear(&j);
	if (pid <= 0 || pid > INT32_MAX) {
		fail(s, LAUNCH_FAILED,
		     "the container does not run: ", s->request.container);
		return;
	}
	s->place.container = (int)pid;
	start(s);
}

static bool
is_container(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_.-");

	return n && n <= 128 && !name[n] && *name != '.' && *name != '-';
}

static void
look_up(struct session *s)
{
	static char target[256];
	const struct http_request r = {.socket = DOCKER_SOCKET,
				       .method = "GET",
				       .target = target,
				       .timeout_ms = ASK_MS,
				       .body_max = INSPECT_MAX,
				       .done = inspected,
				       .arg = s};

	if (!is_container(s->request.container)) {
		fail(s, LAUNCH_FAILED, "no container has such a name", "");
		return;
	}
	join(target, "/containers/", s->request.container, "/json");
	loop_timer_stop(&s->timer);
	s->state = LOOKING;
	http_start(&s->http, &r);
}

/* ---- the output of units ---- */

static void
tapped(const char *name, bool raw, const char *p, size_t n)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = the.sessions[i];
		const char *unit = s ? s->request.unit : NULL;
		size_t head = unit || raw ? 0 : strlen(name) + 3;
		size_t all = head + n + !raw;
		uint8_t count[8];

		if (!s || s->state != ATTACHED || (unit && strcmp(unit, name) != 0))
			continue;
		if (room(s) < all + 2 * ENCL_EXEC_HEAD + CONTROL) {
			s->lost += all;
			continue;
		}
		if (s->lost) {
			encl_exec_put32(count, (uint32_t)(s->lost >> 32));
			encl_exec_put32(count + 4, (uint32_t)s->lost);
			put(s, ENCL_EXEC_LOST, count, sizeof count);
			s->lost = 0;
		}
		encl_exec_head(s->sent + s->n, ENCL_EXEC_OUTPUT, all);
		s->n += ENCL_EXEC_HEAD;
		if (head) {
			memcpy(s->sent + s->n, name, head - 3);
			memcpy(s->sent + s->n + head - 3, " | ", 3);
		}
		memcpy(s->sent + s->n + head, p, n);
		if (!raw)
			s->sent[s->n + head + n] = '\n';
		s->n += all;
		flush(s);
	}
}

void
exec_unit_ended(const struct unit *u)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = the.sessions[i];

		if (s && s->state == ATTACHED && s->request.unit &&
		    strcmp(s->request.unit, u->config->name) == 0)
			tell_end(s, u->last.code, u->last.signal);
	}
}

static void
attach(struct session *s)
{
	const struct unit *u = s->request.unit ? unit_find(s->request.unit) : NULL;

	if (s->request.unit && !u) {
		fail(s, LAUNCH_FAILED, "there is no unit ", s->request.unit);
		return;
	}
	loop_timer_stop(&s->timer);
	s->state = ATTACHED;
	put(s, ENCL_EXEC_STARTED, NULL, 0);
	if (u && u->state == UNIT_ENDED)
		tell_end(s, u->last.code, u->last.signal);
	else
		flush(s);
}

/* ---- in ---- */

static void
take_request(struct session *s, const uint8_t *p, size_t n)
{
	const char *wrong = "there is no memory for the request";
	const struct unit *u;

	s->bytes = malloc(n);
	if (s->bytes) {
		memcpy(s->bytes, p, n);
		wrong = encl_exec_request_read(s->bytes, n, &s->request);
	}
	if (wrong) {
		fail(s, LAUNCH_FAILED, "the request: ", wrong);
		return;
	}
	if (s->request.attach) {
		attach(s);
		return;
	}
	if (s->request.container) {
		look_up(s);
		return;
	}
	/* without a word of whom: as the one app there is */
	u = unit_find(s->request.unit ? s->request.unit : "app");
	if (s->request.unit && (!u || u->config->kind == UNIT_CONTAINER)) {
		fail(s, LAUNCH_FAILED, "there is no unit with a process ",
		     s->request.unit);
		return;
	}
	s->place.unit = u && u->config->kind == UNIT_PROCESS ? u->config : NULL;
	start(s);
}

/* False where what it says breaks the rules. */
static bool
take_frame(struct session *s, int type, const uint8_t *p, size_t n)
{
	switch (type) {
	case ENCL_EXEC_REQUEST:
		take_request(s, p, n);
		return true;
	case ENCL_EXEC_INPUT:
		if (!s->request.input || s->closing || n > sizeof s->input - s->in_n)
			return false;
		memmove(s->input, s->input + s->in_at, s->in_n);
		s->in_at = 0;
		memcpy(s->input + s->in_n, p, n);
		s->in_n += n;
		return true;
	case ENCL_EXEC_CLOSE:
		s->closing = true;
		return true;
	case ENCL_EXEC_RESIZE:
		exec_child_resize(&s->x, (unsigned)p[0] << 8 | p[1],
				  (unsigned)p[2] << 8 | p[3]);
		return true;
	default: /* a signal: the reader knows no more types */
		if (p[0] == 0 || p[0] > 64)
			return false;
		if (s->state == RUNNING)
			child_signal(&s->x.child, p[0]);
		return true;
	}
}

static void
take(struct session *s, const uint8_t *p, size_t n)
{
	size_t at = 0;

	do {
		const uint8_t *body;
		size_t used, length;
		int type =
			encl_exec_feed(&s->reader, p + at, n - at, &used, &body, &length);

		at += used;
		if (s->reader.broken || (type && !take_frame(s, type, body, length))) {
			hang_up(s);
			return;
		}
		if (!is_here(s))
			return;
	} while (at < n);
	pump(s);
}

static void
socket_ready(struct watch *w, uint32_t events)
{
	static uint8_t bytes[ENCL_EXEC_FRAME];
	struct session *s = w->arg;
	ssize_t n;

	if ((events & EPOLLOUT) && !flush(s))
		return;
	if (events & EPOLLOUT)
		pump(s);
	if (!is_here(s) || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(s->socket.fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0)
		take(s, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(s);
}

/* ---- who comes ---- */

static struct session *
session_new(int fd)
{
	struct session *s = malloc(sizeof *s);

	if (!s)
		return NULL;
	memset(s, 0, offsetof(struct session, input));
	s->in_at = s->in_n = s->at = s->n = 0;
	s->reader.of_parent = true;
	s->x.in = s->x.out = s->x.err = -1;
	s->socket = (struct watch){.fd = -1, .ready = socket_ready, .arg = s};
	s->in = (struct watch){.fd = -1, .ready = in_ready, .arg = s};
	s->out = (struct watch){.fd = -1, .ready = out_ready, .arg = s};
	s->err = (struct watch){.fd = -1, .ready = err_ready, .arg = s};
	s->timer = (struct timer){.expired = late, .arg = s};
	if (loop_watch(&s->socket, fd, EPOLLIN) == 0)
		return s;
	free(s);
	return NULL;
}

static void
came(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned i = 0;

	(void)events;
	if (fd < 0)
		return;
	while (i < SESSIONS_MAX && the.sessions[i])
		i++;
	if (i < SESSIONS_MAX && !encl_relay_is_own(fd))
		the.sessions[i] = session_new(fd);
	if (i == SESSIONS_MAX || !the.sessions[i]) {
		close(fd);
		return;
	}
	loop_timer(&the.sessions[i]->timer, ASK_MS);
}

void
exec_start(const struct config *c)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_VSOCK, .port = PORT};
	int fd;

	the.listener = (struct watch){.fd = -1, .ready = came};
	if (!c->exec || !launch_has_vsock())
		return;
	fd = encl_relay_listen(&end);
	if (fd < 0 || loop_watch(&the.listener, fd, EPOLLIN)) {
		say("exec: listen on vsock ", guest_dec(PORT), ": ", guest_why());
		close_fd(&fd);
		return;
	}
	log_tap = tapped;
	say("debug.exec: the parent may run programs here");
}

/* ---- the end ---- */

static void
enough(struct timer *t)
{
	*(bool *)t->arg = true;
	loop_stop();
}

static bool
anyone_told(void)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (the.sessions[i] && the.sessions[i]->state == TOLD)
			return true;
	return false;
}

void
exec_end(void)
{
	bool over = false;

	the.timer = (struct timer){.expired = enough, .arg = &over};
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = the.sessions[i];

		if (s && s->state == ATTACHED)
			tell_end(s, units_code(), units_signal());
		else if (s && (s->state == RUNNING || s->state == LOOKING))
			fail(s, LAUNCH_FAILED, "the enclave has ended", "");
	}
	the.over = true;
	loop_timer(&the.timer, TELL_MS);
	while (!over && anyone_told())
		loop_run();
	loop_timer_stop(&the.timer);
}
