/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ramdisk section to entries: archives one after another with zeros between
 * them, each plain (then it begins at a multiple of 4) or inside a compressed
 * stream, as the kernel's unpack_to_rootfs() takes them.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "ramdisk/internal.h"
#include "ramdisk/parse.h"
#include "ramdisk/squashfs.h"

/* What compressed streams may unpack to, all together. */
#define MAX_UNPACKED (UINT64_C(16) << 30)

struct reader {
	struct encl_input in;
	struct encl_cpio_parser *parser;
	/* compressed streams go through limit to unpacked */
	struct encl_sink_digest limit;
	struct encl_sink unpacked;
	uint64_t pos; /* in the stream that is being unpacked */
};

static void
reader_clear(struct reader *r)
{
	free(r->in.buf);
	free(r->parser);
}
ENCL_AUTO_VAL(struct reader, reader_clear);

/* ---- plain ---- */

static int
read_plain(struct reader *r, struct encl_err *e)
{
	struct encl_cpio_parser *p = r->parser;
	struct encl_input *in = &r->in;

	encl_cpio_parser_begin(p, in->start + encl_input_offset(in));
	while (p->state != ENCL_CPIO_BETWEEN) {
		uint64_t left = encl_input_left(in);
		uint64_t unwanted = encl_cpio_parser_unwanted(p);
		size_t used;

		if (!left)
			return encl_fail(e, ENCL_FAILED,
					 "cpio: the archive ends early, without %s",
					 ENCL_CPIO_TRAILER);
		if (unwanted) {
			if (unwanted > left)
				unwanted = left;
			encl_input_skip(in, unwanted);
			if (encl_cpio_parser_skip(p, unwanted, e))
				return -1;
			continue;
		}
		if (encl_input_fill(in, 1, e) ||
		    encl_cpio_parser_feed(p, in->buf + in->pos, in->len - in->pos, &used,
					  e))
			return -1;
		in->pos += used;
	}
	return 0;
}

/* ---- compressed ---- */

static int
write_unpacked(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct reader *r =
		(struct reader *)(void *)((char *)s - offsetof(struct reader, unpacked));
	const uint8_t *bytes = p;

	while (n) {
		size_t used = 0;

		if (r->parser->state != ENCL_CPIO_BETWEEN) {
			if (encl_cpio_parser_feed(r->parser, bytes, n, &used, e))
				return -1;
		} else {
			while (used < n && !bytes[used])
				used++;
			if (used < n && (r->pos + used) % 4)
				return encl_fail(e, ENCL_FAILED,
						 "cpio: an archive does not begin at a "
						 "multiple of 4");
			if (used < n)
				encl_cpio_parser_begin(r->parser, UINT64_MAX);
		}
		bytes += used;
		n -= used;
		r->pos += used;
	}
	return 0;
}

static int
read_packed(struct reader *r, enum encl_packing packing, struct encl_err *e)
{
	r->pos = 0;
	if (encl_unpack(packing, &r->in, &r->limit.sink, e))
		return -1;
	if (r->parser->state != ENCL_CPIO_BETWEEN)
		return encl_fail(e, ENCL_FAILED,
				 "cpio: the archive ends early, without %s",
				 ENCL_CPIO_TRAILER);
	return 0;
}

/* ---- all of it ---- */

static int
read_stream(struct reader *r, enum encl_packing packing, struct encl_err *e)
{
	struct encl_input *in = &r->in;
	const uint8_t *p = in->buf + in->pos;

	if (packing != ENCL_PACKED_UNKNOWN)
		return read_packed(r, packing, e);
	if (*p != '0')
		return encl_fail(
			e, ENCL_FAILED,
			"neither a cpio archive nor compressed by gzip, zstd, lz4 "
			"or xz");
	if (encl_input_offset(in) % 4)
		return encl_fail(e, ENCL_FAILED,
				 "cpio: an archive does not begin at a multiple of 4");
	return read_plain(r, e);
}

static int
read_next(struct reader *r, struct encl_err *e)
{
	struct encl_input *in = &r->in;
	struct encl_cpio_visitor *v = r->parser->visitor;
	uint64_t at = encl_input_offset(in);
	enum encl_packing packing = encl_packing_of(in->buf + in->pos, in->len - in->pos);

	if (read_stream(r, packing, e))
		return -1;
	return v->stream ? v->stream(v, in->start + at, encl_input_offset(in) - at,
				     packing, e)
			 : 0;
}

static void
skip_zeros(struct encl_input *in)
{
	while (in->pos < in->len && !in->buf[in->pos])
		in->pos++;
}

int
encl_cpio_read(int fd, uint64_t offset, uint64_t size, struct encl_cpio_visitor *v,
	       struct encl_err *e)
{
	encl_auto(reader_clear) struct reader r = {
		.in = {.fd = fd, .start = offset, .at = offset, .end = offset + size}};

	if (r.in.end < offset)
		return encl_fail(e, ENCL_FAILED, "ramdisk: sizes overflow");
	r.in.buf = encl_xmalloc(ENCL_INPUT_BUFFER);
	r.parser = encl_xmalloc(sizeof *r.parser);
	encl_cpio_parser_init(r.parser, v);
	r.unpacked.write = write_unpacked;
	encl_sink_digest_init(&r.limit, NULL, &r.unpacked, MAX_UNPACKED,
			      "the unpacked ramdisk");
	while (encl_input_left(&r.in)) {
		uint64_t at;

		if (encl_input_fill(&r.in, ENCL_INPUT_PEEK, e))
			return -1;
		skip_zeros(&r.in);
		if (encl_input_fill(&r.in, ENCL_INPUT_PEEK, e))
			return -1;
		if (r.in.pos == r.in.len || !r.in.buf[r.in.pos])
			continue;
		at = encl_input_offset(&r.in);
		if (read_next(&r, e))
			return encl_wrap(e, "ramdisk: at byte %" PRIu64, at);
	}
	return 0;
}

/* ---- with a squashfs in it ---- */

struct inner {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_cpio_visitor *next;
	int fd;
	bool found; /* the file that is going by is one */
};

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct inner *i = (struct inner *)v;

	i->found = !strcmp(entry->path, ENCL_SQUASHFS_NAME) && S_ISREG(entry->mode) &&
		   entry->filesize;
	return i->next->entry(i->next, entry, sink, e);
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct inner *i = (struct inner *)v;

	if (i->next->done && i->next->done(i->next, entry, e))
		return -1;
	if (!i->found)
		return 0;
	if (entry->at == UINT64_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "%s: in a compressed ramdisk, where it cannot be read",
				 entry->path);
	return encl_squashfs_read(i->fd, entry->at, entry->filesize, "rootfs", i->next,
				  e);
}

static void
see_end(struct encl_cpio_visitor *v)
{
	struct inner *i = (struct inner *)v;

	if (i->next->end)
		i->next->end(i->next);
}

static int
see_stream(struct encl_cpio_visitor *v, uint64_t at, uint64_t size,
	   enum encl_packing packing, struct encl_err *e)
{
	struct inner *i = (struct inner *)v;

	return i->next->stream ? i->next->stream(i->next, at, size, packing, e) : 0;
}

int
encl_ramdisk_read(int fd, uint64_t offset, uint64_t size, struct encl_cpio_visitor *v,
		  struct encl_err *e)
{
	struct inner i = {.visitor = {see_entry, see_done, see_end, see_stream},
			  .next = v,
			  .fd = fd};

	return encl_cpio_read(fd, offset, size, &i.visitor, e);
}
