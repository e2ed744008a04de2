/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loop over the connection, the streams and signals.  The enclave may be
 * hostile: frames are bounded, its texts are shown as text.
 */
#include "launch/exec_session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

enum {
	PIECE = 4096, /* a pipe that is ready takes as much at once (PIPE_BUF) */
	ROOM = ENCL_EXEC_REQUEST_MAX + 4 * ENCL_EXEC_FRAME,
	PATIENCE = 3 /* signals until the session itself ends */
};

struct session {
	int fd;
	const struct encl_exec_request *request;
	const struct encl_exec_io *io;
	struct encl_exec_reader reader;
	uint8_t in[16384]; /* received, not read yet */
	size_t in_at, in_n;
	const uint8_t *show; /* output of the last frame: to be written */
	size_t show_n;
	int show_to;
	uint8_t out[ROOM]; /* to the enclave */
	size_t out_at, out_n;
	size_t window; /* input that may be sent */
	bool input;    /* there may be more */
	bool started, over;
	unsigned signals;
	struct encl_exec_end end;
};

static void
session_free(struct session *s)
{
	if (s)
		encl_exec_reader_clear(&s->reader);
	free(s);
}
ENCL_AUTO_PTR(struct session, session_free);

/* ---- the terminal ---- */

struct terminal {
	int fd; /* -1: none was changed */
	struct termios was;
	sigset_t mask;
	int signals;
};

static void
give_back(struct terminal *t)
{
	if (t->fd >= 0)
		tcsetattr(t->fd, TCSADRAIN, &t->was);
	if (t->signals >= 0) {
		close(t->signals);
		pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
	}
}
ENCL_AUTO_VAL(struct terminal, give_back);

static int
take(struct terminal *t, const struct encl_exec_request *r, const struct encl_exec_io *io,
     struct encl_err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGWINCH};
	struct termios raw;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(&set, signals[i]);
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals < 0)
		return encl_fail_sys(e, ENCL_FAILED, "watch signals");
	pthread_sigmask(SIG_BLOCK, &set, &t->mask);
	if (!r->tty || !r->input || tcgetattr(io->in, &t->was))
		return 0;
	raw = t->was;
	cfmakeraw(&raw);
	if (tcsetattr(io->in, TCSADRAIN, &raw) == 0)
		t->fd = io->in;
	return 0;
}

static bool
size_of(const struct encl_exec_io *io, struct winsize *size)
{
	return (ioctl(io->out, TIOCGWINSZ, size) == 0 ||
		ioctl(io->in, TIOCGWINSZ, size) == 0) &&
	       size->ws_col && size->ws_row;
}

/* ---- to the enclave ---- */

static bool
has_room(const struct session *s, size_t n)
{
	return sizeof s->out - s->out_n >= ENCL_EXEC_HEAD + n;
}

static void
put(struct session *s, enum encl_exec_type type, const void *p, size_t n)
{
	if (s->out_at) {
		memmove(s->out, s->out + s->out_at, s->out_n - s->out_at);
		s->out_n -= s->out_at;
		s->out_at = 0;
	}
	if (!has_room(s, n))
		return; /* so many signals that nobody reads */
	encl_exec_head(s->out + s->out_n, type, n);
	if (n)
		memcpy(s->out + s->out_n + ENCL_EXEC_HEAD, p, n);
	s->out_n += ENCL_EXEC_HEAD + n;
}

static void
put_size(struct session *s)
{
	struct winsize size;
	uint8_t text[4];

	if (!s->request->tty || !size_of(s->io, &size))
		return;
	text[0] = (uint8_t)(size.ws_col >> 8);
	text[1] = (uint8_t)size.ws_col;
	text[2] = (uint8_t)(size.ws_row >> 8);
	text[3] = (uint8_t)size.ws_row;
	put(s, ENCL_EXEC_RESIZE, text, sizeof text);
}

static int
put_request(struct session *s, struct encl_err *e)
{
	struct encl_exec_request r = *s->request;
	struct winsize size;
	encl_auto(encl_free) uint8_t *text = NULL;
	size_t n;

	if (r.tty && size_of(s->io, &size)) {
		r.columns = size.ws_col;
		r.rows = size.ws_row;
	}
	text = encl_exec_request_write(&r, &n);
	if (!text)
		return encl_fail(e, ENCL_USAGE,
				 "command and environment are too long: at most %d bytes "
				 "and %d words",
				 ENCL_EXEC_REQUEST_MAX, ENCL_EXEC_STRINGS);
	put(s, ENCL_EXEC_REQUEST, text, n);
	return 0;
}

/* False where the connection is over. */
static bool
send_some(struct session *s)
{
	ssize_t n = send(s->fd, s->out + s->out_at, s->out_n - s->out_at, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	s->out_at += (size_t)n;
	return true;
}

static void
read_input(struct session *s)
{
	uint8_t bytes[ENCL_EXEC_FRAME];
	size_t most = s->window < sizeof bytes ? s->window : sizeof bytes;
	ssize_t n = read(s->io->in, bytes, most);

	if (n > 0) {
		put(s, ENCL_EXEC_INPUT, bytes, (size_t)n);
		s->window -= (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		put(s, ENCL_EXEC_CLOSE, NULL, 0);
		s->input = false;
	}
}

static void
pass_signals(struct session *s, int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof info) == sizeof info) {
		uint8_t number = (uint8_t)info.ssi_signo;

		if (number == SIGWINCH) {
			put_size(s);
			continue;
		}
		if (s->request->attach || ++s->signals == PATIENCE) {
			s->end.interrupted = number;
			s->over = true;
			return;
		}
		put(s, ENCL_EXEC_SIGNAL, &number, 1);
	}
}

/* ---- from the enclave ---- */

static int
take_failure(const uint8_t *p, size_t n, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_xstrndup((const char *)p + 1, n - 1);

	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return encl_fail(e, ENCL_LOST, "%s", text);
}

static int
take_frame(struct session *s, int type, const uint8_t *p, size_t n, struct encl_err *e)
{
	switch (type) {
	case ENCL_EXEC_STARTED:
		s->started = true;
		return 0;
	case ENCL_EXEC_TOOK:
		s->window += encl_exec_get32(p);
		return s->window <= ENCL_EXEC_WINDOW
			       ? 0
			       : encl_fail(
					 e, ENCL_LOST,
					 "the enclave took more input than it was given");
	case ENCL_EXEC_OUTPUT:
	case ENCL_EXEC_ERRORS:
		s->show = p;
		s->show_n = n;
		s->show_to = type == ENCL_EXEC_OUTPUT ? s->io->out : s->io->err;
		return 0;
	case ENCL_EXEC_LOST:
		if (s->io->lost)
			s->io->lost(s->io->arg, (uint64_t)encl_exec_get32(p) << 32 |
							encl_exec_get32(p + 4));
		return 0;
	case ENCL_EXEC_FAILED:
		return take_failure(p, n, e);
	default:
		s->end.code = p[0];
		s->end.signal = p[1];
		s->over = true;
		return 0;
	}
}

/* Whole frames, until one has output to be written. */
static int
take_frames(struct session *s, struct encl_err *e)
{
	while (s->in_at < s->in_n && !s->show_n && !s->over) {
		const uint8_t *body;
		size_t used, length;
		int type = encl_exec_feed(&s->reader, s->in + s->in_at,
					  s->in_n - s->in_at, &used, &body, &length);

		s->in_at += used;
		if (s->reader.broken)
			return encl_fail(e, ENCL_LOST,
					 "what the enclave says is no frame");
		if (type && take_frame(s, type, body, length, e))
			return -1;
	}
	return 0;
}

static int
receive(struct session *s, struct encl_err *e)
{
	ssize_t n = recv(s->fd, s->in, sizeof s->in, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return encl_fail(e, ENCL_LOST, "the enclave has ended, or hung up");
	s->in_at = 0;
	s->in_n = (size_t)n;
	return 0;
}

/* A reader that has gone ends the session as SIGPIPE would. */
static void
show_some(struct session *s)
{
	ssize_t n = write(s->show_to, s->show, s->show_n < PIECE ? s->show_n : PIECE);

	if (n > 0) {
		s->show += n;
		s->show_n -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		s->end.interrupted = SIGPIPE;
		s->over = true;
	}
}

/* ---- the loop ---- */

static int
step(struct session *s, int signals, struct encl_err *e)
{
	bool pending = s->out_n > s->out_at;
	bool asks = s->input && s->started && s->window && !pending;
	struct pollfd p[4] = {
		{s->fd, (short)((s->show_n ? 0 : POLLIN) | (pending ? POLLOUT : 0)), 0},
		{signals, POLLIN, 0},
		{asks ? s->io->in : -1, POLLIN, 0},
		{s->show_n ? s->show_to : -1, POLLOUT, 0},
	};

	/* with nothing to wait for, not even its end is */
	if (!p[0].events)
		p[0].fd = -1;
	if (poll(p, 4, -1) < 0)
		return errno == EINTR ? 0 : encl_fail_sys(e, ENCL_FAILED, "poll");
	if (p[1].revents)
		pass_signals(s, signals);
	if (p[2].revents)
		read_input(s);
	if (p[3].revents)
		show_some(s);
	/* an end is seen by receive(), behind what came before it */
	if (pending && (p[0].revents & POLLOUT) && !send_some(s))
		s->out_at = s->out_n;
	if (!s->show_n && (p[0].revents & (POLLIN | POLLHUP | POLLERR)) && receive(s, e))
		return -1;
	return s->show_n ? 0 : take_frames(s, e);
}

int
encl_exec_session(int fd, const struct encl_exec_request *request,
		  const struct encl_exec_io *io, struct encl_exec_end *out,
		  struct encl_err *e)
{
	encl_auto(give_back) struct terminal terminal = {.fd = -1, .signals = -1};
	encl_auto(session_free) struct session *s = encl_xcalloc(1, sizeof *s);

	s->fd = fd;
	s->request = request;
	s->io = io;
	s->window = ENCL_EXEC_WINDOW;
	s->input = request->input;
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		return encl_fail_sys(e, ENCL_FAILED, "set up the connection");
	if (put_request(s, e) || take(&terminal, request, io, e))
		return -1;
	while (!s->over)
		if (step(s, terminal.signals, e))
			return -1;
	*out = s->end;
	return 0;
}
