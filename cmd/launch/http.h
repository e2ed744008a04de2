/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the Docker daemon: HTTP/1.1 over its unix socket, one connection
 * each, on the loop.  Nothing here blocks, and what the daemon sends is not
 * believed: lines, heads and bodies are bounded.
 */
#ifndef LAUNCH_HTTP_H
#define LAUNCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launch/loop.h"

enum {
	HTTP_LINE_MAX = 1024,
	HTTP_HEAD_MAX = 16384, /* all lines of a head, or of trailers */
	HTTP_BODY_MAX = 65536  /* where a request names no other limit */
};

/* ---- a reply's bytes, in pieces of any size ---- */

enum http_state {
	HTTP_STATUS,
	HTTP_HEADER,
	HTTP_LENGTH, /* body by Content-Length */
	HTTP_CLOSE,  /* body until the end of the connection */
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK,
	HTTP_CHUNK_END,
	HTTP_TRAILER,
	HTTP_DONE,
	HTTP_STOPPED
};

struct http_parser {
	/* Set by the caller; either may set state to HTTP_STOPPED. */
	void (*head)(struct http_parser *p); /* may be NULL */
	void (*data)(struct http_parser *p, const char *s, size_t n);
	void *arg;
	/* What is known so far */
	enum http_state state;
	unsigned status;
	const char *error; /* a constant */
	/* private */
	bool chunked, has_length;
	uint64_t left;
	unsigned head_n, line_n;
	char line[HTTP_LINE_MAX];
};

/* 0: more is to come; 1: complete or stopped; -1: p->error says why not. */
int http_feed(struct http_parser *p, const char *s, size_t n);
/* The connection ended: 1 where that is the end of the body, else -1. */
int http_end(struct http_parser *p);

/* ---- a request ---- */

struct http_reply {
	unsigned status;   /* 0 with error */
	const char *error; /* it could not be had: why; else NULL */
	const char *body;  /* NUL-terminated; "" for a stream */
	size_t n;
};

struct http_request {
	const char *socket;	     /* path of the unix socket */
	const char *method, *target; /* "GET", "/_ping" */
	const char *body;	     /* JSON, or NULL; must live until it is done */
	const char *file;	     /* instead: path of an archive to send, or NULL */
	/* In all.  For a file: until it takes more of it; the caller bounds the whole. */
	uint64_t timeout_ms;
	size_t body_max; /* 0: HTTP_BODY_MAX */
	/* The head has come; may be NULL. */
	void (*head)(void *arg, unsigned status);
	/* The body as a stream, without limit; NULL: it is collected.  Where the
	 * status is not 200, it is collected all the same, for its message. */
	void (*data)(void *arg, const char *p, size_t n);
	/* The end, once, from the loop; r lives during the call.  The same
	 * struct http may be started again in it. */
	void (*done)(void *arg, const struct http_reply *r);
	void *arg;
};

/* All zero at first; active from start to the call of done. */
struct http {
	bool active;
	/* private */
	struct http_request request;
	struct http_parser parser;
	struct watch watch;
	struct timer timer;
	const char *error;
	char *out; /* what is being sent: head, then body or pieces of the file */
	size_t out_n, out_at;
	int file; /* -1: none */
	uint64_t file_left;
	char *body;
	size_t body_n, body_room;
};

void http_start(struct http *h, const struct http_request *r);
/* Sets the time-out anew; 0: none. */
void http_timeout(struct http *h, uint64_t ms);
/* done is not called any more. */
void http_cancel(struct http *h);

#endif
