/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of one connection: read, put into frames or out of them, written. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "launch/relay_internal.h"

/* Chunks a direction before others get their turn. */
enum { ROUNDS = 4, FRAME = 0xffff };
enum result { LOST, BLOCKED, MOVED };

/* Writes n bytes; what does not fit waits in a copy of its own. */
static enum result
push(struct encl_relay_flow *f, const struct encl_relay_side *to, const char *p, size_t n)
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
	f->n = n - (size_t)w;
	return BLOCKED;
}

static enum result
push_pending(struct encl_relay_flow *f, const struct encl_relay_side *to)
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
	free(f->pending);
	f->pending = NULL;
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
finish(struct encl_relay_flow *f, const struct encl_relay_side *to)
{
	if (to->framed && !f->marked) {
		f->marked = true;
		return push(f, to, "\0", 2);
	}
	/* A lazy side is told by the end of the connection (relay.c's clock). */
	if (!to->framed && !to->lazy)
		shutdown(to->source.fd, SHUT_WR);
	f->done = true;
	return BLOCKED;
}

/* scratch has two bytes in front for a frame's length. */
static enum result
fill(struct encl_relay_flow *f, const struct encl_relay_side *from,
     const struct encl_relay_side *to, char *scratch)
{
	char *p = scratch + 2;
	size_t len;
	ssize_t n;

	do
		n = recv(from->source.fd, p, ENCL_RELAY_CHUNK, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? BLOCKED : LOST;
	if (n == 0) {
		/* frames end by a frame; all else is a loss */
		f->eof = true;
		return from->framed ? LOST : MOVED;
	}
	len = (size_t)n;
	if (from->framed && !take_frames(f, p, &len))
		return LOST;
	f->total += len;
	if (!len)
		return MOVED;
	if (to->framed) {
		p -= 2;
		p[0] = (char)(len >> 8);
		p[1] = (char)(len & 0xff);
		len += 2;
	}
	return push(f, to, p, len);
}

bool
encl_relay_pass_flow(struct encl_relay_connection *c, int i, char *scratch)
{
	struct encl_relay_flow *f = &c->flow[i];
	const struct encl_relay_side *to = &c->side[!i];
	enum result result = MOVED;

	for (int round = 0; round < ROUNDS && result == MOVED && !f->done; round++) {
		if (f->pending)
			result = push_pending(f, to);
		else if (f->eof)
			result = finish(f, to);
		else
			result = fill(f, &c->side[i], to, scratch);
	}
	return result != LOST;
}

bool
encl_relay_pass(struct encl_relay_connection *c, char *scratch)
{
	return encl_relay_pass_flow(c, 0, scratch) && encl_relay_pass_flow(c, 1, scratch);
}

bool
encl_relay_first(struct encl_relay_connection *c, int i, const char *p, size_t n)
{
	struct encl_relay_flow *f = &c->flow[i];
	const size_t extra = c->side[!i].framed ? 2 : 0;
	const size_t frames = (n + FRAME - 1) / FRAME;

	if (!n)
		return true;
	f->pending = malloc(n + frames * extra);
	if (!f->pending)
		return false;
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
encl_relay_drain(struct encl_relay_connection *c, int i, char *scratch)
{
	struct encl_relay_flow *f = &c->flow[i];
	ssize_t n = recv(c->side[i].source.fd, scratch, ENCL_RELAY_CHUNK, 0);
	size_t len = n > 0 ? (size_t)n : 0;

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	/* Framed: its end has come already, and only closing may follow. */
	if (!n || f->eof)
		return false;
	return !c->side[i].framed || (take_frames(f, scratch, &len) && !f->eof);
}

uint32_t
encl_relay_wants(const struct encl_relay_connection *c, int i)
{
	const struct encl_relay_flow *in = &c->flow[i];
	const struct encl_relay_flow *out = &c->flow[!i];
	uint32_t events = 0;

	if (!in->eof && !in->pending)
		events |= EPOLLIN;
	if (out->pending || (out->eof && !out->done))
		events |= EPOLLOUT;
	/* Nothing: told once of an error, never again and again. */
	return events ? events : (uint32_t)EPOLLET;
}
