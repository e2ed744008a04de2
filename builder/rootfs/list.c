/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes to lines:
 *	MODE UID:GID SIZE MTIME PATH [-> TARGET | = FIRST-NAME | sha256:…] [NAME=HEX …]
 * SIZE is MAJOR,MINOR for a device and - for what has no content.
 */
#include "rootfs/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "rootfs/internal.h"

/* A line has two escaped paths at most, and is far below the cap. */
enum { CHUNK = 256 * 1024, LINES_CAP = 256 * 1024, LINES_FULL = 64 * 1024 };

uint32_t
encl_type_bits(enum encl_entry_type type)
{
	static const uint32_t bits[] = {
		[ENCL_REG] = S_IFREG,	   [ENCL_DIR] = S_IFDIR, [ENCL_SYMLINK] = S_IFLNK,
		[ENCL_HARDLINK] = S_IFREG, [ENCL_CHR] = S_IFCHR, [ENCL_BLK] = S_IFBLK,
		[ENCL_FIFO] = S_IFIFO,
	};

	return bits[type];
}

static void
add_escaped(struct encl_buf *b, const char *before, const char *text)
{
	encl_auto(encl_free) char *shown = encl_escape(text, strlen(text));

	encl_buf_add_str(b, before);
	encl_buf_add_str(b, shown);
}

static void
add_size(struct encl_buf *b, const struct encl_list_line *l)
{
	uint32_t type = l->mode & S_IFMT;

	if (type == S_IFREG)
		encl_buf_add_fmt(b, "%" PRIu64, l->size);
	else if (type == S_IFCHR || type == S_IFBLK)
		encl_buf_add_fmt(b, "%" PRIu32 ",%" PRIu32, l->dev_major, l->dev_minor);
	else
		encl_buf_add_str(b, "-");
}

/* An extended attribute; of a long value its digest. */
static void
add_xattr(struct encl_buf *b, const struct encl_xattr *x)
{
	enum { SHOWN = 64 };
	struct encl_digest digest;
	char text[2 * SHOWN + ENCL_DIGEST_TEXT];

	add_escaped(b, " ", x->name);
	if (x->size <= SHOWN) {
		encl_hex(x->value, x->size, text);
	} else {
		encl_digest_of(ENCL_SHA256, x->value, x->size, &digest);
		encl_digest_format(&digest, text);
	}
	encl_buf_add_fmt(b, "=%s", text);
}

void
encl_list_add(struct encl_buf *b, const struct encl_list_line *l)
{
	encl_buf_add_fmt(b, "%07o %" PRIu32 ":%" PRIu32 " ", (unsigned)l->mode, l->uid,
			 l->gid);
	add_size(b, l);
	encl_buf_add_fmt(b, " %" PRId64, l->mtime);
	add_escaped(b, " ", *l->path ? l->path : ".");
	if ((l->mode & S_IFMT) == S_IFLNK)
		add_escaped(b, " -> ", l->link ? l->link : "");
	else if (l->same_as)
		add_escaped(b, " = ", l->same_as);
	if (l->digest) {
		char text[ENCL_DIGEST_TEXT];

		encl_digest_format(l->digest, text);
		encl_buf_add_fmt(b, " %s", text);
	}
	for (size_t i = 0; i < l->n_xattrs; i++)
		add_xattr(b, &l->xattrs[i]);
	encl_buf_add_byte(b, '\n');
}

int
encl_list_flush(struct encl_buf *b, struct encl_sink *out, struct encl_err *e)
{
	if (encl_buf_check(b, "a list", e) ||
	    encl_sink_write(out, encl_buf_text(b), b->len, e))
		return -1;
	b->len = 0;
	return 0;
}

int
encl_list_put(struct encl_buf *b, const struct encl_list_line *line,
	      struct encl_sink *out, struct encl_err *e)
{
	b->cap = LINES_CAP;
	encl_list_add(b, line);
	return b->len < LINES_FULL ? 0 : encl_list_flush(b, out, e);
}

struct lister {
	bool digests;
	struct encl_sink *out;
	struct encl_buf lines;
	uint8_t *chunk;
	/* first names of files that have several; tag - 1 is the index */
	char **first;
	size_t n_first, room;
};

static void
lister_clear(struct lister *l)
{
	for (size_t i = 0; i < l->n_first; i++)
		free(l->first[i]);
	free(l->first);
	free(l->chunk);
	encl_buf_clear(&l->lines);
}
ENCL_AUTO_VAL(struct lister, lister_clear);

static int
hash_content(struct lister *l, const struct encl_content *c, struct encl_digest *out,
	     struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);

	for (uint64_t off = 0; off < c->size;) {
		size_t n = c->size - off < CHUNK ? (size_t)(c->size - off) : CHUNK;

		if (encl_content_read(c, off, l->chunk, n, e))
			return -1;
		encl_hash_update(h, l->chunk, n);
		off += n;
	}
	encl_hash_final(h, out);
	return 0;
}

/* The first name of a file that has more than one, or NULL where this is it. */
static const char *
first_name(struct lister *l, struct encl_inode *i, const char *path)
{
	if (i->nlink < 2 || i->type != ENCL_REG)
		return NULL;
	if (i->tag && i->tag <= l->n_first)
		return l->first[i->tag - 1];
	if (l->n_first == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->first = encl_xrealloc(l->first, l->room, sizeof *l->first);
	}
	l->first[l->n_first++] = encl_xstrdup(path);
	i->tag = (uint32_t)l->n_first;
	return NULL;
}

static int
list_one(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct lister *l = arg;
	struct encl_inode *i = n->inode;
	struct encl_digest digest;
	struct encl_list_line line = {
		.path = path,
		.mode = encl_type_bits(i->type) | i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.mtime = i->mtime,
		.size = i->content.size,
		.dev_major = i->dev_major,
		.dev_minor = i->dev_minor,
		.link = i->link,
		.same_as = first_name(l, i, path),
	};

	if (l->digests && i->type == ENCL_REG && !line.same_as) {
		if (hash_content(l, &i->content, &digest, e))
			return encl_wrap(e, "%s", path);
		line.digest = &digest;
	}
	return encl_list_put(&l->lines, &line, l->out, e);
}

int
encl_tree_list(struct encl_tree *t, bool digests, struct encl_sink *out,
	       struct encl_err *e)
{
	encl_auto(lister_clear) struct lister l = {.digests = digests, .out = out};

	if (digests)
		l.chunk = encl_xmalloc(CHUNK);
	encl_tree_clear_tags(t);
	if (list_one(&l, t->root, "", e) || encl_tree_walk(t, list_one, &l, e))
		return -1;
	return encl_list_flush(&l.lines, out, e);
}
