/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decompression of what comes from outside: gzip (RFC 1952, several members,
 * CRC checked), zstd (RFC 8878, window at most 128 MiB), xz and bzip2.  The
 * format is told by its magic, never by a name or media type.  Input is read
 * to its last byte, so that a digest covers all of it; what ends early, or
 * goes on after its end with something else, is an error.
 */
#ifndef ENCL_SOURCES_INFLATE_H
#define ENCL_SOURCES_INFLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"

struct encl_log;

enum encl_codec {
	ENCL_CODEC_NONE,
	ENCL_CODEC_GZIP,
	ENCL_CODEC_ZSTD,
	ENCL_CODEC_XZ,
	ENCL_CODEC_BZIP2
};

enum { ENCL_CODEC_MAGIC = 6 }; /* bytes that encl_codec_detect looks at */
enum encl_codec encl_codec_detect(const void *head, size_t n);

struct encl_inflate {
	int fd;
	uint64_t offset; /* where the input starts in fd */
	uint64_t size;	 /* of the input: fd ending earlier is an error */
	enum encl_codec codec;
	struct encl_hash *hash; /* of every input byte; or NULL */
	const char *what;	/* for errors and progress */
	struct encl_log *log;	/* or NULL */
	/* xz only, for input whose digest was checked before: blocks are decoded
	 * in parallel (liblzma's threaded decoder has had memory errors) */
	unsigned threads;
};

/*
 * Decompresses (ENCL_CODEC_NONE: copies) to out.  ENCL_FAILED where the data is
 * damaged, needs more memory than a decoder may have (zstd 128 MiB, xz 256
 * MiB), or is a bomb: more than 1000 times the input, beyond 1 GiB.  Absolute
 * limits are the sink's.
 */
int encl_inflate(const struct encl_inflate *in, struct encl_sink *out,
		 struct encl_err *e) ENCL_MUST_CHECK;

/* The codec of the bytes of fd at offset. */
int encl_codec_probe(int fd, uint64_t offset, uint64_t size, const char *what,
		     enum encl_codec *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
