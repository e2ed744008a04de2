/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: it looks for its target (and asks
 * vhost-device-vsock for the port), passes bytes (relay_flow.c), and ends.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "launch/relay_internal.h"

enum {
	TIMEOUT_MS = 10000, /* default of encl_relay_end.timeout_ms */
	RETRY_MS = 100,	    /* and longer between those who have waited long */
	RETRY_MOST_MS = 1000,
	SCARCE_MS = 20,	 /* no descriptor, or the target's queue is full */
	LINGER_MS = 5000 /* for a peer that has to end, or cannot be told of an end */
};

/* ---- lists ---- */

static void
take_out(struct encl_relay_connection *c)
{
	struct encl_relay *r = c->r;

	if (c->previous)
		c->previous->next = c->next;
	else if (c->timed)
		r->timed = c->next;
	else
		r->calm = c->next;
	if (c->next)
		c->next->previous = c->previous;
	c->next = c->previous = NULL;
}

static void
put_into(struct encl_relay_connection *c, bool timed)
{
	struct encl_relay_connection **list = timed ? &c->r->timed : &c->r->calm;

	c->timed = timed;
	c->previous = NULL;
	c->next = *list;
	if (c->next)
		c->next->previous = c;
	*list = c;
}

/* Of thousands of connections the clock looks only at those that wait for it. */
static void
sort_in(struct encl_relay_connection *c)
{
	const bool timed = c->deadline != 0;

	if (c->state == ENCL_RELAY_DEAD || timed == c->timed)
		return;
	take_out(c);
	put_into(c, timed);
}

/* ---- ends ---- */

void
encl_relay_end(struct encl_relay_connection *c)
{
	struct encl_relay *r = c->r;

	if (c->state == ENCL_RELAY_DEAD)
		return;
	c->state = ENCL_RELAY_DEAD;
	for (int i = 0; i < 2; i++) {
		encl_relay_close(r, &c->side[i].source);
		encl_relay_drop(c, &c->flow[i]);
	}
	take_out(c);
	c->next = r->dead;
	r->dead = c;
	r->n--;
	encl_relay_wake(r, 1);
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
	encl_relay_end(c);
}

/* What is left is side[c->waits]: it is heard and, where need be, told the rest. */
static void
closing(struct encl_relay_connection *c)
{
	const int i = c->waits;
	struct encl_relay *r = c->r;
	struct encl_relay_flow *out = &c->flow[!i];
	struct encl_relay_source *s = &c->side[i].source;
	uint32_t events;

	if (!out->done && !encl_relay_pass(c, 1U << !i)) {
		encl_relay_end(c);
		return;
	}
	if (!c->gone)
		c->gone = !encl_relay_drain(c, i);
	if (c->gone && out->done) {
		encl_relay_end(c);
		return;
	}
	events = (c->gone ? 0 : (uint32_t)EPOLLIN) | (out->done ? 0 : (uint32_t)EPOLLOUT);
	if (encl_relay_watch(r, s, events))
		encl_relay_end(c);
}

/* There is no target: an adopted visitor hears of it. */
static void
give_up(struct encl_relay_connection *c)
{
	const struct encl_relay_visitor *v = c->visitor;

	encl_relay_close(c->r, &c->side[1].source);
	if (!v || !v->n_refusal || c->gone ||
	    !encl_relay_first(c, 1, v->refusal, v->n_refusal)) {
		encl_relay_end(c);
		return;
	}
	c->state = ENCL_RELAY_CLOSING;
	c->waits = 0;
	c->flow[1].eof = true;
	/* Who closes with something unread resets, and takes the answer back. */
	c->deadline = encl_relay_now() + LINGER_MS;
	closing(c);
}

/* ---- passing ---- */

static void
both_done(struct encl_relay_connection *c)
{
	c->waits = c->side[1].last;
	if (!c->side[c->waits].last) {
		encl_relay_end(c);
		return;
	}
	c->state = ENCL_RELAY_CLOSING;
	c->deadline = 0;
	encl_relay_close(c->r, &c->side[!c->waits].source);
	closing(c);
}

static void
pass(struct encl_relay_connection *c, unsigned directions)
{
	if (!encl_relay_pass(c, directions)) {
		lose(c);
		return;
	}
	if (c->flow[1].done && c->side[1].lazy)
		c->flow[0].eof = c->flow[0].done = true;
	if (c->flow[0].done && c->flow[1].done) {
		both_done(c);
		return;
	}
	/* It cannot be told of the end: its answer has this long to come. */
	if (c->side[1].lazy && c->flow[0].done)
		c->deadline = encl_relay_now() + LINGER_MS;
	for (int i = 0; i < 2; i++)
		if (encl_relay_watch(c->r, &c->side[i].source, encl_relay_wants(c, i))) {
			lose(c);
			return;
		}
}

/* ---- the target ---- */

static void
connected(struct encl_relay_connection *c)
{
	const struct encl_relay_visitor *v = c->visitor;

	c->state = ENCL_RELAY_PASSING;
	c->reached = true;
	c->deadline = 0;
	if (c->gone) {
		encl_relay_end(c);
		return;
	}
	if (v && (!encl_relay_first(c, 0, v->head, v->n_head) ||
		  !encl_relay_first(c, 1, v->hello, v->n_hello))) {
		lose(c);
		return;
	}
	pass(c, ENCL_RELAY_BOTH);
}

static void
try_again(struct encl_relay_connection *c, uint64_t ms)
{
	const uint64_t at = encl_relay_now() + ms;

	encl_relay_close(c->r, &c->side[1].source);
	if (c->gone || at >= c->deadline) {
		give_up(c);
		return;
	}
	c->state = ENCL_RELAY_RETRYING;
	c->retry_at = at;
}

static void
refused(struct encl_relay_connection *c)
{
	const uint64_t waited = encl_relay_now() - c->since;

	if (!c->target->retry)
		give_up(c);
	else if (waited / 8 < RETRY_MS)
		try_again(c, RETRY_MS);
	else
		try_again(c, waited / 8 < RETRY_MOST_MS ? waited / 8 : RETRY_MOST_MS);
}

/* Not a word about the target: descriptors, memory, or its queue are full. */
static bool
is_scarce(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == ENOBUFS || error == EAGAIN;
}

void
encl_relay_start(struct encl_relay_connection *c)
{
	struct encl_relay_source *s = &c->side[1].source;
	bool pending;

	c->n_reply = 0;
	if (c->target->kind == ENCL_RELAY_OPEN) {
		if (s->fd < 0)
			give_up(c);
		else
			connected(c);
		sort_in(c);
		return;
	}
	s->fd = encl_relay_connect(c->target, &pending);
	if (s->fd < 0) {
		if (is_scarce(errno))
			try_again(c, SCARCE_MS);
		else
			refused(c);
	} else if (!pending && c->target->kind != ENCL_RELAY_UNIX) {
		connected(c);
	} else {
		c->state = pending ? ENCL_RELAY_CONNECTING : ENCL_RELAY_ASKING;
		if (encl_relay_watch(c->r, s, pending ? EPOLLOUT : EPOLLIN))
			give_up(c);
	}
	sort_in(c);
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

/* ---- who comes ---- */

static bool
is_vsock(int fd)
{
	int domain = AF_VSOCK;
	socklen_t n = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) || domain == AF_VSOCK;
}

struct encl_relay_connection *
encl_relay_begin(struct encl_relay *r, int fd, bool framed,
		 const struct encl_relay_end *target)
{
	struct encl_relay_connection *c = calloc(1, sizeof *c);
	unsigned ms = target->timeout_ms ? target->timeout_ms : TIMEOUT_MS;

	for (int i = 0; c && i < 2; i++) {
		c->side[i].c = c;
		c->side[i].source = (struct encl_relay_source){.tag = ENCL_RELAY_SIDE,
							       .fd = i ? -1 : fd};
	}
	if (!c || encl_relay_watch(r, &c->side[0].source, EPOLLET)) {
		struct encl_relay_source lost = {.fd = fd};
		struct encl_relay_source open = {
			.fd = target->kind == ENCL_RELAY_OPEN ? target->fd : -1};

		encl_relay_close(r, &lost);
		encl_relay_close(r, &open);
		free(c);
		return NULL;
	}
	c->r = r;
	c->target = target;
	if (target->kind == ENCL_RELAY_OPEN)
		c->side[1].source.fd = target->fd;
	c->state = ENCL_RELAY_RETRYING;
	c->side[0].framed = framed;
	c->side[0].last = framed && is_vsock(fd);
	c->side[0].plain = !framed && r->splice && !is_vsock(fd);
	c->side[1].framed = target->framed;
	c->side[1].lazy = target->kind == ENCL_RELAY_UNIX && !target->framed;
	c->side[1].plain = !target->framed && target->kind != ENCL_RELAY_VSOCK &&
			   (target->kind != ENCL_RELAY_OPEN || !is_vsock(target->fd));
	c->side[1].last = target->kind == ENCL_RELAY_VSOCK && target->framed;
	c->since = c->retry_at = encl_relay_now();
	c->deadline = c->retry_at + ms;
	put_into(c, true);
	r->n++;
	return c;
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
		encl_relay_end(c);
}

/* Which directions can move when side s has these events. */
static unsigned
to_pass(const struct encl_relay_side *s, uint32_t events)
{
	const int i = s == &s->c->side[1];

	if (events & (EPOLLERR | EPOLLHUP))
		return ENCL_RELAY_BOTH;
	return (events & EPOLLIN ? 1U << i : 0) | (events & EPOLLOUT ? 1U << !i : 0);
}

void
encl_relay_event(struct encl_relay_side *s, uint32_t events)
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
			pass(c, to_pass(s, events));
		break;
	case ENCL_RELAY_CLOSING:
		closing(c);
		break;
	case ENCL_RELAY_DEAD:
		break;
	}
	sort_in(c);
}

uint64_t
encl_relay_due(struct encl_relay_connection *c, uint64_t now)
{
	const bool looking = c->state == ENCL_RELAY_CONNECTING ||
			     c->state == ENCL_RELAY_ASKING ||
			     c->state == ENCL_RELAY_RETRYING;

	if (c->deadline && now >= c->deadline) {
		if (looking)
			give_up(c);
		else
			encl_relay_end(c);
	} else if (c->state == ENCL_RELAY_RETRYING && now >= c->retry_at) {
		encl_relay_start(c);
	}
	sort_in(c);
	if (c->state == ENCL_RELAY_DEAD)
		return 0;
	if (c->state == ENCL_RELAY_RETRYING && c->retry_at < c->deadline)
		return c->retry_at;
	return c->deadline;
}
