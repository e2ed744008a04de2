/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What compress.c makes (and other tools: any gzip, zstd, lz4 legacy or xz
 * stream) back to bytes, in constant memory: windows of at most 128 MiB, as
 * in the kernel.
 */
#include <lz4.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "ramdisk/internal.h"

enum {
	OUT_SIZE = 256 * 1024,
	ZSTD_WINDOW_LOG_MAX = 27,
	XZ_MEMORY = 256 << 20,
	LZ4_BLOCK = 8 << 20
};

static const uint8_t lz4_magic[4] = {0x02, 0x21, 0x4c, 0x18};

enum encl_packing
encl_packing_of(const uint8_t *p, size_t n)
{
	static const struct {
		enum encl_packing packing;
		size_t n;
		uint8_t magic[6];
	} known[] = {
		{ENCL_PACKED_GZIP, 2, {0x1f, 0x8b}},
		{ENCL_PACKED_ZSTD, 4, {0x28, 0xb5, 0x2f, 0xfd}},
		{ENCL_PACKED_LZ4, 4, {0x02, 0x21, 0x4c, 0x18}},
		{ENCL_PACKED_XZ, 6, {0xfd, '7', 'z', 'X', 'Z', 0}},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].n && !memcmp(p, known[i].magic, known[i].n))
			return known[i].packing;
	return ENCL_PACKED_UNKNOWN;
}

static int
ends_early(const char *name, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s: the data ends early", name);
}

/* ---- gzip ---- */

static void
inflate_clear(z_stream *z)
{
	inflateEnd(z);
}
ENCL_AUTO_VAL(z_stream, inflate_clear);

static int
unpack_gzip(struct encl_input *in, uint8_t *out, struct encl_sink *to, struct encl_err *e)
{
	encl_auto(inflate_clear) z_stream z = {0};
	int rc = Z_OK;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return encl_fail(e, ENCL_FAILED, "gzip: zlib does not start");
	while (rc != Z_STREAM_END) {
		if (encl_input_fill(in, 1, e))
			return -1;
		if (!encl_input_left(in))
			return ends_early("gzip", e);
		z.next_in = in->buf + in->pos;
		z.avail_in = (uInt)(in->len - in->pos);
		z.next_out = out;
		z.avail_out = OUT_SIZE;
		rc = inflate(&z, Z_NO_FLUSH);
		in->pos = in->len - z.avail_in;
		if (rc != Z_OK && rc != Z_STREAM_END)
			return encl_fail(e, ENCL_FAILED, "gzip: %s",
					 z.msg ? z.msg : "bad data");
		if (encl_sink_write(to, out, OUT_SIZE - z.avail_out, e))
			return -1;
	}
	return 0;
}

/* ---- zstd ---- */

static void
free_dctx(ZSTD_DCtx *d)
{
	ZSTD_freeDCtx(d);
}
ENCL_AUTO_PTR(ZSTD_DCtx, free_dctx);

static int
unpack_zstd(struct encl_input *in, uint8_t *out, struct encl_sink *to, struct encl_err *e)
{
	encl_auto(free_dctx) ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t left = 1;

	if (!d || ZSTD_isError(ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax,
						      ZSTD_WINDOW_LOG_MAX)))
		return encl_fail(e, ENCL_FAILED, "zstd: the library does not start");
	while (left) {
		ZSTD_outBuffer o = {out, OUT_SIZE, 0};
		ZSTD_inBuffer i;

		if (encl_input_fill(in, 1, e))
			return -1;
		i = (ZSTD_inBuffer){in->buf + in->pos, in->len - in->pos, 0};
		left = ZSTD_decompressStream(d, &o, &i);
		if (ZSTD_isError(left))
			return encl_fail(e, ENCL_FAILED, "zstd: %s",
					 ZSTD_getErrorName(left));
		if (left && !i.size && !o.pos)
			return ends_early("zstd", e);
		in->pos += i.pos;
		if (encl_sink_write(to, out, o.pos, e))
			return -1;
	}
	return 0;
}

/* ---- xz ---- */

static void
lzma_clear(lzma_stream *s)
{
	lzma_end(s);
}
ENCL_AUTO_VAL(lzma_stream, lzma_clear);

static int
unpack_xz(struct encl_input *in, uint8_t *out, struct encl_sink *to, struct encl_err *e)
{
	encl_auto(lzma_clear) lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret rc = LZMA_OK;

	if (lzma_stream_decoder(&s, XZ_MEMORY, 0) != LZMA_OK)
		return encl_fail(e, ENCL_FAILED, "xz: liblzma does not start");
	while (rc != LZMA_STREAM_END) {
		if (encl_input_fill(in, 1, e))
			return -1;
		s.next_in = in->buf + in->pos;
		s.avail_in = in->len - in->pos;
		s.next_out = out;
		s.avail_out = OUT_SIZE;
		rc = lzma_code(&s, LZMA_RUN);
		in->pos = in->len - s.avail_in;
		if (rc == LZMA_BUF_ERROR)
			return ends_early("xz", e);
		if (rc == LZMA_MEMLIMIT_ERROR)
			return encl_fail(e, ENCL_FAILED,
					 "xz: unpacking takes more than 256 MiB");
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			return encl_fail(e, ENCL_FAILED,
					 "xz: bad data (liblzma error %d)", (int)rc);
		if (encl_sink_write(to, out, OUT_SIZE - s.avail_out, e))
			return -1;
	}
	return 0;
}

/* ---- lz4, legacy frame: magic, then blocks of (size, data) ---- */

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static int
take(struct encl_input *in, uint8_t *to, size_t n, struct encl_err *e)
{
	if (encl_input_left(in) < n)
		return ends_early("lz4", e);
	while (n) {
		size_t now;

		if (encl_input_fill(in, 1, e))
			return -1;
		now = in->len - in->pos < n ? in->len - in->pos : n;
		memcpy(to, in->buf + in->pos, now);
		in->pos += now;
		to += now;
		n -= now;
	}
	return 0;
}

/* The format has no end mark: it ends with the data, at a zero (padding), or
 * where another frame begins. */
static bool
lz4_goes_on(const struct encl_input *in)
{
	const uint8_t *p = in->buf + in->pos;

	return in->len - in->pos >= 4 && le32(p) && memcmp(p, lz4_magic, 4) != 0;
}

static int
unpack_lz4(struct encl_input *in, struct encl_sink *to, struct encl_err *e)
{
	const size_t bound = (size_t)LZ4_compressBound(LZ4_BLOCK);
	encl_auto(encl_free) uint8_t *packed = encl_xmalloc(bound);
	encl_auto(encl_free) uint8_t *plain = encl_xmalloc(LZ4_BLOCK);

	in->pos += sizeof lz4_magic;
	for (;;) {
		size_t n;
		int got;

		if (encl_input_fill(in, 4, e))
			return -1;
		if (!lz4_goes_on(in))
			return 0;
		n = le32(in->buf + in->pos);
		in->pos += 4;
		if (n > bound)
			return encl_fail(e, ENCL_FAILED,
					 "lz4: a block of more than 8 MiB");
		if (take(in, packed, n, e))
			return -1;
		got = LZ4_decompress_safe((const char *)packed, (char *)plain, (int)n,
					  LZ4_BLOCK);
		if (got < 0)
			return encl_fail(e, ENCL_FAILED, "lz4: bad data");
		if (encl_sink_write(to, plain, (size_t)got, e))
			return -1;
	}
}

int
encl_unpack(enum encl_packing packing, struct encl_input *in, struct encl_sink *out,
	    struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(OUT_SIZE);

	switch (packing) {
	case ENCL_PACKED_GZIP:
		return unpack_gzip(in, buf, out, e);
	case ENCL_PACKED_ZSTD:
		return unpack_zstd(in, buf, out, e);
	case ENCL_PACKED_XZ:
		return unpack_xz(in, buf, out, e);
	case ENCL_PACKED_LZ4:
		return unpack_lz4(in, out, e);
	case ENCL_PACKED_UNKNOWN:
		break;
	}
	return encl_fail(e, ENCL_FAILED, "data in no known format");
}
