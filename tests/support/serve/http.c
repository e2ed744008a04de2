/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies, replies, credentials and forms of the tests' servers. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "serve.h"

long
serve_body(struct request *q, void *p, size_t n)
{
	uint64_t left = q->length - q->got;
	long got;

	if (q->expects && left)
		(void)serve_write(q->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	q->expects = false;
	if (!left)
		return 0;
	n = n > left ? (size_t)left : n;
	if (q->n_early) {
		n = n > q->n_early ? q->n_early : n;
		memcpy(p, q->early, n);
		q->n_early -= n;
		memmove(q->early, q->early + n, q->n_early);
		q->got += n;
		return (long)n;
	}
	got = serve_read(q->conn, p, n);
	if (got <= 0)
		return -1;
	q->got += (uint64_t)got;
	return got;
}

char *
serve_body_text(struct request *q, size_t max)
{
	char *text = encl_xcalloc(1, max + 1);
	size_t n = 0;
	long got;

	while (n < max && (got = serve_body(q, text + n, max - n)) > 0)
		n += (size_t)got;
	return text;
}

void
serve_reply(struct request *q, const char *status, const char *lines, const char *body,
	    size_t n)
{
	encl_auto(encl_free) char *head =
		encl_xasprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nConnection: "
			       "close\r\n\r\n",
			       status, lines, n);

	if (!serve_write(q->conn, head, strlen(head)) && strcmp(q->method, "HEAD") != 0)
		(void)serve_write(q->conn, body, n);
}

char *
serve_basic(const struct request *q)
{
	encl_auto(encl_free) char *value = serve_header(q->head, "Authorization");
	unsigned char *out;
	size_t n;
	int got;

	if (!value || strncasecmp(value, "Basic ", 6) != 0)
		return NULL;
	n = strlen(value + 6);
	out = encl_xcalloc(1, n + 4);
	got = EVP_DecodeBlock(out, (unsigned char *)value + 6, (int)n);
	for (size_t i = n; got > 0 && i > 0 && value[6 + i - 1] == '='; i--)
		got--;
	out[got > 0 ? got : 0] = 0;
	return (char *)out;
}

char *
serve_who(const struct request *q)
{
	encl_auto(encl_free) char *value = serve_header(q->head, "Authorization");
	encl_auto(encl_free) char *basic = serve_basic(q);
	char hash[ENCL_DIGEST_TEXT];
	struct encl_digest d;

	if (!value)
		return encl_xstrdup("-");
	if (basic)
		return encl_xasprintf("basic:%.*s", (int)strcspn(basic, ":"), basic);
	if (strncasecmp(value, "Bearer ", 7) != 0)
		return encl_xstrdup("other");
	encl_digest_of(ENCL_SHA256, value + 7, strlen(value + 7), &d);
	encl_digest_format(&d, hash);
	return encl_xasprintf("bearer:%.8s", hash + 7);
}

static int
hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

static char *
decode(const char *p, size_t n)
{
	char *out = encl_xcalloc(1, n + 1);
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%' && i + 2 < n && hex(p[i + 1]) >= 0 &&
		    hex(p[i + 2]) >= 0) {
			out[k++] = (char)(hex(p[i + 1]) * 16 + hex(p[i + 2]));
			i += 2;
		} else {
			out[k++] = p[i] == '+' ? ' ' : p[i];
		}
	}
	return out;
}

char *
serve_field(const char *form, const char *name, unsigned i)
{
	size_t n = strlen(name);

	while (*form) {
		size_t len = strcspn(form, "&");

		if (len > n && !strncmp(form, name, n) && form[n] == '=' && !i--)
			return decode(form + n + 1, len - n - 1);
		form += len;
		form += *form == '&';
	}
	return NULL;
}

const char *
serve_reason(long status)
{
	static const struct {
		long status;
		const char *reason;
	} known[] = {{200, "OK"},
		     {201, "Created"},
		     {202, "Accepted"},
		     {204, "No Content"},
		     {206, "Partial Content"},
		     {307, "Temporary Redirect"},
		     {401, "Unauthorized"},
		     {403, "Forbidden"},
		     {404, "Not Found"},
		     {416, "Range Not Satisfiable"},
		     {429, "Too Many Requests"},
		     {500, "Internal Server Error"},
		     {502, "Bad Gateway"},
		     {503, "Service Unavailable"}};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (known[i].status == status)
			return known[i].reason;
	return "Scripted";
}
