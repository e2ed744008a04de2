/* SPDX-License-Identifier: Apache-2.0 */
/* A tree to a tar whose digest is a layer's DiffID. */
#include "docker/tar.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"

enum {
	BLOCK = 512,
	NAME_ROOM = 100,
	COPY = 1 << 16,
	RECORDS_CAP = 4 * ENCL_PATH_MAX + 2 * ENCL_XATTR_MAX_BYTES
};

/* ---- headers ---- */

/* Octal digits and a NUL; what does not fit is in the pax header. */
static void
put_octal(char *at, size_t room, uint64_t v)
{
	at[room - 1] = 0;
	for (size_t i = room - 1; i > 0; i--, v >>= 3)
		at[i - 1] = (char)('0' + (v & 7));
}

static void
put_text(char *at, size_t room, const char *text)
{
	memcpy(at, text, strnlen(text, room));
}

static int
write_header(struct encl_sink *out, const struct encl_tar_member *m, char type,
	     const char *slash, struct encl_err *e)
{
	static const char magic[8] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
	char h[BLOCK] = {0};
	size_t n = strlen(m->path);
	unsigned sum = 0;

	put_text(h, NAME_ROOM, m->path);
	if (*slash && n < NAME_ROOM)
		h[n] = '/';
	put_octal(h + 100, 8, m->mode);
	put_octal(h + 108, 8, m->uid);
	put_octal(h + 116, 8, m->gid);
	put_octal(h + 124, 12, m->size);
	put_octal(h + 136, 12, m->mtime);
	h[156] = type;
	put_text(h + 157, NAME_ROOM, m->link ? m->link : "");
	memcpy(h + 257, magic, sizeof magic);
	put_octal(h + 329, 8, m->dev_major);
	put_octal(h + 337, 8, m->dev_minor);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (uint8_t)h[i];
	put_octal(h + 148, 7, sum);
	return encl_sink_write(out, h, BLOCK, e);
}

/* "LENGTH key=value\n", where LENGTH counts its own digits. */
static void
add_record(struct encl_buf *b, const char *key, const void *value, size_t n)
{
	size_t rest = strlen(key) + n + 3;
	size_t len = rest + 1;

	for (size_t digits = 1, limit = 10; len >= limit; limit *= 10)
		len = rest + ++digits;
	encl_buf_add_fmt(b, "%zu %s=", len, key);
	encl_buf_add(b, value, n);
	encl_buf_add_byte(b, '\n');
}

static void
add_text(struct encl_buf *b, const char *key, const char *value)
{
	add_record(b, key, value, strlen(value));
}

static void
add_number(struct encl_buf *b, const char *key, uint64_t v, unsigned bits)
{
	char text[24];

	if (v >> bits == 0)
		return;
	snprintf(text, sizeof text, "%" PRIu64, v);
	add_text(b, key, text);
}

/* As GNU tar, bsdtar and Docker write them. */
static void
add_xattrs(struct encl_buf *b, const struct encl_xattr *xattrs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		encl_auto(encl_free) char *key =
			encl_xasprintf("SCHILY.xattr.%s", xattrs[i].name);

		add_record(b, key, xattrs[i].value, xattrs[i].size);
	}
}

int
encl_tar_header(struct encl_sink *out, const struct encl_tar_member *m,
		struct encl_err *e)
{
	static const char types[] = {
		[ENCL_REG] = '0',      [ENCL_DIR] = '5', [ENCL_SYMLINK] = '2',
		[ENCL_HARDLINK] = '1', [ENCL_CHR] = '3', [ENCL_BLK] = '4',
		[ENCL_FIFO] = '6',
	};
	const char *slash = m->type == ENCL_DIR ? "/" : "";
	encl_auto(encl_buf_clear) struct encl_buf records = {.cap = RECORDS_CAP};

	add_number(&records, "gid", m->gid, 21);
	if (m->link && strlen(m->link) > NAME_ROOM)
		add_text(&records, "linkpath", m->link);
	add_number(&records, "mtime", m->mtime, 33);
	if (strlen(m->path) + strlen(slash) > NAME_ROOM) {
		encl_auto(encl_free) char *path = encl_xasprintf("%s%s", m->path, slash);

		add_text(&records, "path", path);
	}
	add_number(&records, "size", m->size, 33);
	add_number(&records, "uid", m->uid, 21);
	add_xattrs(&records, m->xattrs, m->n_xattrs);
	if (encl_buf_check(&records, m->path, e))
		return -1;
	if (records.len) {
		const struct encl_tar_member pax = {
			.path = "pax", .mode = 0644, .size = records.len};

		if (write_header(out, &pax, 'x', "", e) ||
		    encl_sink_write(out, records.data, records.len, e) ||
		    encl_tar_pad(out, records.len, e))
			return -1;
	}
	return write_header(out, m, types[m->type], slash, e);
}

int
encl_tar_pad(struct encl_sink *out, uint64_t size, struct encl_err *e)
{
	return encl_sink_zeros(out, (BLOCK - size % BLOCK) % BLOCK, e);
}

int
encl_tar_end(struct encl_sink *out, struct encl_err *e)
{
	return encl_sink_zeros(out, (uint64_t)2 * BLOCK, e);
}

/* ---- trees ---- */

struct writer {
	struct encl_sink *out;
	const struct encl_node **first; /* of inodes with several names, by tag */
	size_t n_first, room;
	char *copy;
};

static int
write_content(struct writer *w, const struct encl_content *c, struct encl_err *e)
{
	for (uint64_t at = 0; at < c->size;) {
		uint64_t left = c->size - at;
		size_t n = left < COPY ? (size_t)left : COPY;

		if (encl_content_read(c, at, w->copy, n, e) ||
		    encl_sink_write(w->out, w->copy, n, e))
			return -1;
		at += n;
	}
	return encl_tar_pad(w->out, c->size, e);
}

static void
remember(struct writer *w, const struct encl_node *n)
{
	if (w->n_first == w->room) {
		w->room = w->room ? 2 * w->room : 64;
		w->first = encl_xrealloc(w->first, w->room, sizeof *w->first);
	}
	w->first[w->n_first++] = n;
	n->inode->tag = (uint32_t)w->n_first;
}

static int
write_node(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct writer *w = arg;
	const struct encl_inode *i = n->inode;
	encl_auto(encl_free) char *first = NULL;
	struct encl_tar_member m = {.path = path,
				    .type = i->type,
				    .mode = i->mode,
				    .uid = i->uid,
				    .gid = i->gid,
				    .mtime = i->mtime > 0 ? (uint64_t)i->mtime : 0,
				    .link = i->link,
				    .dev_major = i->dev_major,
				    .dev_minor = i->dev_minor,
				    .xattrs = i->xattrs,
				    .n_xattrs = i->n_xattrs};

	if (!strncmp(n->name, ".wh.", 4))
		return encl_fail(
			e, ENCL_FAILED,
			"%s: a name that begins with \".wh.\" removes another in "
			"a layer; an image cannot have it",
			path);
	if (i->tag) {
		first = encl_node_path(w->first[i->tag - 1]);
		m.type = ENCL_HARDLINK;
		m.link = first;
		m.n_xattrs = 0;
		return encl_tar_header(w->out, &m, e);
	}
	if (i->type != ENCL_DIR && i->nlink > 1)
		remember(w, n);
	if (i->type != ENCL_REG)
		return encl_tar_header(w->out, &m, e);
	m.size = i->content.size;
	return encl_tar_header(w->out, &m, e) ? -1 : write_content(w, &i->content, e);
}

int
encl_tar_write(struct encl_tree *t, struct encl_sink *out, struct encl_err *e)
{
	encl_auto(encl_free) char *copy = encl_xmalloc(COPY);
	struct writer w = {.out = out, .copy = copy};
	int rc;

	encl_tree_clear_tags(t);
	rc = encl_tree_walk(t, write_node, &w, e);
	free(w.first);
	return rc ? -1 : encl_tar_end(out, e);
}
