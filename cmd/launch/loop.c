/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop over epoll. */
#include "launch/loop.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static struct {
	int epoll; /* 0: not made yet */
	bool stopped;
	struct timer *timers; /* set ones, in no order */
} loop;

static int
control(int op, struct watch *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data = {.ptr = w}};

	if (!loop.epoll) {
		int fd = epoll_create1(EPOLL_CLOEXEC);

		if (fd < 0)
			return -1;
		loop.epoll = fd; /* never 0: that is stdin */
	}
	return epoll_ctl(loop.epoll, op, w->fd, &e);
}

int
loop_watch(struct watch *w, int fd, uint32_t events)
{
	w->fd = fd;
	if (control(EPOLL_CTL_ADD, w, events) == 0)
		return 0;
	w->fd = -1;
	return -1;
}

int
loop_change(struct watch *w, uint32_t events)
{
	return control(EPOLL_CTL_MOD, w, events);
}

void
loop_unwatch(struct watch *w)
{
	if (w->fd >= 0)
		control(EPOLL_CTL_DEL, w, 0);
	w->fd = -1;
}

uint64_t
loop_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
loop_timer_stop(struct timer *t)
{
	for (struct timer **p = &loop.timers; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->at = 0;
	t->next = NULL;
}

void
loop_timer(struct timer *t, uint64_t ms)
{
	loop_timer_stop(t);
	t->at = loop_ms() + ms;
	t->next = loop.timers;
	loop.timers = t;
}

static struct timer *
first_timer(void)
{
	struct timer *first = loop.timers;

	for (struct timer *t = first; t; t = t->next)
		if (t->at < first->at)
			first = t;
	return first;
}

/* Until the first timer; its expiry is told before any descriptor. */
static int
wait_ms(void)
{
	enum { LONGEST = 3600000 };

	while (!loop.stopped) {
		struct timer *t = first_timer();
		uint64_t now = loop_ms();

		if (!t)
			return LONGEST;
		if (t->at > now)
			return t->at - now < LONGEST ? (int)(t->at - now) : LONGEST;
		loop_timer_stop(t);
		t->expired(t);
	}
	return 0;
}

void
loop_run(void)
{
	while (!loop.stopped) {
		int ms = wait_ms();
		struct epoll_event e;
		struct watch *w;

		/* One event at a time: what it does may end the watch of the next. */
		if (loop.stopped || epoll_wait(loop.epoll, &e, 1, ms) != 1)
			continue;
		w = e.data.ptr;
		w->ready(w, e.events);
	}
	loop.stopped = false;
}

void
loop_stop(void)
{
	loop.stopped = true;
}
