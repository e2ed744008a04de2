/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed bytes of a file to a sink, one decoder of a library a codec. */
#include "sources/inflate.h"

#include <archive.h>
#include <inttypes.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/log.h"

enum {
	CHUNK = 256 * 1024,
	ZSTD_WINDOW_LOG = 27,
	MAX_RATIO = 1000,
};
static const uint64_t ratio_free = UINT64_C(1) << 30;
static const uint64_t xz_memory = UINT64_C(256) << 20;
static const uint64_t xz_memory_threads = UINT64_C(96) << 20;

struct stream {
	const struct encl_inflate *in;
	struct encl_sink *out;
	uint64_t done;	  /* input bytes read */
	uint64_t written; /* output bytes */
	uint8_t *input;	  /* CHUNK bytes */
	uint8_t *output;  /* CHUNK bytes */
	size_t filled;	  /* of input, by the last read */
	struct encl_err *e;
};

static int
damaged(const struct stream *s, const char *format, const char *why)
{
	return encl_fail(s->e, ENCL_FAILED, "%s: %s data is damaged: %s", s->in->what,
			 format, why ? why : "unknown reason");
}

static int
ends_early(const struct stream *s, const char *format)
{
	return encl_fail(s->e, ENCL_FAILED, "%s: %s data ends too early", s->in->what,
			 format);
}

/* The next chunk; filled is 0 at the end of the input. */
static int
fill(struct stream *s)
{
	uint64_t left = s->in->size - s->done;

	s->filled = left < CHUNK ? (size_t)left : CHUNK;
	if (encl_pread_full(s->in->fd, s->input, s->filled, s->in->offset + s->done,
			    s->in->what, s->e))
		return -1;
	if (s->in->hash)
		encl_hash_update(s->in->hash, s->input, s->filled);
	s->done += s->filled;
	encl_progress(s->in->log, s->in->what, s->done, s->in->size);
	return 0;
}

static int
emit(struct stream *s, const void *p, size_t n)
{
	s->written += n;
	if (s->written > ratio_free && s->written / MAX_RATIO > s->done)
		return encl_fail(
			s->e, ENCL_FAILED,
			"%s: expands to more than %d times its size; refused as a "
			"decompression bomb",
			s->in->what, MAX_RATIO);
	return encl_sink_write(s->out, p, n, s->e);
}

static int
copy(struct stream *s)
{
	do {
		if (fill(s) || encl_sink_write(s->out, s->input, s->filled, s->e))
			return -1;
	} while (s->filled);
	return 0;
}

static void
inflate_end_at(z_stream *z)
{
	inflateEnd(z);
}

/* Another member may follow a member; nothing else may. */
static int
gunzip(struct stream *s)
{
	encl_auto(inflate_end) z_stream z = {.avail_out = 1};
	int rc = Z_STREAM_END;

	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return damaged(s, "gzip", "zlib does not start");
	for (;;) {
		/* a full output buffer may leave more in zlib's window */
		if (!z.avail_in && (z.avail_out || rc == Z_STREAM_END)) {
			if (fill(s))
				return -1;
			if (!s->filled)
				break;
			z.next_in = s->input;
			z.avail_in = (uInt)s->filled;
		}
		if (rc == Z_STREAM_END)
			inflateReset(&z);
		z.next_out = s->output;
		z.avail_out = CHUNK;
		rc = inflate(&z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return damaged(s, "gzip", z.msg);
		if (emit(s, s->output, CHUNK - z.avail_out))
			return -1;
	}
	return rc == Z_STREAM_END ? 0 : ends_early(s, "gzip");
}

static void
zstd_free_at(ZSTD_DCtx **z)
{
	ZSTD_freeDCtx(*z);
}

static int
unzstd(struct stream *s)
{
	encl_auto(zstd_free) ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t rc = 0;

	if (!z ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG)))
		return damaged(s, "zstd", "libzstd does not start");
	for (;;) {
		if (fill(s))
			return -1;
		if (!s->filled)
			break;
		ZSTD_inBuffer in = {s->input, s->filled, 0};
		ZSTD_outBuffer out;

		do {
			out = (ZSTD_outBuffer){s->output, CHUNK, 0};
			rc = ZSTD_decompressStream(z, &out, &in);
			if (ZSTD_isError(rc))
				return damaged(s, "zstd", ZSTD_getErrorName(rc));
			if (emit(s, s->output, out.pos))
				return -1;
		} while (in.pos < in.size || (rc && out.pos == out.size));
	}
	return rc == 0 ? 0 : ends_early(s, "zstd");
}

static void
lzma_end_at(lzma_stream *z)
{
	lzma_end(z);
}

static lzma_ret
start_xz(const struct stream *s, lzma_stream *z)
{
	lzma_mt mt = {.flags = LZMA_CONCATENATED,
		      .threads = s->in->threads,
		      .memlimit_threading = xz_memory_threads,
		      .memlimit_stop = xz_memory};

	if (s->in->threads > 1)
		return lzma_stream_decoder_mt(z, &mt);
	return lzma_stream_decoder(z, xz_memory, LZMA_CONCATENATED);
}

static const char *
xz_error(lzma_ret rc)
{
	switch (rc) {
	case LZMA_MEMLIMIT_ERROR:
		return "needs more than 256 MiB of memory";
	case LZMA_FORMAT_ERROR:
		return "not an xz file";
	case LZMA_OPTIONS_ERROR:
		return "unsupported options";
	default:
		return "corrupt";
	}
}

static int
unxz(struct stream *s)
{
	encl_auto(lzma_end) lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret rc = start_xz(s, &z);
	lzma_action action = LZMA_RUN;

	while (rc == LZMA_OK) {
		if (!z.avail_in && action == LZMA_RUN) {
			if (fill(s))
				return -1;
			z.next_in = s->input;
			z.avail_in = s->filled;
			action = s->filled ? LZMA_RUN : LZMA_FINISH;
		}
		z.next_out = s->output;
		z.avail_out = CHUNK;
		rc = lzma_code(&z, action);
		if (emit(s, s->output, CHUNK - z.avail_out))
			return -1;
	}
	if (rc == LZMA_STREAM_END)
		return 0;
	return rc == LZMA_BUF_ERROR ? ends_early(s, "xz")
				    : damaged(s, "xz", xz_error(rc));
}

static la_ssize_t
read_archive(struct archive *a, void *arg, const void **p)
{
	struct stream *s = arg;

	if (fill(s)) {
		archive_set_error(a, -1, "%s", s->e->msg);
		return -1;
	}
	*p = s->input;
	return (la_ssize_t)s->filled;
}

static void
read_free_at(struct archive **a)
{
	archive_read_free(*a);
}

/* libarchive's filter: the library itself is not among our dependencies. */
static int
unbzip2(struct stream *s)
{
	encl_auto(read_free) struct archive *a = archive_read_new();
	const void *p;
	size_t n;
	int64_t offset;
	struct archive_entry *entry;
	int rc;

	if (!a || archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(a) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(a) != ARCHIVE_OK)
		return damaged(s, "bzip2", "libarchive does not start");
	rc = archive_read_open2(a, s, NULL, read_archive, NULL, NULL);
	if (rc == ARCHIVE_OK)
		rc = archive_read_next_header(a, &entry);
	while (rc == ARCHIVE_OK && !(rc = archive_read_data_block(a, &p, &n, &offset)))
		if (emit(s, p, n))
			return -1;
	if (rc != ARCHIVE_EOF)
		return damaged(s, "bzip2", archive_error_string(a));
	while (s->filled)
		if (fill(s))
			return -1;
	return 0;
}

int
encl_inflate(const struct encl_inflate *in, struct encl_sink *out, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *input = encl_xmalloc(CHUNK);
	encl_auto(encl_free) uint8_t *output = encl_xmalloc(CHUNK);
	struct stream s = {
		.in = in, .out = out, .input = input, .output = output, .e = e};

	switch (in->codec) {
	case ENCL_CODEC_GZIP:
		return gunzip(&s);
	case ENCL_CODEC_ZSTD:
		return unzstd(&s);
	case ENCL_CODEC_XZ:
		return unxz(&s);
	case ENCL_CODEC_BZIP2:
		return unbzip2(&s);
	case ENCL_CODEC_NONE:
		break;
	}
	return copy(&s);
}

enum encl_codec
encl_codec_detect(const void *head, size_t n)
{
	static const struct {
		const char *magic;
		size_t n;
		enum encl_codec codec;
	} rows[] = {
		{"\x1f\x8b\x08", 3, ENCL_CODEC_GZIP},
		{"\x28\xb5\x2f\xfd", 4, ENCL_CODEC_ZSTD},
		{"\xfd"
		 "7zXZ\0",
		 6, ENCL_CODEC_XZ},
		{"BZh", 3, ENCL_CODEC_BZIP2},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (n >= rows[i].n && !memcmp(head, rows[i].magic, rows[i].n))
			return rows[i].codec;
	return ENCL_CODEC_NONE;
}

int
encl_codec_probe(int fd, uint64_t offset, uint64_t size, const char *what,
		 enum encl_codec *out, struct encl_err *e)
{
	uint8_t head[ENCL_CODEC_MAGIC];
	size_t n = size < sizeof head ? (size_t)size : sizeof head;

	if (encl_pread_full(fd, head, n, offset, what, e))
		return -1;
	*out = encl_codec_detect(head, n);
	return 0;
}
