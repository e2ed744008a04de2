/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one connection: read, put into frames or out of them, written. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "launch/relay_internal.h"

enum {
	ROUNDS = 4, /* reads of a direction before others get their turn */
	FRAME = 0xffff,
	BULK = 16384 /* from such a read on splice is worth its calls */
};
enum result { LOST, BLOCKED, MOVED };

/* Writes n bytes; what does not fit waits in a copy of its own. */
static enum result
push(struct encl_relay_connection *c, struct encl_relay_flow *f,
     const struct encl_relay_side *to, const char *p, size_t n)
{
	ssize_t w;

	do
		w = send(to->source.fd, p, n, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		return LOST;
	if (w < 0)
		w = 0;
	if ((size_t)w == n)
		return MOVED;
	f->pending = malloc(n - (size_t)w);
	if (!f->pending)
		return LOST;
	memcpy(f->pending, p + w, n - (size_t)w);
	f->at = 0;
	f->n = f->size = n - (size_t)w;
	c->r->pending += f->size;
	return BLOCKED;
}

static enum result
push_pending(struct encl_relay_connection *c, struct encl_relay_flow *f,
	     const struct encl_relay_side *to)
{
	ssize_t w;

	do
		w = send(to->source.fd, f->pending + f->at, f->n - f->at, MSG_NOSIGNAL);
	while (w < 0 && errno == EINTR);
	if (w < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : LOST;
	f->at += (size_t)w;
	if (f->at < f->n)
		return BLOCKED;
	encl_relay_drop(c, f);
	f->at = f->n = 0;
	return MOVED;
}

/*
 * Frames to their bytes, in place; *n becomes the number of these.  False where
 * something follows the frame that ends the direction.
 */
static bool
take_frames(struct encl_relay_flow *f, char *p, size_t *n)
{
	size_t in = 0;
	size_t out = 0;

	while (in < *n && !f->eof) {
		size_t part = *n - in < f->left ? *n - in : f->left;

		if (f->left) {
			memmove(p + out, p + in, part);
			in += part;
			out += part;
			f->left -= (unsigned)part;
			continue;
		}
		f->head[f->n_head++] = (uint8_t)p[in++];
		if (f->n_head < 2)
			continue;
		f->n_head = 0;
		f->left = (unsigned)f->head[0] << 8 | f->head[1];
		f->eof = !f->left;
	}
	if (in < *n)
		return false;
	*n = out;
	return true;
}

/* The end of a direction, told as the other side understands it. */
static enum result
finish(struct encl_relay_connection *c, struct encl_relay_flow *f,
       const struct encl_relay_side *to)
{
	if (to->framed && !f->marked) {
		f->marked = true;
		return push(c, f, to, "\0", 2);
	}
	/* A lazy side is told by the end of the connection (relay.c's clock). */
	if (!to->framed && !to->lazy)
		shutdown(to->source.fd, SHUT_WR);
	f->done = true;
	return BLOCKED;
}

/*
 * At most so many bytes at once: what the other side does not take has to be kept,
 * and that is bounded in all connections together.
 */
static size_t
room(const struct encl_relay *r)
{
	if (r->pending <= ENCL_RELAY_EASY - ENCL_RELAY_READ)
		return ENCL_RELAY_READ;
	return r->pending <= ENCL_RELAY_PENDING - ENCL_RELAY_CHUNK ? ENCL_RELAY_CHUNK
								   : ENCL_RELAY_LEAST;
}

/* Reads with room for the length of a frame before each FRAME bytes. */
static ssize_t
read_for_frames(int fd, char *p, size_t most)
{
	struct iovec parts[ENCL_RELAY_READ / FRAME + 1];
	size_t n = 0;

	for (; most; n++) {
		const size_t part = most < FRAME ? most : FRAME;

		p += 2;
		parts[n] = (struct iovec){p, part};
		p += part;
		most -= part;
	}
	return readv(fd, parts, (int)n);
}

/* Writes these lengths; n becomes the number of bytes with them. */
static size_t
frame(char *p, size_t n)
{
	size_t all = 0;

	while (n) {
		const size_t part = n < FRAME ? n : FRAME;

		p[all++] = (char)(part >> 8);
		p[all++] = (char)(part & 0xff);
		all += part;
		n -= part;
	}
	return all;
}

static enum result
copy(struct encl_relay_connection *c, int i)
{
	const struct encl_relay_side *from = &c->side[i], *to = &c->side[!i];
	struct encl_relay_flow *f = &c->flow[i];
	char *p = c->r->scratch;
	size_t most = room(c->r), len;
	enum result result;
	ssize_t n;

	/* Frame to frame is rare: one read, one frame. */
	if (from->framed && to->framed)
		most = ENCL_RELAY_CHUNK;
	do
		n = to->framed ? read_for_frames(from->source.fd, p, most)
			       : recv(from->source.fd, p, most, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : LOST;
	if (n == 0) {
		/* frames end by a frame; all else is a loss */
		f->eof = true;
		return from->framed ? LOST : MOVED;
	}
	len = (size_t)n;
	f->bulk = len >= BULK;
	if (from->framed && !take_frames(f, to->framed ? p + 2 : p, &len))
		return LOST;
	f->total += len;
	if (!len)
		return MOVED;
	result = push(c, f, to, p, to->framed ? frame(p, len) : len);
	/* Less than was asked for: there is no more now, epoll will tell. */
	return result == MOVED && (size_t)n < most && !f->eof ? BLOCKED : result;
}

/* ---- without a copy ---- */

static enum result
empty_pipe(struct encl_relay_connection *c, int i)
{
	struct encl_relay_flow *f = &c->flow[i];
	ssize_t n;

	do
		n = encl_relay_pipe_empty(f->pipe, c->side[!i].source.fd, f->piped);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EINVAL) {
		/* Not with these sockets, or not by this kernel. */
		c->side[i].plain = false;
		n = encl_relay_pipe_read(f->pipe, c->r->scratch, f->piped);
		if (n != (ssize_t)f->piped)
			return LOST;
		f->piped = 0;
		return push(c, f, &c->side[!i], c->r->scratch, (size_t)n);
	}
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? BLOCKED
									  : LOST;
	f->piped -= (size_t)n;
	return f->piped ? BLOCKED : MOVED;
}

/* How much the socket takes now, more or less; 0 where epoll would wait for it.
 * TIOCOUTQ is what linux/sockios.h, which musl does not ship, calls SIOCOUTQ. */
static size_t
vacant(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	socklen_t n = sizeof(int);
	int most = 0, queued = 0;

	if (!poll(&p, 1, 0))
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, &n) ||
	    ioctl(fd, TIOCOUTQ, &queued) || most - queued >= ENCL_RELAY_SPLICE)
		return ENCL_RELAY_SPLICE;
	return most - queued > BULK ? (size_t)(most - queued) : BULK;
}

static enum result
move(struct encl_relay_connection *c, int i)
{
	struct encl_relay_flow *f = &c->flow[i];
	ssize_t n;

	/* A pipe that cannot be emptied is held; when they become few none may be. */
	const bool few = c->r->pipes.n - c->r->pipes.n_idle >= ENCL_RELAY_PIPES / 2;
	const size_t most = few ? vacant(c->side[!i].source.fd) : ENCL_RELAY_SPLICE;

	f->full = !most;
	if (f->full)
		return BLOCKED;
	if (!f->pipe)
		f->pipe = encl_relay_pipe_get(&c->r->pipes);
	if (!f->pipe)
		return copy(c, i);
	do
		n = encl_relay_pipe_fill(f->pipe, c->side[i].source.fd, most);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EINVAL) {
		c->side[i].plain = false;
		return copy(c, i);
	}
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : LOST;
	f->eof = n == 0;
	f->bulk = n >= BULK;
	f->piped = (size_t)n;
	f->total += (uint64_t)n;
	return n ? empty_pipe(c, i) : MOVED;
}

/* ---- both ---- */

static enum result
pass_once(struct encl_relay_connection *c, int i)
{
	struct encl_relay_flow *f = &c->flow[i];

	if (f->pending)
		return push_pending(c, f, &c->side[!i]);
	if (f->piped)
		return empty_pipe(c, i);
	if (f->eof)
		return finish(c, f, &c->side[!i]);
	if (f->bulk && c->side[0].plain && c->side[1].plain)
		return move(c, i);
	return copy(c, i);
}

static bool
pass_flow(struct encl_relay_connection *c, int i)
{
	struct encl_relay_flow *f = &c->flow[i];
	enum result result = MOVED;

	f->full = false;
	for (int round = 0; round < ROUNDS && result == MOVED && !f->done; round++)
		result = pass_once(c, i);
	if (!f->piped) {
		encl_relay_pipe_put(&c->r->pipes, f->pipe, true);
		f->pipe = NULL;
	}
	return result != LOST;
}

bool
encl_relay_pass(struct encl_relay_connection *c, unsigned directions)
{
	for (int i = 0; i < 2; i++)
		if (directions & 1U << i && !pass_flow(c, i))
			return false;
	return true;
}

void
encl_relay_drop(struct encl_relay_connection *c, struct encl_relay_flow *f)
{
	if (f->pending)
		c->r->pending -= f->size;
	free(f->pending);
	f->pending = NULL;
	encl_relay_pipe_put(&c->r->pipes, f->pipe, !f->piped);
	f->pipe = NULL;
	f->piped = 0;
}

bool
encl_relay_first(struct encl_relay_connection *c, int i, const char *p, size_t n)
{
	struct encl_relay_flow *f = &c->flow[i];
	const size_t extra = c->side[!i].framed ? 2 : 0;
	const size_t frames = (n + FRAME - 1) / FRAME;

	if (!n)
		return true;
	f->size = n + frames * extra;
	f->pending = malloc(f->size);
	if (!f->pending)
		return false;
	c->r->pending += f->size;
	if (!i)
		f->total += n;
	for (size_t part; n; p += part, n -= part) {
		part = n < FRAME ? n : FRAME;
		if (extra) {
			f->pending[f->n++] = (char)(part >> 8);
			f->pending[f->n++] = (char)(part & 0xff);
		}
		memcpy(f->pending + f->n, p, part);
		f->n += part;
	}
	return true;
}

bool
encl_relay_drain(struct encl_relay_connection *c, int i)
{
	struct encl_relay_flow *f = &c->flow[i];
	ssize_t n = recv(c->side[i].source.fd, c->r->scratch, ENCL_RELAY_READ, 0);
	size_t len = n > 0 ? (size_t)n : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	/* Framed: its end has come already, and only closing may follow. */
	if (!n || f->eof)
		return false;
	return !c->side[i].framed || (take_frames(f, c->r->scratch, &len) && !f->eof);
}

uint32_t
encl_relay_wants(const struct encl_relay_connection *c, int i)
{
	const struct encl_relay_flow *in = &c->flow[i];
	const struct encl_relay_flow *out = &c->flow[!i];
	uint32_t events = 0;

	if (!in->eof && !in->pending && !in->piped && !in->full)
		events |= EPOLLIN;
	if (out->pending || out->piped || out->full || (out->eof && !out->done))
		events |= EPOLLOUT;
	/* Nothing: told once of an error, never again and again. */
	return events ? events : (uint32_t)EPOLLET;
}
