/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request of HTTP/1.1 (RFC 9112), read strictly: what two readers
 * could understand in two ways is refused.
 */
#ifndef LAUNCH_HTTP_HEAD_H
#define LAUNCH_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_HEADERS_MAX = 128 };

struct http_part {
	const char *at;
	size_t n;
};

struct http_head {
	struct http_part method, target;
	bool old; /* HTTP/1.0 */
	struct http_part names[HTTP_HEADERS_MAX], values[HTTP_HEADERS_MAX];
	size_t n;
	const char *why; /* a constant */
};

/* How many bytes the head has, with its empty line; 0: it is not all there. */
size_t http_head_end(const char *p, size_t n);

/* Zeroed before; parts are of p.  False: h->why. */
bool http_head_read(struct http_head *h, const char *p, size_t n);

/* How many there are of a name; the last one's value. */
size_t http_head_find(const struct http_head *h, const char *name,
		      struct http_part *value);

/* False, and h->why. */
bool http_head_wrong(struct http_head *h, const char *why);

/* In either case. */
bool http_part_is(struct http_part p, const char *word);
/* The part before the byte c, which goes too; the rest stays in *p. */
bool http_part_cut(struct http_part *p, char c, struct http_part *out);
/* Without blanks around it. */
struct http_part http_part_trimmed(struct http_part p);

#endif
