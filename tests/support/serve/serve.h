/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests' own HTTP servers share: a listening socket on loopback, one
 * thread a connection, one request a connection, TLS where a certificate is
 * given.  Errors of the wire end the connection and nothing else.
 */
#ifndef TESTS_SERVE_H
#define TESTS_SERVE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct conn {
	int fd;
	SSL *ssl; /* or NULL */
};

struct request {
	struct conn *conn;
	char method[16];
	char *target; /* path and query as sent */
	char *head;   /* the request line and all headers, each ended by CR LF */
	char *early;  /* bytes of the body that came with the head */
	size_t n_early;
	uint64_t length; /* of the body as announced */
	uint64_t got;	 /* of it so far */
	bool chunked;
	bool expects; /* 100-continue, not answered yet */
};

struct server {
	const char *address; /* "127.0.0.1" where NULL */
	const char *cert;    /* PEM; NULL: no TLS */
	const char *key;
	unsigned port; /* the free one that was found */
	void (*answer)(void *arg, struct request *q);
	void *arg;
};

/* Prints "listening PORT" and serves until the parent ends.  Exits on failure
 * to listen. */
void serve(struct server *s) __attribute__((noreturn));

/* 0, or how many bytes came (at most n); -1 at a broken connection. */
long serve_read(struct conn *c, void *p, size_t n);
/* 0, or -1 where the other side is gone. */
int serve_write(struct conn *c, const void *p, size_t n);
/* Ends it in the middle: by FIN, or by RST. */
void serve_abort(struct conn *c, bool reset);

/* The value of a header, malloc'ed; NULL: not there. */
char *serve_header(const char *head, const char *name);
/* Bytes of the request's body, at most n; 0 at its end, -1: it was cut. */
long serve_body(struct request *q, void *p, size_t n);
/* The whole body as text (malloc'ed, at most max bytes of it). */
char *serve_body_text(struct request *q, size_t max);
/* "HTTP/1.1 STATUS", the given lines (each ended by CR LF), length, body. */
void serve_reply(struct request *q, const char *status, const char *lines,
		 const char *body, size_t n);
/* Who asks, as it may be logged: "-", "basic:NAME", "bearer:FIRST-8-OF-ITS-HASH",
 * "other"; malloc'ed. */
char *serve_who(const struct request *q);
/* Of "Authorization: Basic": "NAME:PASSWORD", malloc'ed; or NULL. */
char *serve_basic(const struct request *q);
/* The value of NAME=VALUE in a query or form, decoded and malloc'ed; the i-th. */
char *serve_field(const char *form, const char *name, unsigned i);
/* The reason of a status code. */
const char *serve_reason(long status);

#endif
