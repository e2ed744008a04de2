/* SPDX-License-Identifier: Apache-2.0 */
/* Capped growing buffer. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void
encl_buf_init(struct encl_buf *b, size_t cap)
{
	memset(b, 0, sizeof *b);
	b->cap = cap;
}

void
encl_buf_clear(struct encl_buf *b)
{
	size_t cap = b->cap;

	free(b->data);
	encl_buf_init(b, cap);
}

static bool
reserve(struct encl_buf *b, size_t n)
{
	size_t want;

	if (b->over || n > b->cap - b->len) {
		b->over = true;
		return false;
	}
	want = b->len + n + 1;
	if (want > b->room) {
		size_t grown = b->room < 64 ? 64 : b->room * 2;

		b->room = want > grown ? want : grown;
		b->data = encl_xrealloc(b->data, b->room, 1);
	}
	return true;
}

void
encl_buf_add(struct encl_buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = 0;
}

void
encl_buf_add_byte(struct encl_buf *b, uint8_t c)
{
	encl_buf_add(b, &c, 1);
}

void
encl_buf_add_str(struct encl_buf *b, const char *s)
{
	encl_buf_add(b, s, strlen(s));
}

void
encl_buf_add_fmt(struct encl_buf *b, const char *fmt, ...)
{
	encl_auto(encl_free) char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	encl_buf_add(b, s, (size_t)n);
}

void
encl_buf_be16(struct encl_buf *b, uint16_t v)
{
	const uint8_t p[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	encl_buf_add(b, p, sizeof p);
}

void
encl_buf_be32(struct encl_buf *b, uint32_t v)
{
	encl_buf_be16(b, (uint16_t)(v >> 16));
	encl_buf_be16(b, (uint16_t)v);
}

void
encl_buf_be64(struct encl_buf *b, uint64_t v)
{
	encl_buf_be32(b, (uint32_t)(v >> 32));
	encl_buf_be32(b, (uint32_t)v);
}

const char *
encl_buf_text(const struct encl_buf *b)
{
	return b->data ? (const char *)b->data : "";
}

uint8_t *
encl_buf_steal(struct encl_buf *b, size_t *len)
{
	uint8_t *p;

	if (!b->data)
		b->data = encl_xcalloc(1, 1);
	p = encl_take(b->data, NULL);
	if (len)
		*len = b->len;
	encl_buf_init(b, b->cap);
	return p;
}

int
encl_buf_check(const struct encl_buf *b, const char *what, struct encl_err *e)
{
	if (b->over)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %zu bytes", what,
				 b->cap);
	return 0;
}
