/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression as the kernel's initramfs unpacker takes it, with the same bytes
 * for any number of threads: one gzip member without name and time; one zstd
 * frame made by the multi-threaded encoder even with one thread, window within
 * 8 MiB; lz4's legacy frame; one xz stream of fixed blocks with CRC-32.
 */
#include <inttypes.h>
#include <lz4.h>
#include <lz4hc.h>
#include <lzma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "ramdisk/internal.h"

enum {
	OUT_SIZE = 256 * 1024,
	ZSTD_MAX_LEVEL = 19, /* above it windows grow beyond 8 MiB */
	ZSTD_JOB = 8 << 20,
	LZ4_BLOCK = 8 << 20, /* fixed by the legacy format */
	MAX_THREADS = 8
};

struct codec {
	const char *name;
	int min_level, max_level, default_level;
	int (*open)(struct encl_compressor *c, int level, unsigned jobs, uint64_t size,
		    struct encl_err *e);
	/* end: no more input comes */
	int (*feed)(struct encl_compressor *c, const void *p, size_t n, bool end,
		    struct encl_err *e);
	void (*close)(struct encl_compressor *c);
};

struct encl_compressor {
	struct encl_sink sink; /* first */
	struct encl_sink *next;
	const struct codec *codec;
	int level;
	uint8_t *out;
	z_stream z;
	gz_header gzip_header; /* read by zlib with the first input */
	ZSTD_CCtx *zstd;
	lzma_stream xz;
	uint8_t *block; /* lz4: input of the next block */
	size_t n_block;
};

/* ---- gzip ---- */

static int
gzip_open(struct encl_compressor *c, int level, unsigned jobs, uint64_t size,
	  struct encl_err *e)
{
	(void)jobs;
	(void)size;
	c->gzip_header.os = 255; /* unknown; no time, no name */
	if (deflateInit2(&c->z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
		    Z_OK ||
	    deflateSetHeader(&c->z, &c->gzip_header) != Z_OK)
		return encl_fail(e, ENCL_FAILED, "gzip: zlib does not start");
	return 0;
}

static int
gzip_feed(struct encl_compressor *c, const void *p, size_t n, bool end,
	  struct encl_err *e)
{
	c->z.next_in = (Bytef *)(uintptr_t)p;
	c->z.avail_in = (uInt)n;
	for (;;) {
		int rc;

		c->z.next_out = c->out;
		c->z.avail_out = OUT_SIZE;
		rc = deflate(&c->z, end ? Z_FINISH : Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return encl_fail(e, ENCL_FAILED, "gzip: zlib error %d", rc);
		if (encl_sink_write(c->next, c->out, OUT_SIZE - c->z.avail_out, e))
			return -1;
		if (c->z.avail_out)
			return 0;
	}
}

static void
gzip_close(struct encl_compressor *c)
{
	deflateEnd(&c->z);
}

/* ---- zstd ---- */

static int
zstd_check(size_t rc, struct encl_err *e)
{
	if (ZSTD_isError(rc))
		return encl_fail(e, ENCL_FAILED, "zstd: %s", ZSTD_getErrorName(rc));
	return 0;
}

static int
zstd_open(struct encl_compressor *c, int level, unsigned jobs, uint64_t size,
	  struct encl_err *e)
{
	const struct {
		ZSTD_cParameter name;
		int value;
	} parameters[] = {
		{ZSTD_c_compressionLevel, level},
		{ZSTD_c_checksumFlag, 1},
		{ZSTD_c_nbWorkers, jobs < MAX_THREADS ? (int)jobs : MAX_THREADS},
		{ZSTD_c_jobSize, ZSTD_JOB},
	};
	ZSTD_bounds bounds = ZSTD_cParam_getBounds(ZSTD_c_nbWorkers);

	c->zstd = ZSTD_createCCtx();
	if (!c->zstd)
		return encl_fail(e, ENCL_FAILED, "zstd: the library does not start");
	if (ZSTD_isError(bounds.error) || bounds.upperBound < MAX_THREADS)
		return encl_fail(e, ENCL_HOST,
				 "zstd: this library was built without threads, so its "
				 "bytes would differ");
	for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++)
		if (zstd_check(ZSTD_CCtx_setParameter(c->zstd, parameters[i].name,
						      parameters[i].value),
			       e))
			return -1;
	return zstd_check(ZSTD_CCtx_setPledgedSrcSize(c->zstd, size), e);
}

static int
zstd_feed(struct encl_compressor *c, const void *p, size_t n, bool end,
	  struct encl_err *e)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {c->out, OUT_SIZE, 0};

		left = ZSTD_compressStream2(c->zstd, &out, &in,
					    end ? ZSTD_e_end : ZSTD_e_continue);
		if (zstd_check(left, e) || encl_sink_write(c->next, c->out, out.pos, e))
			return -1;
	} while (end ? left != 0 : in.pos < in.size);
	return 0;
}

static void
zstd_close(struct encl_compressor *c)
{
	ZSTD_freeCCtx(c->zstd);
}

/* ---- lz4 ---- */

static int
lz4_open(struct encl_compressor *c, int level, unsigned jobs, uint64_t size,
	 struct encl_err *e)
{
	static const uint8_t magic[4] = {0x02, 0x21, 0x4c, 0x18};

	(void)level;
	(void)jobs;
	(void)size;
	free(c->out);
	c->out = encl_xmalloc(4 + (size_t)LZ4_compressBound(LZ4_BLOCK));
	c->block = encl_xmalloc(LZ4_BLOCK);
	return encl_sink_write(c->next, magic, sizeof magic, e);
}

static int
lz4_block(struct encl_compressor *c, struct encl_err *e)
{
	int n = LZ4_compress_HC((const char *)c->block, (char *)c->out + 4,
				(int)c->n_block, LZ4_compressBound(LZ4_BLOCK), c->level);

	if (n <= 0)
		return encl_fail(e, ENCL_FAILED, "lz4: a block was not compressed");
	for (int i = 0; i < 4; i++)
		c->out[i] = (uint8_t)((uint32_t)n >> 8 * i);
	c->n_block = 0;
	return encl_sink_write(c->next, c->out, (size_t)n + 4, e);
}

static int
lz4_feed(struct encl_compressor *c, const void *p, size_t n, bool end, struct encl_err *e)
{
	const uint8_t *bytes = p;

	while (n) {
		size_t room = LZ4_BLOCK - c->n_block;
		size_t now = n < room ? n : room;

		memcpy(c->block + c->n_block, bytes, now);
		c->n_block += now;
		bytes += now;
		n -= now;
		if (c->n_block == LZ4_BLOCK && lz4_block(c, e))
			return -1;
	}
	return end && c->n_block ? lz4_block(c, e) : 0;
}

static void
lz4_close(struct encl_compressor *c)
{
	free(c->block);
}

/* ---- xz ---- */

static int
xz_open(struct encl_compressor *c, int level, unsigned jobs, uint64_t size,
	struct encl_err *e)
{
	lzma_options_lzma options;
	lzma_mt mt = {
		.threads = jobs < MAX_THREADS ? jobs : MAX_THREADS,
		.preset = (uint32_t)level,
		.check = LZMA_CHECK_CRC32, /* all that the kernel's decoder knows */
	};
	lzma_ret rc;

	(void)size;
	c->xz = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_lzma_preset(&options, mt.preset))
		return encl_fail(e, ENCL_FAILED, "xz: no preset %d", level);
	mt.block_size = options.dict_size * UINT64_C(3);
	rc = lzma_stream_encoder_mt(&c->xz, &mt);
	if (rc != LZMA_OK)
		return encl_fail(e, ENCL_FAILED, "xz: liblzma error %d", (int)rc);
	return 0;
}

static int
xz_feed(struct encl_compressor *c, const void *p, size_t n, bool end, struct encl_err *e)
{
	c->xz.next_in = p;
	c->xz.avail_in = n;
	for (;;) {
		lzma_ret rc;

		c->xz.next_out = c->out;
		c->xz.avail_out = OUT_SIZE;
		rc = lzma_code(&c->xz, end ? LZMA_FINISH : LZMA_RUN);
		if (rc != LZMA_OK && rc != LZMA_STREAM_END)
			return encl_fail(e, ENCL_FAILED, "xz: liblzma error %d", (int)rc);
		if (encl_sink_write(c->next, c->out, OUT_SIZE - c->xz.avail_out, e))
			return -1;
		if (end ? rc == LZMA_STREAM_END : !c->xz.avail_in)
			return 0;
	}
}

static void
xz_close(struct encl_compressor *c)
{
	lzma_end(&c->xz);
}

/* ---- all of them ---- */

static const struct codec codecs[] = {
	[ENCL_COMPRESS_GZIP] = {"gzip", 1, 9, 6, gzip_open, gzip_feed, gzip_close},
	[ENCL_COMPRESS_ZSTD] = {"zstd", 1, ZSTD_MAX_LEVEL, 9, zstd_open, zstd_feed,
				zstd_close},
	[ENCL_COMPRESS_LZ4] = {"lz4", 1, 12, 9, lz4_open, lz4_feed, lz4_close},
	[ENCL_COMPRESS_XZ] = {"xz", 0, 9, 6, xz_open, xz_feed, xz_close},
};

static int
sink_write(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct encl_compressor *c = (struct encl_compressor *)s;

	return c->codec->feed(c, p, n, false, e);
}

int
encl_compressor_open(enum encl_compression compression, int level, unsigned jobs,
		     uint64_t size, struct encl_sink *next, struct encl_compressor **out,
		     struct encl_err *e)
{
	encl_auto(encl_compressor_free) struct encl_compressor *c = NULL;
	const struct codec *codec = &codecs[compression];

	if (level != -1 && (level < codec->min_level || level > codec->max_level))
		return encl_fail(e, ENCL_USAGE, "%s has levels %d to %d, not %d",
				 codec->name, codec->min_level, codec->max_level, level);
	c = encl_xcalloc(1, sizeof *c);
	c->sink.write = sink_write;
	c->next = next;
	c->codec = codec;
	c->level = level == -1 ? codec->default_level : level;
	c->out = encl_xmalloc(OUT_SIZE);
	if (codec->open(c, c->level, jobs ? jobs : 1, size, e))
		return -1;
	*out = encl_take(c, NULL);
	return 0;
}

struct encl_sink *
encl_compressor_sink(struct encl_compressor *c)
{
	return &c->sink;
}

int
encl_compressor_finish(struct encl_compressor *c, struct encl_err *e)
{
	return c->codec->feed(c, NULL, 0, true, e);
}

void
encl_compressor_free(struct encl_compressor *c)
{
	if (!c)
		return;
	c->codec->close(c);
	free(c->out);
	free(c);
}

/* Written once; the libraries' versions are those of the running process. */
static char versions[sizeof codecs / sizeof *codecs][48];
static pthread_once_t versions_once = PTHREAD_ONCE_INIT;

static void
write_versions(void)
{
	const char *const names[] = {
		[ENCL_COMPRESS_GZIP] = zlibVersion(),
		[ENCL_COMPRESS_ZSTD] = ZSTD_versionString(),
		[ENCL_COMPRESS_LZ4] = LZ4_versionString(),
		[ENCL_COMPRESS_XZ] = lzma_version_string(),
	};

	for (size_t i = ENCL_COMPRESS_GZIP; i < sizeof names / sizeof *names; i++)
		snprintf(versions[i], sizeof versions[i], "%s %.24s -%d",
			 i == ENCL_COMPRESS_GZIP ? "zlib" : codecs[i].name, names[i],
			 codecs[i].default_level);
}

const char *
encl_compressor_version(enum encl_compression c)
{
	pthread_once(&versions_once, write_versions);
	return versions[c];
}
