/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's proxy: a request is read, its name resolved, the addresses judged
 * and tried, one after the other and a little at the same time; from there on the
 * relay has the connection, or tells why there is none.
 */
#include "launch/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "launch/egress_internal.h"
#include "launch/relay.h"

enum {
	EVENTS = 64,
	VISITORS_MAX = 1024, /* whose target is not there yet */
	READ_MAX = 4096,     /* at once, of what has no frames */
	TICK_NS = 50000000,
	HEAD_MS = 10000,
	RESOLVE_MS = 10000,
	CONNECT_MS = 15000, /* for all addresses together */
	OTHERS = 256,	    /* descriptors for all else that run does */
	EACH = 3,	    /* of a connection: see most_of() */
	NEXT_MS = 300,	    /* then the next address is tried beside it */
	ATTEMPTS = 4,
	LINES_BURST = 50, /* of the log, and so many more a second */
	LINES_PER_SECOND = 10
};

enum tag { LISTENER, RESOLVER, TIMER, RELAY, VISITOR, ATTEMPT };

/* First in all that epoll knows. */
struct source {
	enum tag tag;
	int fd; /* or -1 */
	struct visitor *of;
};

enum phase { READING, RESOLVING, CONNECTING, DEAD };

/* A connection of the enclave's until the relay has it. */
struct visitor {
	struct source source;
	struct visitor *next, *previous;
	enum phase phase;
	uint64_t deadline;
	char *bytes; /* what came, without frames */
	size_t n;
	uint8_t frame[2]; /* its length, as far as it is there */
	unsigned n_frame, left;
	struct encl_egress_request request;
	struct encl_lookup *lookup;    /* under way */
	struct encl_lookup *addresses; /* found */
	size_t at;		       /* the next one to try */
	uint64_t next_at;	       /* when to try it */
	struct source attempts[ATTEMPTS];
	struct sockaddr_storage tried[ATTEMPTS];
	const char *why; /* of the last address that was refused, or failed */
	bool forbidden;	 /* it was refused by us */
};

struct encl_egress {
	struct source listener, resolved, timer, relayed;
	char *path; /* of the listener's socket, or NULL */
	int epoll;
	bool framed, local, listening, ticking;
	bool starved; /* of descriptors; the clock looks again */
	uint32_t cid;
	struct encl_log *log;
	struct encl_relay *relay;
	struct encl_resolver *resolver;
	struct visitor *visitors, *dead;
	unsigned n;
	unsigned most, visitors_most; /* connections, and those not there yet */
	/* of the log */
	unsigned tokens;
	uint64_t tokens_at;
	unsigned long unsaid;
};

/* ---- the log ---- */

static bool
may_say(struct encl_egress *g)
{
	const uint64_t now = encl_clock_ms();
	const uint64_t more = (now - g->tokens_at) * LINES_PER_SECOND / 1000;

	if (more) {
		g->tokens = more >= LINES_BURST - g->tokens ? LINES_BURST
							    : g->tokens + (unsigned)more;
		g->tokens_at = now;
	}
	if (!g->tokens) {
		g->unsaid++;
		return false;
	}
	g->tokens--;
	if (g->unsaid)
		encl_info(g->log, "egress: %lu more are not told", g->unsaid);
	g->unsaid = 0;
	return true;
}

/* What the relay gives back at a connection's end. */
struct note {
	struct encl_egress *g;
	char text[ENCL_EGRESS_HOST + ENCL_EGRESS_TEXT + 16];
};

static void
over(void *arg, bool reached, uint64_t out, uint64_t in)
{
	struct note *note = arg;

	if (reached && may_say(note->g))
		encl_info(note->g->log, "egress: %s: %llu bytes out, %llu in", note->text,
			  (unsigned long long)out, (unsigned long long)in);
	free(note);
}

/* ---- epoll ---- */

static int
watch(struct encl_egress *g, struct source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, s->fd, &e);
}

/* Its descriptor stays open; returned. */
static int
unwatch(struct encl_egress *g, struct source *s)
{
	int fd = s->fd;

	if (fd >= 0)
		epoll_ctl(g->epoll, EPOLL_CTL_DEL, fd, NULL);
	s->fd = -1;
	return fd;
}

/* ---- visitors ---- */

static void
close_attempts(struct encl_egress *g, struct visitor *v)
{
	for (int i = 0; i < ATTEMPTS; i++)
		encl_close_fd(unwatch(g, &v->attempts[i]));
}

/* Events of this step may point to it still: freed at the step's end. */
static void
leave(struct encl_egress *g, struct visitor *v)
{
	if (v->phase == DEAD)
		return;
	v->phase = DEAD;
	encl_close_fd(unwatch(g, &v->source));
	close_attempts(g, v);
	if (v->lookup)
		encl_resolver_abandon(g->resolver, v->lookup);
	free(v->addresses);
	free(v->bytes);
	if (v->previous)
		v->previous->next = v->next;
	else
		g->visitors = v->next;
	if (v->next)
		v->next->previous = v->previous;
	v->next = g->dead;
	g->dead = v;
	g->n--;
}

/* Gives it to the relay: with a target, or with -1 and an answer that says why. */
static void
hand_over(struct encl_egress *g, struct visitor *v, int target, const char *answer,
	  struct note *note)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_OPEN, .fd = target};
	const bool reached = target >= 0;
	const struct encl_relay_visitor visitor = {
		.fd = unwatch(g, &v->source),
		.framed = g->framed,
		.head = reached ? v->bytes + v->request.head : NULL,
		.n_head = reached ? v->n - v->request.head : 0,
		.hello = answer,
		.n_hello = reached ? strlen(answer) : 0,
		.refusal = answer,
		.n_refusal = reached ? 0 : strlen(answer),
		.over = note ? over : NULL,
		.arg = note,
	};

	if (encl_relay_adopt(g->relay, &visitor, &end))
		free(note);
	leave(g, v);
}

static void ENCL_PRINTF(4, 5) refuse(struct encl_egress *g, struct visitor *v,
				     const char *status, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char *answer = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	if (may_say(g))
		encl_info(g->log, "egress: %s", text);
	answer = encl_xasprintf("HTTP/1.1 %s\r\nContent-Type: text/plain\r\n"
				"Content-Length: %zu\r\nConnection: close\r\n\r\n"
				"the parent's egress: %s\n",
				status, strlen(text) + strlen("the parent's egress: \n"),
				text);
	hand_over(g, v, -1, answer, NULL);
}

#define BAD_REQUEST "400 Bad Request"
#define FORBIDDEN   "403 Forbidden"
#define BAD_GATEWAY "502 Bad Gateway"
#define TOO_MANY    "503 Service Unavailable"
#define TIMED_OUT   "504 Gateway Timeout"

/* ---- connecting ---- */

static void
connected(struct encl_egress *g, struct visitor *v, int i)
{
	const char *hello =
		v->request.plain ? "" : "HTTP/1.1 200 Connection established\r\n\r\n";
	struct note *note = encl_xcalloc(1, sizeof *note);
	char address[ENCL_EGRESS_TEXT];
	int fd = unwatch(g, &v->attempts[i]);

	encl_egress_format((const struct sockaddr *)&v->tried[i], address);
	note->g = g;
	snprintf(note->text, sizeof note->text, "%s:%u (%s)", v->request.host,
		 v->request.port, address);
	hand_over(g, v, fd, hello, note);
}

static const char *
reason(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		return "the network cannot be reached";
	case EHOSTUNREACH:
		return "the host cannot be reached";
	case ETIMEDOUT:
		return "the host does not answer";
	case ECONNRESET:
		return "connection reset";
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return "the parent has no descriptors left";
	default:
		return "the connection failed";
	}
}

static socklen_t
length_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? sizeof(struct sockaddr_in)
				       : sizeof(struct sockaddr_in6);
}

/* One address: false where it came to nothing at once. */
static bool
attempt(struct encl_egress *g, struct visitor *v, const struct sockaddr_storage *a, int i)
{
	const struct sockaddr *sa = (const struct sockaddr *)a;
	const char *why = encl_egress_refuses(sa, g->local);
	int fd;

	if (why) {
		v->why = why;
		v->forbidden = true;
		return false;
	}
	v->forbidden = false;
	fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		v->why = reason(errno);
		return false;
	}
	encl_relay_set_tcp(fd);
	v->attempts[i].fd = fd;
	v->tried[i] = *a;
	/* A connection that is there at once is told as writable, too. */
	if ((connect(fd, sa, length_of(a)) && errno != EINPROGRESS) ||
	    watch(g, &v->attempts[i], EPOLLOUT)) {
		v->why = reason(errno);
		encl_close_fd(encl_take(v->attempts[i].fd, -1));
		return false;
	}
	return true;
}

/* Tries the next address that can be tried, or says that there is none. */
static void
try_next(struct encl_egress *g, struct visitor *v)
{
	const struct encl_lookup *l = v->addresses;
	bool waits = false;
	int slot = -1;

	for (int i = 0; i < ATTEMPTS; i++) {
		waits = waits || v->attempts[i].fd >= 0;
		if (v->attempts[i].fd < 0)
			slot = i;
	}
	while (slot >= 0 && v->at < l->n)
		if (attempt(g, v, &l->v[v->at++], slot)) {
			v->next_at = encl_clock_ms() + NEXT_MS;
			return;
		}
	if (waits)
		v->next_at = v->deadline;
	else
		refuse(g, v, v->forbidden ? FORBIDDEN : BAD_GATEWAY, "%s:%u%s: %s",
		       v->request.host, v->request.port,
		       v->forbidden ? " is refused" : "", v->why);
}

static void
attempt_ready(struct encl_egress *g, struct visitor *v, struct source *s)
{
	int i = (int)(s - v->attempts);
	socklen_t n = sizeof(int);
	int error = 0;

	if (s->fd < 0) /* by an event before this one */
		return;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n))
		error = errno;
	if (!error) {
		connected(g, v, i);
		return;
	}
	v->why = reason(error);
	v->forbidden = false;
	encl_close_fd(unwatch(g, s));
	try_next(g, v);
}

static void
begin_connecting(struct encl_egress *g, struct visitor *v, struct encl_lookup *found)
{
	v->phase = CONNECTING;
	v->addresses = found;
	v->deadline = encl_clock_ms() + CONNECT_MS;
	try_next(g, v);
}

/* ---- names ---- */

/* An address in digits needs no resolver. */
static struct encl_lookup *
in_digits(const struct encl_egress_request *r)
{
	struct encl_lookup *l = encl_xcalloc(1, sizeof *l);
	struct sockaddr_in *v4 = (struct sockaddr_in *)&l->v[0];
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&l->v[0];

	l->n = 1;
	if (inet_pton(AF_INET, r->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)r->port);
	} else if (inet_pton(AF_INET6, r->host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)r->port);
	} else {
		free(l);
		return NULL;
	}
	return l;
}

static void
find_addresses(struct encl_egress *g, struct visitor *v)
{
	struct encl_lookup *digits = in_digits(&v->request);

	if (digits) {
		begin_connecting(g, v, digits);
		return;
	}
	v->phase = RESOLVING;
	v->deadline = encl_clock_ms() + RESOLVE_MS;
	v->lookup = encl_resolver_ask(g->resolver, v->request.host, v->request.port, v);
	if (!v->lookup)
		refuse(g, v, TOO_MANY, "%s:%u: too many names are being resolved",
		       v->request.host, v->request.port);
}

static void
take_resolved(struct encl_egress *g)
{
	struct encl_lookup *l;

	while ((l = encl_resolver_take(g->resolver))) {
		struct visitor *v = l->arg;

		v->lookup = NULL;
		if (l->n) {
			begin_connecting(g, v, l);
			continue;
		}
		refuse(g, v, BAD_GATEWAY, "%s:%u: %s", v->request.host, v->request.port,
		       l->why);
		free(l);
	}
}

/* ---- requests ---- */

/* What may be read now: never more than the frame has. */
static size_t
room_for(const struct encl_egress *g, const struct visitor *v)
{
	return g->framed ? v->left : READ_MAX;
}

/* The two bytes in front of a frame; false where the visitor is lost. */
static bool
read_frame(struct visitor *v)
{
	ssize_t n = recv(v->source.fd, v->frame + v->n_frame, 2 - v->n_frame, 0);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	v->n_frame += (unsigned)n;
	if (v->n_frame < 2)
		return true;
	v->n_frame = 0;
	v->left = (unsigned)v->frame[0] << 8 | v->frame[1];
	return v->left > 0; /* 0: it has ended before it asked */
}

static bool
read_bytes(const struct encl_egress *g, struct visitor *v)
{
	const size_t room = room_for(g, v);
	ssize_t n;

	v->bytes = encl_xrealloc(v->bytes, v->n + room, 1);
	n = recv(v->source.fd, v->bytes + v->n, room, 0);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	v->n += (size_t)n;
	if (g->framed)
		v->left -= (unsigned)n;
	return true;
}

static void
visitor_ready(struct encl_egress *g, struct visitor *v, uint32_t events)
{
	struct epoll_event quiet = {.events = 0, .data.ptr = &v->source};
	bool alive;
	int r;

	if (v->phase != READING) {
		if (events & (EPOLLHUP | EPOLLERR))
			leave(g, v);
		return;
	}
	alive = g->framed && !v->left ? read_frame(v) : read_bytes(g, v);
	if (!alive) {
		leave(g, v);
		return;
	}
	/* The relay takes over between two frames. */
	if (v->left || !v->n)
		return;
	r = encl_egress_read(v->bytes, v->n, &v->request);
	if (r < 0) {
		refuse(g, v, BAD_REQUEST, "a request that is no CONNECT");
	} else if (r) {
		epoll_ctl(g->epoll, EPOLL_CTL_MOD, v->source.fd, &quiet);
		find_addresses(g, v);
	}
}

/* With AF_VSOCK anybody on this machine can come: other enclaves, too. */
static bool
is_ours(const struct encl_egress *g, int fd)
{
	struct sockaddr_vm a = {.svm_family = AF_UNSPEC};
	socklen_t n = sizeof a;

	return !g->cid || (!getpeername(fd, (struct sockaddr *)&a, &n) &&
			   a.svm_family == AF_VSOCK && a.svm_cid == g->cid);
}

static bool
is_full(const struct encl_egress *g)
{
	return g->n >= g->visitors_most ||
	       g->n + encl_relay_connections(g->relay) >= g->most;
}

static void
came(struct encl_egress *g)
{
	while (!is_full(g)) {
		int fd =
			accept4(g->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct visitor *v;

		if (fd < 0) {
			g->starved = errno == EMFILE || errno == ENFILE ||
				     errno == ENOMEM || errno == ENOBUFS;
			break;
		}
		if (!is_ours(g, fd)) {
			close(fd);
			continue;
		}
		v = encl_xcalloc(1, sizeof *v);
		v->source = (struct source){VISITOR, fd, v};
		for (int i = 0; i < ATTEMPTS; i++)
			v->attempts[i] = (struct source){ATTEMPT, -1, v};
		v->deadline = encl_clock_ms() + HEAD_MS;
		v->next = g->visitors;
		if (v->next)
			v->next->previous = v;
		g->visitors = v;
		g->n++;
		if (watch(g, &v->source, EPOLLIN))
			leave(g, v);
	}
}

/* ---- the clock ---- */

static void
late(struct encl_egress *g, struct visitor *v)
{
	if (v->phase == READING)
		leave(g, v);
	else
		refuse(g, v, TIMED_OUT, "%s:%u: %s", v->request.host, v->request.port,
		       v->phase == RESOLVING ? "the name was not resolved in time"
					     : "the host does not answer");
}

static void
tick(struct encl_egress *g)
{
	const uint64_t now = encl_clock_ms();
	struct visitor *next;
	uint64_t ticks;

	if (read(g->timer.fd, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
		abort();
	g->starved = false;
	for (struct visitor *v = g->visitors; v; v = next) {
		next = v->next;
		if (now >= v->deadline)
			late(g, v);
		else if (v->phase == CONNECTING && now >= v->next_at)
			try_next(g, v);
	}
}

/* The timer runs, and the listener is watched, while there is a reason. */
static void
update(struct encl_egress *g)
{
	const bool full = g->starved || is_full(g);
	const bool ticking = g->visitors || full;
	struct itimerspec t = {.it_interval.tv_nsec = 0};

	if (ticking != g->ticking) {
		t.it_interval.tv_nsec = ticking ? TICK_NS : 0;
		t.it_value = t.it_interval;
		timerfd_settime(g->timer.fd, 0, &t, NULL);
		g->ticking = ticking;
	}
	if (full == g->listening) {
		struct epoll_event e = {.events = full ? 0 : EPOLLIN,
					.data.ptr = &g->listener};

		epoll_ctl(g->epoll, EPOLL_CTL_MOD, g->listener.fd, &e);
		g->listening = !full;
	}
}

/* ---- all ---- */

static void
happen(struct encl_egress *g, struct source *s, uint32_t events)
{
	switch (s->tag) {
	case LISTENER:
		came(g);
		break;
	case RESOLVER:
		take_resolved(g);
		break;
	case TIMER:
		tick(g);
		break;
	case RELAY:
		encl_relay_step(g->relay);
		break;
	case VISITOR:
		if (s->of->phase != DEAD)
			visitor_ready(g, s->of, events);
		break;
	case ATTEMPT:
		if (s->of->phase != DEAD)
			attempt_ready(g, s->of, s);
		break;
	}
}

void
encl_egress_step(struct encl_egress *g)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(g->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++)
		happen(g, events[i].data.ptr, events[i].events);
	update(g);
	while (g->dead) {
		struct visitor *v = g->dead;

		g->dead = v->next;
		free(v);
	}
}

int
encl_egress_fd(const struct encl_egress *g)
{
	return g->epoll;
}

void
encl_egress_free(struct encl_egress *g)
{
	if (!g)
		return;
	while (g->visitors)
		leave(g, g->visitors);
	while (g->dead) {
		struct visitor *v = g->dead;

		g->dead = v->next;
		free(v);
	}
	encl_relay_free(g->relay); /* tells of the connections' ends */
	encl_resolver_free(g->resolver);
	encl_close_fd(g->listener.fd);
	if (g->path)
		unlink(g->path);
	free(g->path);
	encl_close_fd(g->timer.fd);
	encl_close_fd(g->epoll);
	free(g);
}

/* A connection has two descriptors, one that is being made up to five. */
static void
raise_limit(void)
{
	const rlim_t wanted = (rlim_t)ENCL_RELAY_MAX * 8;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/*
 * How many connections there are descriptors for: two each, and up to five for a
 * quarter of them, whose target is looked for.
 */
static unsigned
most_of(void)
{
	struct rlimit limit;
	rlim_t most = ENCL_RELAY_MAX;

	if (!getrlimit(RLIMIT_NOFILE, &limit))
		most = (limit.rlim_cur > (rlim_t)OTHERS * 2 ? limit.rlim_cur - OTHERS
							    : limit.rlim_cur / 2) /
		       EACH;
	return most < 4 ? 4 : most < ENCL_RELAY_MAX ? (unsigned)most : ENCL_RELAY_MAX;
}

struct encl_egress *
encl_egress_serve(int listener, bool framed, uint32_t cid,
		  const struct encl_egress_options *o)
{
	struct encl_egress *g = encl_xcalloc(1, sizeof *g);

	raise_limit();
	g->most = most_of();
	g->visitors_most = g->most / 4 < VISITORS_MAX ? g->most / 4 : VISITORS_MAX;
	g->framed = framed;
	g->cid = cid;
	g->local = o->local;
	g->log = o->log;
	g->tokens = LINES_BURST;
	g->tokens_at = encl_clock_ms();
	g->relay = encl_relay_new(0);
	g->resolver = encl_resolver_new();
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	g->listening = true;
	g->listener = (struct source){LISTENER, listener, NULL};
	g->timer = (struct source){
		TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), NULL};
	g->relayed = (struct source){RELAY, -1, NULL};
	g->resolved = (struct source){RESOLVER, -1, NULL};
	if (g->relay)
		g->relayed.fd = encl_relay_fd(g->relay);
	if (g->resolver)
		g->resolved.fd = encl_resolver_fd(g->resolver);
	if (g->epoll < 0 || watch(g, &g->listener, EPOLLIN) ||
	    watch(g, &g->timer, EPOLLIN) || watch(g, &g->relayed, EPOLLIN) ||
	    watch(g, &g->resolved, EPOLLIN)) {
		int saved = errno;

		encl_egress_free(g);
		errno = saved;
		return NULL;
	}
	return g;
}

int
encl_egress_open(const struct encl_wall *wall, const struct encl_egress_options *o,
		 struct encl_egress **out, uint32_t *port, struct encl_err *e)
{
	struct encl_egress *g;
	uint32_t at = 0;
	int fd;

	if (encl_wall_listen(wall, &at, &fd, e))
		return encl_wrap(e, "egress");
	g = encl_egress_serve(fd, encl_wall_framed(wall), wall->socket ? 0 : wall->cid,
			      o);
	if (!g)
		return encl_fail_sys(e, ENCL_FAILED, "egress");
	if (wall->socket)
		g->path = encl_xasprintf("%s_%u", wall->socket, at);
	*out = g;
	*port = at;
	return 0;
}
