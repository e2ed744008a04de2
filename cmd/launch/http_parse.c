/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of one HTTP/1.1 reply to status and body (RFC 9112): by length, in
 * chunks, or until the connection ends.
 */
#include <string.h>
#include <strings.h>

#include "launch/http.h"

static int
bad(struct http_parser *p, const char *why)
{
	p->error = why;
	p->state = HTTP_STOPPED;
	return -1;
}

/* "HTTP/1.1 200 OK" */
static int
status_line(struct http_parser *p)
{
	const char *s = p->line;

	if (p->line_n < 12 || memcmp(s, "HTTP/1.", 7) != 0 || s[8] != ' ' ||
	    (p->line_n > 12 && s[12] != ' '))
		return bad(p, "what answers does not speak HTTP");
	for (int i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9')
			return bad(p, "what answers does not speak HTTP");
		p->status = p->status * 10 + (unsigned)(s[i] - '0');
	}
	p->state = HTTP_HEADER;
	return 0;
}

/* The value of the header NAME in the line, or NULL. */
static const char *
header(const struct http_parser *p, const char *name)
{
	size_t n = strlen(name);
	const char *value = p->line + n + 1;

	if (strncasecmp(p->line, name, n) != 0 || p->line[n] != ':')
		return NULL;
	while (*value == ' ' || *value == '\t')
		value++;
	return value;
}

/* Digits to the end of the line or a blank behind them; 2^50 at most. */
static bool
length(const char *s, uint64_t *out)
{
	uint64_t n = 0;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > (uint64_t)1 << 50)
			return false;
	}
	*out = n;
	return *s == 0 || *s == ' ';
}

static int
header_line(struct http_parser *p)
{
	const char *value = header(p, "Content-Length");
	size_t name = strcspn(p->line, ": \t");

	/* "Content-Length : 5" would be a header that is not seen */
	if (!name || p->line[name] != ':')
		return bad(p, "its reply has a bad header");
	if (value) {
		if (p->has_length || !length(value, &p->left))
			return bad(p, "its reply has a bad Content-Length");
		p->has_length = true;
	}
	value = header(p, "Transfer-Encoding");
	if (value) {
		if (strcasecmp(value, "chunked") != 0)
			return bad(p, "its reply has a strange Transfer-Encoding");
		p->chunked = true;
	}
	return 0;
}

/* The empty line behind the head: what follows? */
static int
head_end(struct http_parser *p)
{
	bool no_body = p->status < 200 || p->status == 204 || p->status == 304;

	if (p->chunked && p->has_length)
		return bad(p, "its reply has two lengths");
	if (no_body || (p->has_length && !p->left))
		p->state = HTTP_DONE;
	else if (p->chunked)
		p->state = HTTP_CHUNK_SIZE;
	else
		p->state = p->has_length ? HTTP_LENGTH : HTTP_CLOSE;
	p->head_n = 0;
	if (p->head)
		p->head(p);
	return 0;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a2b" or "1a2b;extension" */
static int
chunk_size(struct http_parser *p)
{
	unsigned i = 0;

	p->left = 0;
	for (; i < p->line_n && hex(p->line[i]) >= 0; i++)
		p->left = p->left << 4 | (unsigned)hex(p->line[i]);
	if (i == 0 || i > 12 || (i < p->line_n && !strchr("; \t", p->line[i])))
		return bad(p, "its reply has a bad chunk");
	p->state = p->left ? HTTP_CHUNK : HTTP_TRAILER;
	p->head_n = 0;
	return 0;
}

static int
line_end(struct http_parser *p)
{
	if (p->line_n && p->line[p->line_n - 1] == '\r')
		p->line_n--;
	p->line[p->line_n] = 0;
	if (strlen(p->line) != p->line_n)
		return bad(p, "its reply has a NUL byte in its head");
	switch (p->state) {
	case HTTP_STATUS:
		return status_line(p);
	case HTTP_HEADER:
		return p->line_n ? header_line(p) : head_end(p);
	case HTTP_CHUNK_SIZE:
		return chunk_size(p);
	case HTTP_CHUNK_END:
		if (p->line_n)
			return bad(p, "its reply has a bad chunk");
		p->state = HTTP_CHUNK_SIZE;
		return 0;
	default: /* a trailer, or the empty line behind them */
		if (!p->line_n)
			p->state = HTTP_DONE;
		return 0;
	}
}

/* Takes one byte of a line. */
static int
line_byte(struct http_parser *p, char c)
{
	int r;

	if (++p->head_n > HTTP_HEAD_MAX)
		return bad(p, "the head of its reply is too long");
	if (c != '\n') {
		if (p->line_n == sizeof p->line - 1)
			return bad(p, "a line of its reply's head is too long");
		p->line[p->line_n++] = c;
		return 0;
	}
	r = line_end(p);
	p->line_n = 0;
	return r;
}

/* Takes what of s belongs to the body; how much that was. */
static size_t
body_bytes(struct http_parser *p, const char *s, size_t n)
{
	if (p->state != HTTP_CLOSE) {
		if (n > p->left)
			n = (size_t)p->left;
		p->left -= n;
	}
	p->data(p, s, n);
	if (p->state == HTTP_LENGTH && !p->left)
		p->state = HTTP_DONE;
	if (p->state == HTTP_CHUNK && !p->left) {
		p->state = HTTP_CHUNK_END;
		p->head_n = 0;
	}
	return n;
}

int
http_feed(struct http_parser *p, const char *s, size_t n)
{
	while (n && p->state < HTTP_DONE) {
		size_t took = 1;

		if (p->state == HTTP_LENGTH || p->state == HTTP_CLOSE ||
		    p->state == HTTP_CHUNK)
			took = body_bytes(p, s, n);
		else if (line_byte(p, *s))
			return -1;
		s += took;
		n -= took;
	}
	if (p->error)
		return -1;
	return p->state >= HTTP_DONE;
}

int
http_end(struct http_parser *p)
{
	if (p->state == HTTP_CLOSE || p->state == HTTP_DONE)
		return 1;
	return bad(p, p->state == HTTP_STATUS && !p->line_n
			      ? "it closed the connection without a reply"
			      : "its reply ends before its end");
}
