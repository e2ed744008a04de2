/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on to the registry behind faultd, and its answers back with faults. */
#include "faults.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/stream.h"

static int
connect_upstream(const struct faults *f)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *a;
	int fd;

	if (!f->host || getaddrinfo(f->host, f->port, &hints, &a))
		return -1;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

static bool
named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(line, name, n) && line[n] == ':';
}

/* The request's head as HTTP/1.0 (so that no answer is chunked). */
static int
send_head(struct exchange *x, struct conn *up)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};

	encl_buf_init(&b, 2 * BLOCK);
	encl_buf_add_fmt(&b, "%s %s HTTP/1.0\r\n", x->q->method, x->q->target);
	for (const char *p = strstr(x->q->head, "\r\n") + 2; *p;) {
		size_t n = strcspn(p, "\r");

		if (!named(p, "Connection") && !named(p, "Expect") &&
		    !(named(p, "Range") && x->plan.norange)) {
			encl_buf_add(&b, p, n);
			encl_buf_add_str(&b, "\r\n");
		}
		p += n + (p[n] ? 2 : 0);
	}
	if (x->f->server.cert)
		encl_buf_add_str(&b, "X-Forwarded-Proto: https\r\n");
	encl_buf_add_str(&b, "Connection: close\r\n\r\n");
	return serve_write(up, b.data, b.len);
}

/* The request's body; what is a manifest is looked at.  -1: it was cut. */
static int
send_body(struct exchange *x, struct conn *up, char **subject)
{
	encl_auto(encl_free) char *block = encl_xmalloc(BLOCK);
	encl_auto(encl_buf_clear) struct encl_buf whole = {0};
	bool look = x->plan.referrers && strstr(x->q->target, "/manifests/");
	long got;

	encl_buf_init(&whole, MAX_WHOLE);
	while ((got = serve_body(x->q, block, BLOCK)) > 0) {
		if (look)
			encl_buf_add(&whole, block, (size_t)got);
		if (serve_write(up, block, (size_t)got))
			break;
	}
	if (look)
		*subject = fault_subject(x->f, encl_buf_text(&whole), whole.len);
	return got < 0 ? -1 : 0;
}

struct answer {
	char *head;  /* status line and headers, each ended by CR LF */
	char *early; /* of the body */
	size_t n_early;
	uint64_t length;
};

static bool
read_answer(struct conn *up, struct answer *a)
{
	struct encl_buf b;
	char *end = NULL;
	encl_auto(encl_free) char *length = NULL;

	encl_buf_init(&b, 4 * BLOCK);
	while (!end) {
		char block[4096];
		long got = serve_read(up, block, sizeof block);

		if (got <= 0 || b.over) {
			encl_buf_clear(&b);
			return false;
		}
		encl_buf_add(&b, block, (size_t)got);
		end = strstr((char *)b.data, "\r\n\r\n");
	}
	a->n_early = b.len - (size_t)(end + 4 - (char *)b.data);
	a->early = encl_xmemdup(end + 4, a->n_early + 1);
	end[2] = 0;
	a->head = (char *)encl_buf_steal(&b, NULL);
	length = serve_header(a->head, "Content-Length");
	a->length = length ? strtoull(length, NULL, 10) : NOWHERE;
	return true;
}

static bool
replaced(const struct plan *p, const char *line)
{
	for (size_t i = 0; i < p->n_headers; i++) {
		size_t n = strcspn(p->headers[i], ":");

		if (!strncasecmp(line, p->headers[i], n) && line[n] == ':')
			return true;
	}
	return false;
}

static void
add_location(struct encl_buf *b, const char *to, const char *url)
{
	const char *rest = strstr(url, "://");
	size_t n;

	rest = rest ? rest + 3 + strcspn(rest + 3, "/\r") : url;
	n = strcspn(rest, "\r");
	if (!strcmp(to, "relative"))
		encl_buf_add_fmt(b, "Location: %.*s\r\n", (int)n, rest);
	else
		encl_buf_add_fmt(b, "Location: http://%s%.*s\r\n", to, (int)n, rest);
}

static int
pass_head(struct exchange *x, const struct answer *a, const char *subject,
	  uint64_t length)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	const struct plan *p = &x->plan;

	encl_buf_init(&b, 8 * BLOCK);
	x->status = strtol(p->code ? p->code : strchr(a->head, ' ') + 1, NULL, 10);
	encl_buf_add_fmt(&b, "HTTP/1.1 %ld %s\r\n", x->status, serve_reason(x->status));
	for (const char *l = strstr(a->head, "\r\n") + 2; *l;) {
		size_t n = strcspn(l, "\r");

		if (p->location && named(l, "Location"))
			add_location(&b, p->location, l + 10);
		else if (!named(l, "Connection") && !named(l, "Content-Length") &&
			 !replaced(p, l))
			encl_buf_add_fmt(&b, "%.*s\r\n", (int)n, l);
		l += n + (l[n] ? 2 : 0);
	}
	for (size_t i = 0; i < p->n_headers; i++)
		if (p->headers[i][strcspn(p->headers[i], ":")] &&
		    p->headers[i][strcspn(p->headers[i], ":") + 1])
			encl_buf_add_fmt(&b, "%s\r\n", p->headers[i]);
	if (subject && x->status < 300)
		encl_buf_add_fmt(&b, "OCI-Subject: %s\r\n", subject);
	if (!p->unsized && length != NOWHERE)
		encl_buf_add_fmt(&b, "Content-Length: %llu\r\n",
				 (unsigned long long)length +
					 (unsigned long long)p->length);
	encl_buf_add_str(&b, "Connection: close\r\n\r\n");
	return serve_write(x->q->conn, b.data, b.len);
}

/* n bytes of the answer's body to the client; false where it ends here. */
static bool
pass(struct exchange *x, char *data, size_t n, uint64_t cut)
{
	struct conn *c = x->q->conn;
	uint64_t stop = cut < x->plan.stall ? cut : x->plan.stall;

	if (x->plan.rubbish)
		for (size_t i = 0; i < n; i++)
			data[i] = (char)~data[i];
	if (x->sent + n >= stop) {
		n = (size_t)(stop - x->sent);
		(void)serve_write(c, data, n);
		x->sent += n;
		if (x->plan.stall <= cut && x->plan.stall != NOWHERE)
			for (int s = 0; s < 600; s++) {
				char byte;

				if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
					break;
				sleep(1);
			}
		serve_abort(c, x->plan.reset);
		return false;
	}
	if (serve_write(c, data, n))
		return false;
	x->sent += n;
	if (x->plan.rate)
		fault_sleep(n * 1000 / x->plan.rate);
	return true;
}

static void
pass_body(struct exchange *x, struct conn *up, struct answer *a, uint64_t cut)
{
	encl_auto(encl_free) char *block = encl_xmalloc(BLOCK);
	size_t room = x->plan.rate && x->plan.rate < BLOCK ? x->plan.rate : BLOCK;
	uint64_t left = a->length;
	uint64_t pad = x->plan.pad;

	while (left) {
		size_t n = left < room ? (size_t)left : room;
		long got;

		if (a->n_early) {
			n = n < a->n_early ? n : a->n_early;
			memcpy(block, a->early, n);
			a->n_early -= n;
			memmove(a->early, a->early + n, a->n_early);
			got = (long)n;
		} else {
			got = serve_read(up, block, n);
		}
		if (got <= 0)
			break;
		left -= left == NOWHERE ? 0 : (uint64_t)got;
		if (!pass(x, block, (size_t)got, cut))
			return;
	}
	while (pad) {
		size_t n = pad < BLOCK ? (size_t)pad : BLOCK;

		memset(block, ' ', n);
		if (!pass(x, block, n, cut))
			return;
		pad -= n;
	}
}

static void
replace_by_file(struct answer *a, const char *name)
{
	struct encl_err e;

	free(a->early);
	a->early = NULL;
	if (encl_read_file(name, MAX_WHOLE, &a->early, &a->n_early, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		a->n_early = 0;
	}
	a->length = a->n_early;
}

void
fault_forward(struct exchange *x)
{
	struct conn up = {.fd = connect_upstream(x->f)};
	struct answer a = {0};
	encl_auto(encl_free) char *subject = NULL;
	bool head = !strcmp(x->q->method, "HEAD");

	if (up.fd < 0) {
		x->plan.status = x->f->host ? "502" : "404";
		fault_status(x);
		return;
	}
	if (!send_head(x, &up) && !send_body(x, &up, &subject) && read_answer(&up, &a)) {
		uint64_t all, cut = NOWHERE;

		if (x->plan.file)
			replace_by_file(&a, x->plan.file);
		x->status = strtol(strchr(a.head, ' ') + 1, NULL, 10);
		all = a.length == NOWHERE ? NOWHERE : a.length + x->plan.pad;
		if (x->plan.cut)
			cut = fault_point(x->f, x->plan.cut, all);
		if (x->plan.mute)
			serve_abort(x->q->conn, false);
		else if (!pass_head(x, &a, subject, all) && !head && x->status != 204)
			pass_body(x, &up, &a, cut);
	}
	free(a.head);
	free(a.early);
	close(up.fd);
}
