/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "base/stream.h"

static int
begin(struct encl_entry_sink *s, const struct encl_origin *o, int whiteouts,
      struct encl_err *e)
{
	struct recorder *r = (struct recorder *)s;

	(void)e;
	r->layers++;
	encl_buf_add_fmt(&r->text, "begin %s %s %d\n", o->kind, o->name, whiteouts);
	return 0;
}

/* Up to 40 bytes as text; the CRC over all of it must be the entry's. */
static int
add_content(struct recorder *r, const struct encl_content *c, struct encl_err *e)
{
	uint8_t chunk[4096];
	uint32_t crc = 0;

	encl_buf_add_fmt(&r->text, " %" PRIu64, c->size);
	for (uint64_t at = 0; at < c->size; at += sizeof chunk) {
		size_t n = c->size - at < sizeof chunk ? (size_t)(c->size - at)
						       : sizeof chunk;
		const uint8_t *p = c->blob ? chunk : c->data + at;

		if (c->blob && encl_pread_full(c->blob->fd, chunk, n, c->offset + at,
					       c->blob->what, e))
			return -1;
		crc = encl_crc32(crc, p, n);
		if (at == 0) {
			encl_auto(encl_free) char *text =
				encl_escape((const char *)p, n < 40 ? n : 40);

			encl_buf_add_fmt(&r->text, " \"%s\"", text);
		}
	}
	if (crc != c->crc)
		encl_buf_add_fmt(&r->text, " BAD CRC %08x, not %08x", c->crc, crc);
	return 0;
}

static int
add(struct encl_entry_sink *s, const struct encl_entry *n, struct encl_err *e)
{
	static const char types[] = "fdlhcbp";
	struct recorder *r = (struct recorder *)s;

	if (n->type == ENCL_HARDLINK)
		encl_buf_add_fmt(&r->text, "h %s = %s", n->path, n->link);
	else
		encl_buf_add_fmt(&r->text, "%c %04o %u:%u %" PRId64 " %s", types[n->type],
				 n->mode, n->uid, n->gid, n->mtime, n->path);
	if (n->type == ENCL_SYMLINK)
		encl_buf_add_fmt(&r->text, " -> %s", n->link);
	if (n->type == ENCL_CHR || n->type == ENCL_BLK)
		encl_buf_add_fmt(&r->text, " %u,%u", n->dev_major, n->dev_minor);
	if (n->merge)
		encl_buf_add_str(&r->text, " merge");
	for (size_t i = 0; i < n->n_xattrs; i++) {
		encl_auto(encl_free) char *value =
			encl_escape(n->xattrs[i].value,
				    n->xattrs[i].size < 40 ? n->xattrs[i].size : 40);

		encl_buf_add_fmt(&r->text, " %s=\"%s\"", n->xattrs[i].name, value);
	}
	if (n->lost_xattr)
		encl_buf_add_fmt(&r->text, " xattr %s", n->lost_xattr);
	if ((n->type == ENCL_REG || (n->type == ENCL_HARDLINK && n->content.size)) &&
	    add_content(r, &n->content, e))
		return -1;
	encl_buf_add_byte(&r->text, '\n');
	return 0;
}

static int
end(struct encl_entry_sink *s, struct encl_err *e)
{
	(void)s;
	(void)e;
	return 0;
}

void
recorder_init(struct recorder *r)
{
	*r = (struct recorder){.sink = {begin, add, end}};
	encl_buf_init(&r->text, 1 << 24);
}

void
recorder_clear(struct recorder *r)
{
	encl_buf_clear(&r->text);
}

const char *
recorded(const struct recorder *r)
{
	return encl_buf_text(&r->text);
}
