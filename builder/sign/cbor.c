/* SPDX-License-Identifier: Apache-2.0 */
/* Items to bytes by cbor_encode_*, one item at a time back by cbor_stream_decode. */
#include "sign/cbor.h"

#include <cbor.h>
#include <string.h>

void
encl_cbor_add_uint(struct encl_buf *b, uint64_t v)
{
	uint8_t head[9];

	encl_buf_add(b, head, cbor_encode_uint(v, head, sizeof head));
}

void
encl_cbor_add_bytes(struct encl_buf *b, const void *p, size_t n)
{
	uint8_t head[9];

	encl_buf_add(b, head, cbor_encode_bytestring_start(n, head, sizeof head));
	encl_buf_add(b, p, n);
}

void
encl_cbor_add_text(struct encl_buf *b, const char *text)
{
	uint8_t head[9];

	encl_buf_add(b, head, cbor_encode_string_start(strlen(text), head, sizeof head));
	encl_buf_add_str(b, text);
}

void
encl_cbor_add_array(struct encl_buf *b, size_t n)
{
	uint8_t head[9];

	encl_buf_add(b, head, cbor_encode_array_start(n, head, sizeof head));
}

void
encl_cbor_add_map(struct encl_buf *b, size_t n)
{
	uint8_t head[9];

	encl_buf_add(b, head, cbor_encode_map_start(n, head, sizeof head));
}

void
encl_cbor_add_ints(struct encl_buf *b, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	encl_cbor_add_array(b, n);
	for (size_t i = 0; i < n; i++)
		encl_cbor_add_uint(b, bytes[i]);
}

/* The last item that the decoder saw. */
enum kind { OTHER, UINT, BYTES, TEXT, ARRAY, MAP, NOTHING, BREAK };
struct item {
	enum kind kind;
	uint64_t value; /* or count */
	const uint8_t *p;
	size_t n;
};

static void
set(void *ctx, enum kind kind, uint64_t value)
{
	*(struct item *)ctx = (struct item){.kind = kind, .value = value};
}

static void
on_uint8(void *ctx, uint8_t v)
{
	set(ctx, UINT, v);
}

static void
on_uint16(void *ctx, uint16_t v)
{
	set(ctx, UINT, v);
}

static void
on_uint32(void *ctx, uint32_t v)
{
	set(ctx, UINT, v);
}

static void
on_uint64(void *ctx, uint64_t v)
{
	set(ctx, UINT, v);
}

/* A length that would read as ENCL_CBOR_OPEN is no length that anything has. */
static void
on_array(void *ctx, size_t n)
{
	set(ctx, n == ENCL_CBOR_OPEN ? OTHER : ARRAY, n);
}

static void
on_map(void *ctx, size_t n)
{
	set(ctx, n == ENCL_CBOR_OPEN ? OTHER : MAP, n);
}

static void
on_open_array(void *ctx)
{
	set(ctx, ARRAY, ENCL_CBOR_OPEN);
}

static void
on_open_map(void *ctx)
{
	set(ctx, MAP, ENCL_CBOR_OPEN);
}

static void
on_null(void *ctx)
{
	set(ctx, NOTHING, 0);
}

static void
on_break(void *ctx)
{
	set(ctx, BREAK, 0);
}

static void
on_bytes(void *ctx, cbor_data p, size_t n)
{
	*(struct item *)ctx = (struct item){.kind = BYTES, .p = p, .n = n};
}

static void
on_text(void *ctx, cbor_data p, size_t n)
{
	*(struct item *)ctx = (struct item){.kind = TEXT, .p = p, .n = n};
}

static struct item
next(struct encl_cbor *c, enum kind kind)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	struct cbor_decoder_result r;
	struct item item = {.kind = OTHER};

	callbacks.uint8 = on_uint8;
	callbacks.uint16 = on_uint16;
	callbacks.uint32 = on_uint32;
	callbacks.uint64 = on_uint64;
	callbacks.array_start = on_array;
	callbacks.map_start = on_map;
	callbacks.byte_string = on_bytes;
	callbacks.string = on_text;
	callbacks.indef_array_start = on_open_array;
	callbacks.indef_map_start = on_open_map;
	callbacks.null = on_null;
	callbacks.indef_break = on_break;
	if (!c->ok || !c->n) {
		c->ended = c->ended || c->ok;
		c->ok = false;
		return item;
	}
	r = cbor_stream_decode(c->p, c->n, &callbacks, &item);
	if (r.status != CBOR_DECODER_FINISHED || item.kind != kind || r.read > c->n) {
		c->ended = r.status == CBOR_DECODER_NEDATA;
		c->ok = false;
		return (struct item){.kind = OTHER};
	}
	c->p += r.read;
	c->n -= r.read;
	return item;
}

void
encl_cbor_init(struct encl_cbor *c, const uint8_t *p, size_t n)
{
	*c = (struct encl_cbor){p, n, true, false};
}

static void
want(struct encl_cbor *c, enum kind kind, uint64_t value)
{
	if (next(c, kind).value != value)
		c->ok = false;
}

void
encl_cbor_want_uint(struct encl_cbor *c, uint64_t v)
{
	want(c, UINT, v);
}

void
encl_cbor_want_array(struct encl_cbor *c, size_t n)
{
	want(c, ARRAY, n);
}

void
encl_cbor_want_map(struct encl_cbor *c, size_t n)
{
	want(c, MAP, n);
}

void
encl_cbor_want_text(struct encl_cbor *c, const char *text)
{
	struct item item = next(c, TEXT);

	if (!c->ok || item.n != strlen(text) || memcmp(item.p, text, item.n) != 0)
		c->ok = false;
}

const uint8_t *
encl_cbor_bytes(struct encl_cbor *c, size_t *n)
{
	struct item item = next(c, BYTES);

	*n = item.n;
	return item.p;
}

void
encl_cbor_ints(struct encl_cbor *c, struct encl_buf *out)
{
	uint64_t count = next(c, ARRAY).value;

	c->ok = c->ok && count != ENCL_CBOR_OPEN;
	for (uint64_t i = 0; i < count && c->ok && !out->over; i++) {
		uint64_t v = next(c, UINT).value;

		c->ok = c->ok && v <= UINT8_MAX;
		if (c->ok)
			encl_buf_add_byte(out, (uint8_t)v);
	}
	if (out->over)
		c->ok = false;
}

uint64_t
encl_cbor_uint(struct encl_cbor *c)
{
	return next(c, UINT).value;
}

const uint8_t *
encl_cbor_text(struct encl_cbor *c, size_t *n)
{
	struct item item = next(c, TEXT);

	*n = item.n;
	return item.p;
}

size_t
encl_cbor_array(struct encl_cbor *c)
{
	return (size_t)next(c, ARRAY).value;
}

size_t
encl_cbor_map(struct encl_cbor *c)
{
	return (size_t)next(c, MAP).value;
}

static bool
take(struct encl_cbor *c, enum kind kind)
{
	struct encl_cbor ahead = *c;

	(void)next(&ahead, kind);
	if (!ahead.ok)
		return false;
	*c = ahead;
	return true;
}

bool
encl_cbor_take_null(struct encl_cbor *c)
{
	return take(c, NOTHING);
}

bool
encl_cbor_take_break(struct encl_cbor *c)
{
	return take(c, BREAK);
}

bool
encl_cbor_done(const struct encl_cbor *c)
{
	return c->ok && c->n == 0;
}
