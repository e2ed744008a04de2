/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A planned archive to bytes: headers and content gathered in one buffer, so
 * that what follows (hashes, compression, the file) gets large pieces.  The
 * CRC of every file is taken on the way, and must be the one that was planned.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "ramdisk/internal.h"
#include "rootfs/tree.h"

enum { BUFFER = 512 * 1024, ALIGNMENT = 4096 };

struct writer {
	const struct encl_ramdisk *r;
	struct encl_sink *out;
	uint8_t *buf;
	size_t used;
	uint64_t size; /* so far */
};

static void
writer_clear(struct writer *w)
{
	free(w->buf);
}
ENCL_AUTO_VAL(struct writer, writer_clear);

static int
flush(struct writer *w, struct encl_err *e)
{
	size_t n = encl_take(w->used, 0);

	return encl_sink_write(w->out, w->buf, n, e);
}

static int
put(struct writer *w, const void *p, size_t n, struct encl_err *e)
{
	const uint8_t *bytes = p;

	w->size += n;
	while (n) {
		size_t now = n < BUFFER - w->used ? n : BUFFER - w->used;

		memcpy(w->buf + w->used, bytes, now);
		w->used += now;
		bytes += now;
		n -= now;
		if (w->used == BUFFER && flush(w, e))
			return -1;
	}
	return 0;
}

static int
put_padding(struct writer *w, uint64_t to, struct encl_err *e)
{
	static const uint8_t zeros[ALIGNMENT];

	return put(w, zeros, (size_t)(encl_align_up(w->size, to) - w->size), e);
}

static int
put_content(struct writer *w, const struct encl_cpio_item *item, struct encl_err *e)
{
	const struct encl_content *c = item->content;
	uint32_t crc = 0;

	for (uint64_t off = 0; off < c->size;) {
		uint64_t left = c->size - off;
		size_t now = left < BUFFER - w->used ? (size_t)left : BUFFER - w->used;

		if (encl_content_read(c, off, w->buf + w->used, now, e))
			return encl_wrap(e, "%s", item->path);
		crc = encl_crc32(crc, w->buf + w->used, now);
		w->used += now;
		off += now;
		if (w->used == BUFFER && flush(w, e))
			return -1;
	}
	w->size += c->size;
	if (crc != c->crc) {
		encl_auto(encl_free) char *shown =
			encl_escape(item->path, strnlen(item->path, 200));

		return encl_fail(e, ENCL_FAILED, "%s changed while it was read", shown);
	}
	return 0;
}

static int
put_item(struct writer *w, const struct encl_cpio_item *item, struct encl_err *e)
{
	uint8_t head[ENCL_CPIO_HEAD_MAX];

	if (put(w, head, encl_cpio_head(w->r->style, item, head), e))
		return -1;
	if (item->link && put(w, item->link, item->size, e))
		return -1;
	if (item->content && put_content(w, item, e))
		return -1;
	return put_padding(w, 4, e);
}

static int
write_plain(const struct encl_ramdisk *r, struct encl_sink *out, struct encl_err *e)
{
	encl_auto(writer_clear) struct writer w = {.r = r, .out = out};
	struct encl_cpio_item trailer;

	if (posix_memalign((void **)&w.buf, ALIGNMENT, BUFFER))
		abort();
	for (size_t i = 0; i < r->n; i++)
		if (put_item(&w, &r->items[i], e))
			return -1;
	encl_cpio_trailer(r, &trailer);
	if (put_item(&w, &trailer, e) || put_padding(&w, encl_cpio_block(r->style), e))
		return -1;
	return flush(&w, e);
}

int
encl_ramdisk_write(const struct encl_ramdisk *r, enum encl_compression compression,
		   int level, unsigned jobs, struct encl_sink *out, struct encl_err *e)
{
	encl_auto(encl_compressor_free) struct encl_compressor *c = NULL;
	struct encl_sink_digest counter;
	uint64_t block = encl_cpio_block(r->style);

	if (compression == ENCL_COMPRESS_NONE)
		return write_plain(r, out, e);
	encl_sink_digest_init(&counter, NULL, out, UINT64_MAX, "ramdisk");
	if (encl_compressor_open(compression, level, jobs, encl_ramdisk_size(r),
				 &counter.sink, &c, e) ||
	    write_plain(r, encl_compressor_sink(c), e) || encl_compressor_finish(c, e))
		return -1;
	return encl_sink_zeros(out, encl_align_up(counter.size, block) - counter.size, e);
}
