/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libsquashfs is given: a range of a descriptor, a compressor by the
 * manifest's words ("none" is one that finds nothing worth compressing), and
 * words for its error codes.
 */
#include "ramdisk/squashfs_file.h"

#include <errno.h>
#include <lz4.h>
#include <lzma.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <sqfs/error.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "ramdisk/squashfs.h"

/* ---- the file ---- */

static int
read_at(sqfs_file_t *base, sqfs_u64 offset, void *p, size_t n)
{
	struct encl_sqfs_file *f = (struct encl_sqfs_file *)base;
	struct encl_err e;

	if (offset > f->size || n > f->size - offset)
		return SQFS_ERROR_OUT_OF_BOUNDS;
	if (encl_pread_full(f->fd, p, n, f->start + offset, "squashfs", &e))
		return SQFS_ERROR_IO;
	return 0;
}

static int
write_at(sqfs_file_t *base, sqfs_u64 offset, const void *p, size_t n)
{
	struct encl_sqfs_file *f = (struct encl_sqfs_file *)base;
	struct encl_err e;

	if (encl_pwrite_full(f->fd, p, n, f->start + offset, "squashfs", &e))
		return SQFS_ERROR_IO;
	if (offset + n > f->size)
		f->size = offset + n;
	return 0;
}

static sqfs_u64
get_size(const sqfs_file_t *base)
{
	return ((const struct encl_sqfs_file *)base)->size;
}

static int
truncate_to(sqfs_file_t *base, sqfs_u64 size)
{
	struct encl_sqfs_file *f = (struct encl_sqfs_file *)base;

	if (ftruncate(f->fd, (off_t)(f->start + size)))
		return SQFS_ERROR_IO;
	f->size = size;
	return 0;
}

void
encl_sqfs_file_init(struct encl_sqfs_file *f, int fd, uint64_t start, uint64_t size)
{
	*f = (struct encl_sqfs_file){
		.base = {{NULL, NULL}, read_at, write_at, get_size, truncate_to},
		.fd = fd,
		.start = start,
		.size = size,
	};
}

/* ---- "none" ---- */

static void
free_none(sqfs_object_t *o)
{
	free(o);
}

static sqfs_object_t *
copy_none(const sqfs_object_t *o)
{
	return encl_xmemdup(o, sizeof(sqfs_compressor_t));
}

static void
configuration_none(const sqfs_compressor_t *c, sqfs_compressor_config_t *config)
{
	(void)c;
	*config = (sqfs_compressor_config_t){.id = SQFS_COMP_GZIP,
					     .block_size = ENCL_SQUASHFS_BLOCK};
}

static int
options_none(sqfs_compressor_t *c, sqfs_file_t *file)
{
	(void)c;
	(void)file;
	return 0;
}

/* 0: it would not get smaller, so it is stored as it is. */
static sqfs_s32
block_none(sqfs_compressor_t *c, const sqfs_u8 *in, sqfs_u32 size, sqfs_u8 *out,
	   sqfs_u32 outsize)
{
	(void)c;
	(void)in;
	(void)size;
	(void)out;
	(void)outsize;
	return 0;
}

static sqfs_compressor_t *
new_none(void)
{
	const sqfs_compressor_t none = {{free_none, copy_none},
					configuration_none,
					options_none,
					options_none,
					block_none};

	return encl_xmemdup(&none, sizeof none);
}

/* ---- compressors ---- */

static const struct {
	SQFS_COMPRESSOR id;
	int level; /* default; -1: it has none */
} compressors[] = {
	[ENCL_COMPRESS_NONE] = {SQFS_COMP_GZIP, -1},
	[ENCL_COMPRESS_GZIP] = {SQFS_COMP_GZIP, 9},
	[ENCL_COMPRESS_ZSTD] = {SQFS_COMP_ZSTD, 9},
	[ENCL_COMPRESS_LZ4] = {SQFS_COMP_LZ4, -1},
	[ENCL_COMPRESS_XZ] = {SQFS_COMP_XZ, -1},
};

static int
create(const sqfs_compressor_config_t *config, sqfs_compressor_t **out,
       struct encl_err *e)
{
	int rc = sqfs_compressor_create(config, out);

	return rc ? encl_sqfs_fail(e, rc, "compressor") : 0;
}

int
encl_sqfs_unpacker(unsigned id, sqfs_compressor_t **unpacker, struct encl_err *e)
{
	sqfs_compressor_config_t config;

	if (sqfs_compressor_config_init(&config, (SQFS_COMPRESSOR)id, ENCL_SQUASHFS_BLOCK,
					SQFS_COMP_FLAG_UNCOMPRESS))
		return encl_fail(e, ENCL_FAILED, "squashfs: unknown compressor %u", id);
	return create(&config, unpacker, e);
}

int
encl_sqfs_packer(enum encl_compression c, int level, sqfs_compressor_t **packer,
		 sqfs_compressor_t **unpacker, struct encl_err *e)
{
	sqfs_compressor_config_t config;

	if (encl_sqfs_unpacker(compressors[c].id, unpacker, e))
		return -1;
	if (c == ENCL_COMPRESS_NONE) {
		*packer = new_none();
		return 0;
	}
	if (sqfs_compressor_config_init(&config, compressors[c].id, ENCL_SQUASHFS_BLOCK,
					c == ENCL_COMPRESS_LZ4 ? SQFS_COMP_FLAG_LZ4_HC
							       : 0))
		return encl_fail(e, ENCL_HOST, "this libsquashfs has no %s",
				 encl_compression_name(c));
	if (compressors[c].level >= 0)
		config.level = (sqfs_u32)(level == -1 ? compressors[c].level : level);
	return create(&config, packer, e);
}

/* ---- versions ---- */

/* Written once; the libraries' versions are those of the running process, but
 * libsquashfs does not tell its own. */
static char versions[sizeof compressors / sizeof *compressors][80];
static pthread_once_t versions_once = PTHREAD_ONCE_INIT;

static void
write_versions(void)
{
	const char *const names[][2] = {
		[ENCL_COMPRESS_NONE] = {"none", ""},
		[ENCL_COMPRESS_GZIP] = {"zlib ", zlibVersion()},
		[ENCL_COMPRESS_ZSTD] = {"zstd ", ZSTD_versionString()},
		[ENCL_COMPRESS_LZ4] = {"lz4 ", LZ4_versionString()},
		[ENCL_COMPRESS_XZ] = {"xz ", lzma_version_string()},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int n = snprintf(versions[i], sizeof versions[i],
				 "libsquashfs " ENCL_LIBSQUASHFS ", %s%.24s", names[i][0],
				 names[i][1]);

		if (compressors[i].level >= 0)
			snprintf(versions[i] + n, sizeof versions[i] - (size_t)n, " -%d",
				 compressors[i].level);
	}
}

const char *
encl_squashfs_version(enum encl_compression c)
{
	pthread_once(&versions_once, write_versions);
	return versions[c];
}

/* ---- errors ---- */

int
encl_sqfs_fail(struct encl_err *e, int code, const char *what)
{
	static const char *const words[] = {
		[-SQFS_ERROR_ALLOC] = "out of memory",
		[-SQFS_ERROR_IO] = "it cannot be read or written",
		[-SQFS_ERROR_COMPRESSOR] = "damaged compressed data",
		[-SQFS_ERROR_INTERNAL] = "internal error of libsquashfs",
		[-SQFS_ERROR_CORRUPTED] = "damaged",
		[-SQFS_ERROR_UNSUPPORTED] = "not supported by libsquashfs",
		[-SQFS_ERROR_OVERFLOW] = "a number is too large",
		[-SQFS_ERROR_OUT_OF_BOUNDS] = "a reference leads outside",
		[-SFQS_ERROR_SUPER_MAGIC] = "not a squashfs",
		[-SFQS_ERROR_SUPER_VERSION] = "not version 4.0",
		[-SQFS_ERROR_SUPER_BLOCK_SIZE] = "impossible block size",
	};
	size_t i = code < 0 ? (size_t)-code : 0;

	if (i < sizeof words / sizeof *words && words[i])
		return encl_fail(e, ENCL_FAILED, "squashfs: %s: %s", what, words[i]);
	return encl_fail(e, ENCL_FAILED, "squashfs: %s: libsquashfs error %d", what,
			 code);
}
