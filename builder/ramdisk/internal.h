/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of ramdisk/ share: a planned archive and newc's header. */
#ifndef ENCL_RAMDISK_INTERNAL_H
#define ENCL_RAMDISK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ramdisk/ramdisk.h"

enum { ENCL_CPIO_HEADER = 110, ENCL_CPIO_NAME_MAX = 4096 /* with the NUL */ };
#define ENCL_CPIO_TRAILER "TRAILER!!!"

struct encl_cpio_item {
	const char *path;
	const struct encl_content *content; /* NULL: none */
	const char *link;		    /* the body of a symlink; or NULL */
	uint32_t ino, mode /* with type bits */, uid, gid, nlink, mtime;
	uint32_t size; /* of the body */
	uint32_t rdev_major, rdev_minor;
};

struct encl_ramdisk {
	enum encl_cpio_style style;
	struct encl_arena *arena;
	struct encl_cpio_item *items;
	size_t n, room;
	struct encl_blob **blobs; /* of entries that are not a tree's */
	size_t n_blobs, blobs_room;
	uint32_t next_ino;
	bool any_order; /* names are not sorted, and may be there twice */
	uint64_t size;	/* without trailer and final padding */
	uint32_t crc;
};

/* Header, name and padding; at most ENCL_CPIO_HEAD_MAX bytes.  Returns n. */
enum { ENCL_CPIO_HEAD_MAX = ENCL_CPIO_HEADER + ENCL_CPIO_NAME_MAX + 4 };
size_t encl_cpio_head(enum encl_cpio_style style, const struct encl_cpio_item *item,
		      uint8_t out[ENCL_CPIO_HEAD_MAX]);
void encl_cpio_trailer(const struct encl_ramdisk *r, struct encl_cpio_item *out);
/* The way from the folder of `from` to `to`, both paths of one archive. */
char *encl_cpio_relative(struct encl_arena *a, const char *from, const char *to);
/* What an archive, compressed or not, is padded to. */
uint64_t encl_cpio_block(enum encl_cpio_style style);

/* ---- compression ---- */

struct encl_compressor;

/* The compressor takes the bytes of its sink and gives them to next. */
int encl_compressor_open(enum encl_compression c, int level, unsigned jobs, uint64_t size,
			 struct encl_sink *next, struct encl_compressor **out,
			 struct encl_err *e) ENCL_MUST_CHECK;
struct encl_sink *encl_compressor_sink(struct encl_compressor *c);
int encl_compressor_finish(struct encl_compressor *c, struct encl_err *e) ENCL_MUST_CHECK;
void encl_compressor_free(struct encl_compressor *c);
ENCL_AUTO_PTR(struct encl_compressor, encl_compressor_free);

/* ---- reading ---- */

/* A range of a file, buffered. */
struct encl_input {
	int fd;
	uint64_t start, at, end; /* at: of the byte after the buffered ones */
	uint8_t *buf;
	size_t pos, len;
};
enum { ENCL_INPUT_BUFFER = 256 * 1024, ENCL_INPUT_PEEK = 16 };
/* Bytes left, buffered ones included. */
uint64_t encl_input_left(const struct encl_input *in);
/* Makes at least n <= ENCL_INPUT_PEEK bytes readable at buf + pos where so
 * many are left; at least one where any is. */
int encl_input_fill(struct encl_input *in, size_t n, struct encl_err *e) ENCL_MUST_CHECK;
/* Passes over n bytes, without reading them; n <= encl_input_left. */
void encl_input_skip(struct encl_input *in, uint64_t n);
/* Offset of the next byte in the range. */
uint64_t encl_input_offset(const struct encl_input *in);

enum encl_packing encl_packing_of(const uint8_t *p, size_t n);
/* Unpacks one compressed stream; the input stands behind it afterwards. */
int encl_unpack(enum encl_packing packing, struct encl_input *in, struct encl_sink *out,
		struct encl_err *e) ENCL_MUST_CHECK;

#endif
