/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request on the loop: connects, sends, receives, and calls back once, with
 * a reply or with the reason why there is none.
 */
#include "launch/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest/say.h"

enum { PIECE = 65536 };

static const char no_memory[] = "not enough memory";

/* Closes everything but the collected body. */
static void
release(struct http *h)
{
	if (h->watch.fd >= 0) {
		int fd = h->watch.fd;

		loop_unwatch(&h->watch);
		close(fd);
		h->watch.fd = -1;
	}
	if (h->file >= 0)
		close(h->file);
	h->file = -1;
	loop_timer_stop(&h->timer);
	free(h->out);
	h->out = NULL;
	h->parser.state = HTTP_STOPPED;
	h->active = false;
}

static void
finish(struct http *h, const char *error)
{
	char *body = h->body;
	void (*done)(void *, const struct http_reply *) = h->request.done;
	void *arg = h->request.arg;
	const struct http_reply r = {.status = error ? 0 : h->parser.status,
				     .error = error,
				     .body = body && !error ? body : "",
				     .n = body && !error ? h->body_n : 0};

	release(h);
	h->body = NULL;
	done(arg, &r);
	free(body);
}

/* Tells from the loop, never from within http_start. */
static void
finish_later(struct http *h, const char *error)
{
	h->error = error;
	loop_timer(&h->timer, 1);
}

static void
expired(struct timer *t)
{
	struct http *h = t->arg;

	finish(h, h->error ? h->error : "it did not answer in time");
}

void
http_timeout(struct http *h, uint64_t ms)
{
	h->request.timeout_ms = ms;
	if (ms)
		loop_timer(&h->timer, ms);
	else
		loop_timer_stop(&h->timer);
}

/* Bytes have moved: the time-out of a file's transfer begins anew. */
static void
moved(struct http *h)
{
	if (h->request.file && h->request.timeout_ms)
		loop_timer(&h->timer, h->request.timeout_ms);
}

/* ---- receiving ---- */

static void
head_came(struct http_parser *p)
{
	struct http *h = p->arg;

	if (h->request.head)
		h->request.head(h->request.arg, p->status);
}

static bool
keep(struct http *h, const char *s, size_t n)
{
	size_t max = h->request.body_max ? h->request.body_max : HTTP_BODY_MAX;

	if (n > max - h->body_n) {
		h->parser.error = "its reply is too long";
		return false;
	}
	if (h->body_n + n + 1 > h->body_room) {
		size_t room = (h->body_n + n + 1) * 2;
		char *grown = realloc(h->body, room);

		if (!grown) {
			h->parser.error = no_memory;
			return false;
		}
		h->body = grown;
		h->body_room = room;
	}
	memcpy(h->body + h->body_n, s, n);
	h->body_n += n;
	h->body[h->body_n] = 0;
	return true;
}

static void
data_came(struct http_parser *p, const char *s, size_t n)
{
	struct http *h = p->arg;

	if (h->request.data && p->status == 200)
		h->request.data(h->request.arg, s, n);
	else if (!keep(h, s, n))
		p->state = HTTP_STOPPED;
}

/* Reads once: a stream that never pauses must not keep the loop to itself. */
static void
receive(struct http *h)
{
	char piece[16384];
	ssize_t n = recv(h->watch.fd, piece, sizeof piece, 0);
	int r;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0)
		r = http_end(&h->parser) > 0 ? 1 : -1;
	else
		r = n ? http_feed(&h->parser, piece, (size_t)n) : http_end(&h->parser);
	if (h->active && r) /* a callback may have cancelled it */
		finish(h, r < 0 ? h->parser.error : NULL);
}

/* ---- sending ---- */

/* The next piece of the file into out; false at its end, or when it cannot be
 * read (then the request is over). */
static bool
next_piece(struct http *h)
{
	ssize_t n;

	if (h->file < 0 || !h->file_left)
		return false;
	n = read(h->file, h->out, h->file_left < PIECE ? (size_t)h->file_left : PIECE);
	if (n <= 0) {
		finish_later(h, n ? guest_why() : "the file became shorter");
		return false;
	}
	h->out_at = 0;
	h->out_n = (size_t)n;
	h->file_left -= (uint64_t)n;
	return true;
}

/* Sends what there is room for, then waits for the reply alone. */
static void
transmit(struct http *h)
{
	bool wanted = true;

	for (int sends = 0; wanted; sends++) {
		ssize_t n;

		if (h->out_at == h->out_n && !next_piece(h))
			break;
		if (sends == 8)
			return; /* others' turn */
		n = send(h->watch.fd, h->out + h->out_at, h->out_n - h->out_at,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		wanted = n >= 0; /* or its reply may say why not */
		if (n > 0) {
			h->out_at += (size_t)n;
			moved(h);
		}
	}
	if (h->file >= 0 && !h->error)
		loop_timer_stop(&h->timer); /* the reply is the caller's to bound */
	loop_change(&h->watch, EPOLLIN);
}

static void
ready(struct watch *w, uint32_t events)
{
	struct http *h = w->arg;

	if (events & EPOLLOUT)
		transmit(h);
	if (h->active && !h->error && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		receive(h);
}

/* ---- starting ---- */

static size_t
append(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n);
	return n;
}

/* The head of the request, and the body where it is text. */
static bool
compose(struct http *h, uint64_t body_n)
{
	const struct http_request *r = &h->request;
	size_t text_n = r->body ? strlen(r->body) : 0;
	size_t room = strlen(r->method) + strlen(r->target) + text_n + 256;
	size_t n;

	h->out = malloc(r->file && room < PIECE ? PIECE : room);
	if (!h->out)
		return false;
	n = append(h->out, r->method);
	n += append(h->out + n, " ");
	n += append(h->out + n, r->target);
	n += append(h->out + n,
		    " HTTP/1.1\r\nHost: docker\r\nUser-Agent: enclave-launch\r\n"
		    "Connection: close\r\n");
	if (r->body || r->file)
		n += append(h->out + n, r->file ? "Content-Type: application/x-tar\r\n"
						: "Content-Type: application/json\r\n");
	if (strcmp(r->method, "POST") == 0) {
		n += append(h->out + n, "Content-Length: ");
		n += append(h->out + n, guest_dec(body_n));
		n += append(h->out + n, "\r\n");
	}
	n += append(h->out + n, "\r\n");
	if (text_n)
		memcpy(h->out + n, r->body, text_n);
	h->out_n = n + text_n;
	return true;
}

static const char *
open_file(struct http *h)
{
	struct stat st;

	h->file = open(h->request.file, O_RDONLY | O_CLOEXEC);
	if (h->file < 0 || fstat(h->file, &st))
		return guest_why();
	h->file_left = (uint64_t)st.st_size;
	return NULL;
}

static const char *
dial(struct http *h)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(h->request.socket);
	int fd;

	if (n >= sizeof a.sun_path)
		return "the path of its socket is too long";
	memcpy(a.sun_path, h->request.socket, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return guest_why();
	/* A unix socket connects at once or not at all (EAGAIN: its queue is full). */
	if (connect(fd, (struct sockaddr *)&a, sizeof a) ||
	    loop_watch(&h->watch, fd, EPOLLIN | EPOLLOUT)) {
		const char *why = guest_why();

		close(fd);
		h->watch.fd = -1;
		return why;
	}
	return NULL;
}

void
http_start(struct http *h, const struct http_request *r)
{
	const char *error = NULL;

	*h = (struct http){.active = true, .request = *r, .file = -1};
	h->parser = (struct http_parser){.head = head_came, .data = data_came, .arg = h};
	h->watch = (struct watch){.fd = -1, .ready = ready, .arg = h};
	h->timer = (struct timer){.expired = expired, .arg = h};
	if (r->file)
		error = open_file(h);
	if (!error && !compose(h, r->file ? h->file_left : r->body ? strlen(r->body) : 0))
		error = no_memory;
	if (!error)
		error = dial(h);
	if (error)
		finish_later(h, error);
	else if (r->timeout_ms)
		loop_timer(&h->timer, r->timeout_ms);
}

void
http_cancel(struct http *h)
{
	if (!h->active)
		return;
	release(h);
	free(h->body);
	h->body = NULL;
}
