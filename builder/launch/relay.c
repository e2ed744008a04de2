/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners, connections that come about, and the clock; relay_flow.c passes
 * the bytes.  One epoll descriptor holds all of it, the timer too.
 */
#include "launch/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launch/relay_internal.h"

enum {
	EVENTS = 64,
	TIMEOUT_MS = 10000, /* default of encl_relay_end.timeout_ms */
	RETRY_MS = 100,
	LINGER_MS = 5000, /* for a target that cannot be told of an end */
	PAUSE_MS = 100	  /* without descriptors or memory */
};

struct listener {
	struct encl_relay_source source;
	struct encl_relay_end target;
	bool framed;
	struct listener *next;
};

struct encl_relay {
	struct encl_relay_source timer;
	int epoll;
	bool held;
	bool accepting; /* the listeners are registered */
	unsigned n, max;
	uint64_t pause_until; /* 0: not paused */
	struct listener *listeners;
	struct encl_relay_connection *connections, *dead;
	char scratch[ENCL_RELAY_SCRATCH];
};

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- epoll ---- */

static int
watch(struct encl_relay *r, struct encl_relay_source *s, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = s};

	if (s->registered && s->events == events)
		return 0;
	if (epoll_ctl(r->epoll, s->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd,
		      &event))
		return -1;
	s->registered = true;
	s->events = events;
	return 0;
}

static void
close_source(struct encl_relay *r, struct encl_relay_source *s)
{
	if (s->fd < 0)
		return;
	if (s->registered)
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	close(s->fd);
	s->fd = -1;
	s->registered = false;
}

/* Listeners are watched while a connection could be taken. */
static void
update_accepting(struct encl_relay *r)
{
	bool accepting = !r->held && r->n < r->max && !r->pause_until;

	if (accepting == r->accepting)
		return;
	r->accepting = accepting;
	for (struct listener *l = r->listeners; l; l = l->next) {
		if (accepting) {
			watch(r, &l->source, EPOLLIN);
		} else if (l->source.registered) {
			epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->source.fd, NULL);
			l->source.registered = false;
		}
	}
}

/* ---- the life of a connection ---- */

/* Events of this step may point to it still, so it is freed at the step's end. */
static void
end(struct encl_relay_connection *c)
{
	struct encl_relay *r = c->r;

	if (c->state == ENCL_RELAY_DEAD)
		return;
	c->state = ENCL_RELAY_DEAD;
	for (int i = 0; i < 2; i++) {
		close_source(r, &c->side[i].source);
		free(c->flow[i].pending);
		c->flow[i].pending = NULL;
	}
	if (c->previous)
		c->previous->next = c->next;
	else
		r->connections = c->next;
	if (c->next)
		c->next->previous = c->previous;
	c->next = r->dead;
	r->dead = c;
	r->n--;
}

/* A loss must not look like an end: TCP peers get a reset. */
static void
lose(struct encl_relay_connection *c)
{
	const struct linger reset = {1, 0};

	for (int i = 0; i < 2; i++)
		if (c->side[i].source.fd >= 0 && !c->side[i].framed)
			setsockopt(c->side[i].source.fd, SOL_SOCKET, SO_LINGER, &reset,
				   sizeof reset);
	end(c);
}

static void
pass(struct encl_relay_connection *c)
{
	struct encl_relay *r = c->r;

	if (!encl_relay_pass(c, r->scratch)) {
		lose(c);
		return;
	}
	if (c->flow[1].done && c->side[1].lazy)
		c->flow[0].eof = c->flow[0].done = true;
	if (c->flow[0].done && c->flow[1].done) {
		if (!c->side[0].framed) {
			end(c);
			return;
		}
		c->state = ENCL_RELAY_CLOSING;
		close_source(r, &c->side[1].source);
		if (watch(r, &c->side[0].source, EPOLLIN))
			end(c);
		return;
	}
	/* It cannot be told of the end: its answer has this long to come. */
	if (c->side[1].lazy && c->flow[0].done)
		c->deadline = now_ms() + LINGER_MS;
	for (int i = 0; i < 2; i++)
		if (watch(r, &c->side[i].source, encl_relay_wants(c, i))) {
			lose(c);
			return;
		}
}

static void start(struct encl_relay_connection *c);

static void
refused(struct encl_relay_connection *c)
{
	close_source(c->r, &c->side[1].source);
	if (!c->target->retry || c->gone || now_ms() + RETRY_MS >= c->deadline) {
		end(c);
		return;
	}
	c->state = ENCL_RELAY_RETRYING;
	c->retry_at = now_ms() + RETRY_MS;
}

static void
connected(struct encl_relay_connection *c)
{
	c->state = ENCL_RELAY_PASSING;
	c->deadline = 0;
	if (c->gone)
		end(c);
	else
		pass(c);
}

static void
start(struct encl_relay_connection *c)
{
	struct encl_relay_source *s = &c->side[1].source;
	bool pending;

	c->n_reply = 0;
	s->fd = encl_relay_connect(c->target, &pending);
	if (s->fd < 0) {
		refused(c);
		return;
	}
	if (!pending && c->target->kind != ENCL_RELAY_UNIX) {
		connected(c);
		return;
	}
	c->state = pending ? ENCL_RELAY_CONNECTING : ENCL_RELAY_ASKING;
	if (watch(c->r, s, pending ? EPOLLOUT : EPOLLIN))
		end(c);
}

/* "OK N\n" and not a byte more: what follows is the peer's. */
static void
read_reply(struct encl_relay_connection *c)
{
	int fd = c->side[1].source.fd;
	char *at = c->reply + c->n_reply;
	ssize_t n = recv(fd, at, sizeof c->reply - c->n_reply, MSG_PEEK);
	char *newline = n > 0 ? memchr(at, '\n', (size_t)n) : NULL;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (newline)
		n = newline + 1 - at;
	if (n <= 0 || recv(fd, at, (size_t)n, 0) != n) {
		refused(c);
		return;
	}
	c->n_reply += (unsigned)n;
	if (newline && c->n_reply > 3 && !memcmp(c->reply, "OK ", 3))
		connected(c);
	else if (newline || c->n_reply == sizeof c->reply)
		refused(c);
}

static void
came(struct listener *l, struct encl_relay *r, int fd)
{
	struct encl_relay_connection *c = calloc(1, sizeof *c);
	unsigned ms = l->target.timeout_ms ? l->target.timeout_ms : TIMEOUT_MS;

	if (!c) {
		close(fd);
		return;
	}
	c->r = r;
	c->target = &l->target;
	for (int i = 0; i < 2; i++) {
		c->side[i].c = c;
		c->side[i].source = (struct encl_relay_source){.tag = ENCL_RELAY_SIDE,
							       .fd = i ? -1 : fd};
	}
	c->side[0].framed = l->framed;
	c->side[1].framed = l->target.framed;
	c->side[1].lazy = l->target.kind == ENCL_RELAY_UNIX && !l->target.framed;
	c->deadline = now_ms() + ms;
	c->next = r->connections;
	if (c->next)
		c->next->previous = c;
	r->connections = c;
	r->n++;
	if (watch(r, &c->side[0].source, EPOLLET))
		end(c);
	else
		start(c);
}

static void
take(struct listener *l, struct encl_relay *r)
{
	while (r->n < r->max) {
		int fd = accept4(l->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			came(l, r, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			 errno == ENOBUFS)
			r->pause_until = now_ms() + PAUSE_MS;
		if (fd < 0)
			break;
	}
}

/* ---- events ---- */

static int
socket_error(int fd)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		return errno;
	return error;
}

/* Who came, before the target is there: only leaving is of interest. */
static void
early(struct encl_relay_connection *c, uint32_t events)
{
	if (!(events & (EPOLLERR | EPOLLHUP)))
		return;
	c->gone = true;
	/* vhost-device-vsock does not bear a peer that leaves before its answer. */
	if (c->state != ENCL_RELAY_ASKING)
		end(c);
}

static void
closing(struct encl_relay_connection *c)
{
	char byte;
	ssize_t n = recv(c->side[0].source.fd, &byte, 1, 0);

	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		end(c);
}

static void
side_ready(struct encl_relay_side *s, uint32_t events)
{
	struct encl_relay_connection *c = s->c;

	switch (c->state) {
	case ENCL_RELAY_CONNECTING:
	case ENCL_RELAY_ASKING:
	case ENCL_RELAY_RETRYING:
		if (s == &c->side[0])
			early(c, events);
		else if (c->state == ENCL_RELAY_ASKING)
			read_reply(c);
		else if (socket_error(s->source.fd))
			refused(c);
		else
			connected(c);
		break;
	case ENCL_RELAY_PASSING:
		if ((events & EPOLLERR) && socket_error(s->source.fd))
			lose(c);
		else
			pass(c);
		break;
	case ENCL_RELAY_CLOSING:
		closing(c);
		break;
	case ENCL_RELAY_DEAD:
		break;
	}
}

/* What is due; returns when the next one is (0: never). */
static uint64_t
run_clock(struct encl_relay *r)
{
	const uint64_t now = now_ms();
	struct encl_relay_connection *next;
	uint64_t nearest = 0;

	if (r->pause_until && now >= r->pause_until)
		r->pause_until = 0;
	nearest = r->pause_until;
	for (struct encl_relay_connection *c = r->connections; c; c = next) {
		uint64_t at;

		next = c->next;
		if (c->deadline && now >= c->deadline) {
			end(c);
			continue;
		}
		if (c->state == ENCL_RELAY_RETRYING && now >= c->retry_at)
			start(c);
		if (c->state == ENCL_RELAY_DEAD)
			continue;
		at = c->state == ENCL_RELAY_RETRYING && c->retry_at < c->deadline
			     ? c->retry_at
			     : c->deadline;
		if (at && (!nearest || at < nearest))
			nearest = at;
	}
	return nearest;
}

static void
set_timer(struct encl_relay *r, uint64_t at)
{
	struct itimerspec t = {.it_value = {.tv_sec = (time_t)(at / 1000),
					    .tv_nsec = (long)(at % 1000) * 1000000}};

	timerfd_settime(r->timer.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

void
encl_relay_step(struct encl_relay *r)
{
	struct epoll_event events[EVENTS];
	struct encl_relay_connection *c;
	uint64_t ticks;
	int n = epoll_wait(r->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		struct encl_relay_source *s = events[i].data.ptr;

		if (s->tag == ENCL_RELAY_LISTENER)
			take((struct listener *)s, r);
		else if (s->tag == ENCL_RELAY_SIDE)
			side_ready((struct encl_relay_side *)s, events[i].events);
		else if (read(s->fd, &ticks, sizeof ticks) < 0)
			continue;
	}
	set_timer(r, run_clock(r));
	update_accepting(r);
	while ((c = r->dead)) {
		r->dead = c->next;
		free(c);
	}
}

/* ---- the relay ---- */

struct encl_relay *
encl_relay_new(unsigned max)
{
	struct encl_relay *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->max = max ? max : ENCL_RELAY_MAX;
	r->accepting = true;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->timer = (struct encl_relay_source){.tag = ENCL_RELAY_TIMER, .fd = -1};
	if (r->epoll >= 0)
		r->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer.fd < 0 || watch(r, &r->timer, EPOLLIN)) {
		int saved = errno;

		encl_relay_free(r);
		errno = saved;
		return NULL;
	}
	return r;
}

static void
free_listener(struct listener *l)
{
	free((char *)(uintptr_t)l->target.path);
	free((char *)(uintptr_t)l->target.host);
	free(l);
}

int
encl_relay_add(struct encl_relay *r, const struct encl_relay_end *listen,
	       const struct encl_relay_end *target)
{
	struct listener *l = calloc(1, sizeof *l);

	if (!l)
		return -1;
	l->target = *target;
	l->target.path = target->path ? strdup(target->path) : NULL;
	l->target.host = target->host ? strdup(target->host) : NULL;
	l->framed = listen->framed;
	l->source = (struct encl_relay_source){.tag = ENCL_RELAY_LISTENER, .fd = -1};
	if ((!target->path || l->target.path) && (!target->host || l->target.host))
		l->source.fd = encl_relay_listen(listen);
	if (l->source.fd < 0 || (r->accepting && watch(r, &l->source, EPOLLIN))) {
		int saved = errno;

		close_source(r, &l->source);
		free_listener(l);
		errno = saved;
		return -1;
	}
	l->next = r->listeners;
	r->listeners = l;
	return 0;
}

void
encl_relay_free(struct encl_relay *r)
{
	if (!r)
		return;
	while (r->connections)
		end(r->connections);
	while (r->dead) {
		struct encl_relay_connection *c = r->dead;

		r->dead = c->next;
		free(c);
	}
	while (r->listeners) {
		struct listener *l = r->listeners;

		r->listeners = l->next;
		close_source(r, &l->source);
		free_listener(l);
	}
	close_source(r, &r->timer);
	if (r->epoll >= 0)
		close(r->epoll);
	free(r);
}

void
encl_relay_hold(struct encl_relay *r, bool hold)
{
	r->held = hold;
	update_accepting(r);
}

int
encl_relay_fd(const struct encl_relay *r)
{
	return r->epoll;
}

unsigned
encl_relay_connections(const struct encl_relay *r)
{
	return r->n;
}
