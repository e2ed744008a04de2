/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listeners, the clock, and steps: one epoll descriptor holds all of it, the
 * timer too.
 */
#include "launch/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "launch/relay_internal.h"

enum {
	EVENTS = 64,
	OTHERS = 128,  /* descriptors that are left alone */
	PAUSE_MS = 100 /* without descriptors or memory */
};

struct encl_relay_listener {
	struct encl_relay_source source;
	struct encl_relay_end target;
	bool framed;
	struct encl_relay_listener *next;
};

uint64_t
encl_relay_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- epoll ---- */

int
encl_relay_watch(struct encl_relay *r, struct encl_relay_source *s, uint32_t events)
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

void
encl_relay_close(struct encl_relay *r, struct encl_relay_source *s)
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
	for (struct encl_relay_listener *l = r->listeners; l; l = l->next) {
		if (accepting) {
			encl_relay_watch(r, &l->source, EPOLLIN);
		} else if (l->source.registered) {
			epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->source.fd, NULL);
			l->source.registered = false;
		}
	}
}

/* ---- the clock ---- */

static void
set_timer(struct encl_relay *r, uint64_t at)
{
	struct itimerspec t = {.it_value = {.tv_sec = (time_t)(at / 1000),
					    .tv_nsec = (long)(at % 1000) * 1000000}};

	if (at == r->armed)
		return;
	r->armed = at;
	timerfd_settime(r->timer.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

void
encl_relay_wake(struct encl_relay *r, uint64_t at)
{
	if (!r->stepping && (!r->armed || at < r->armed))
		set_timer(r, at);
}

/* What is due; returns when the next one is (0: never). */
static uint64_t
run_clock(struct encl_relay *r)
{
	struct encl_relay_connection *next;
	uint64_t nearest, now;

	if (!r->timed && !r->pause_until)
		return 0;
	now = encl_relay_now();
	if (r->pause_until && now >= r->pause_until)
		r->pause_until = 0;
	nearest = r->pause_until;
	for (struct encl_relay_connection *c = r->timed; c; c = next) {
		uint64_t at;

		next = c->next;
		at = encl_relay_due(c, now);
		if (at && (!nearest || at < nearest))
			nearest = at;
	}
	return nearest;
}

/* ---- steps ---- */

/*
 * How many connections this process has descriptors for, when it keeps some for
 * all else that it does.
 */
static unsigned
affordable(const struct encl_relay *r)
{
	struct rlimit limit;
	const rlim_t others = 2 * (rlim_t)ENCL_RELAY_PIPES + OTHERS;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return r->max;
	most = limit.rlim_cur > 2 * others ? (limit.rlim_cur - others) / 2
					   : limit.rlim_cur / 4;
	return most < r->max ? (unsigned)most : r->max;
}

static void
take(struct encl_relay_listener *l, struct encl_relay *r)
{
	const unsigned most = affordable(r);

	while (r->n < most) {
		int fd = accept4(l->source.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct encl_relay_connection *c;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			    errno == ENOBUFS)
				r->pause_until = encl_relay_now() + PAUSE_MS;
			break;
		}
		c = encl_relay_begin(r, fd, l->framed, &l->target);
		if (c)
			encl_relay_start(c);
	}
	if (most < r->max && r->n >= most)
		r->pause_until = encl_relay_now() + PAUSE_MS;
}

static void
bury(struct encl_relay *r)
{
	struct encl_relay_connection *c;

	while ((c = r->dead)) {
		const struct encl_relay_visitor *v = c->visitor;

		r->dead = c->next;
		if (v && v->over)
			v->over(v->arg, c->reached, c->flow[0].total, c->flow[1].total);
		free(c->visitor);
		free(c);
	}
}

void
encl_relay_step(struct encl_relay *r)
{
	struct epoll_event events[EVENTS];
	uint64_t ticks;
	int n = epoll_wait(r->epoll, events, EVENTS, 0);

	r->stepping = true;
	for (int i = 0; i < n; i++) {
		struct encl_relay_source *s = events[i].data.ptr;

		if (s->tag == ENCL_RELAY_LISTENER)
			take((struct encl_relay_listener *)s, r);
		else if (s->tag == ENCL_RELAY_SIDE)
			encl_relay_event((struct encl_relay_side *)s, events[i].events);
		else if (read(s->fd, &ticks, sizeof ticks) == (ssize_t)sizeof ticks)
			r->armed = 0;
	}
	set_timer(r, run_clock(r));
	r->stepping = false;
	update_accepting(r);
	bury(r);
	if (!r->n)
		encl_relay_pipes_clear(&r->pipes);
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
	r->splice = encl_relay_can_splice();
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->timer = (struct encl_relay_source){.tag = ENCL_RELAY_TIMER, .fd = -1};
	if (r->epoll >= 0)
		r->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer.fd < 0 || encl_relay_watch(r, &r->timer, EPOLLIN)) {
		int saved = errno;

		encl_relay_free(r);
		errno = saved;
		return NULL;
	}
	return r;
}

static void
free_listener(struct encl_relay_listener *l)
{
	free((char *)(uintptr_t)l->target.path);
	free((char *)(uintptr_t)l->target.host);
	free(l);
}

int
encl_relay_add(struct encl_relay *r, const struct encl_relay_end *listen,
	       const struct encl_relay_end *target)
{
	struct encl_relay_listener *l = calloc(1, sizeof *l);

	if (!l) {
		if (listen->fd > 0)
			close(listen->fd);
		return -1;
	}
	l->target = *target;
	l->target.path = target->path ? strdup(target->path) : NULL;
	l->target.host = target->host ? strdup(target->host) : NULL;
	l->framed = listen->framed;
	l->source = (struct encl_relay_source){.tag = ENCL_RELAY_LISTENER, .fd = -1};
	if (listen->fd > 0)
		l->source.fd = listen->fd;
	else if ((!target->path || l->target.path) && (!target->host || l->target.host))
		l->source.fd = encl_relay_listen(listen);
	if (l->source.fd < 0 ||
	    (r->accepting && encl_relay_watch(r, &l->source, EPOLLIN))) {
		int saved = errno;

		encl_relay_close(r, &l->source);
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
	while (r->timed)
		encl_relay_end(r->timed);
	while (r->calm)
		encl_relay_end(r->calm);
	bury(r);
	encl_relay_pipes_clear(&r->pipes);
	while (r->listeners) {
		struct encl_relay_listener *l = r->listeners;

		r->listeners = l->next;
		encl_relay_close(r, &l->source);
		free_listener(l);
	}
	encl_relay_close(r, &r->timer);
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
