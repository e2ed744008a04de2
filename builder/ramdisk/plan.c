/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to a planned archive: inode numbers, link counts, and the size and
 * CRC-32 of the whole, which grow with every entry (the content's own CRC is
 * known since it was scanned, so nothing is read here).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "ramdisk/internal.h"
#include "rootfs/list.h"

enum { FIRST_INO_LINUXKIT = 721 };

struct encl_ramdisk *
encl_ramdisk_new(enum encl_cpio_style style)
{
	struct encl_ramdisk *r = encl_xcalloc(1, sizeof *r);

	r->style = style;
	r->arena = encl_arena_new();
	r->next_ino = style == ENCL_CPIO_LINUXKIT ? FIRST_INO_LINUXKIT : 1;
	return r;
}

void
encl_ramdisk_free(struct encl_ramdisk *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_blobs; i++)
		encl_blob_unref(r->blobs[i]);
	free(r->blobs);
	free(r->items);
	encl_arena_free(r->arena);
	free(r);
}

static int
refuse(const char *path, const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));

	return encl_fail(e, ENCL_FAILED, "ramdisk: %s: %s", shown, why);
}

static int
check_path(const struct encl_ramdisk *r, const char *path, struct encl_err *e)
{
	if (!*path || *path == '/')
		return refuse(path, "not a path inside a ramdisk", e);
	if (strlen(path) >= ENCL_CPIO_NAME_MAX)
		return refuse(path, "the path is longer than 4095 bytes in the ramdisk",
			      e);
	if (!strcmp(path, ENCL_CPIO_TRAILER))
		return refuse(path, "this name ends an archive", e);
	if (!r->any_order && r->n && strcmp(r->items[r->n - 1].path, path) >= 0)
		return refuse(path, "out of order", e);
	return 0;
}

static void
add_bytes(struct encl_ramdisk *r, const void *p, size_t n)
{
	r->size += n;
	r->crc = encl_crc32(r->crc, p, n);
}

static void
add_padding(struct encl_ramdisk *r, uint64_t to)
{
	static const uint8_t zeros[4096];

	add_bytes(r, zeros, (size_t)(encl_align_up(r->size, to) - r->size));
}

static void
account(struct encl_ramdisk *r, const struct encl_cpio_item *item)
{
	uint8_t head[ENCL_CPIO_HEAD_MAX];
	size_t n_head = encl_cpio_head(r->style, item, head);

	add_bytes(r, head, n_head);
	if (item->link)
		add_bytes(r, item->link, item->size);
	if (item->content) {
		r->size += item->size;
		r->crc = encl_crc32_combine(r->crc, item->content->crc, item->size);
	}
	add_padding(r, 4);
}

/* item's path and link are kept as they are. */
static int
append(struct encl_ramdisk *r, const struct encl_cpio_item *item, struct encl_err *e)
{
	if (check_path(r, item->path, e))
		return -1;
	if (r->n == r->room) {
		r->room = r->room ? r->room * 2 : 64;
		r->items = encl_xrealloc(r->items, r->room, sizeof *r->items);
	}
	r->items[r->n++] = *item;
	account(r, item);
	return 0;
}

struct source {
	const char *path, *link;
	enum encl_entry_type type;
	uint32_t mode, uid, gid, dev_major, dev_minor;
	int64_t mtime;
	const struct encl_content *content;
};

static int
item_of(struct encl_ramdisk *r, const struct source *s, struct encl_cpio_item *out,
	struct encl_err *e)
{
	struct encl_cpio_item item = {
		.path = s->path,
		.mode = encl_type_bits(s->type) | (s->mode & 07777),
		.uid = s->uid,
		.gid = s->gid,
		.mtime = (uint32_t)s->mtime,
		.nlink = s->type == ENCL_DIR ? 2 : 1,
	};

	if (s->mtime < 0 || s->mtime > UINT32_MAX)
		return refuse(s->path, "the time does not fit 32 bits", e);
	if (s->type == ENCL_REG && s->content->size > UINT32_MAX)
		return refuse(s->path, "the file has 4 GiB or more", e);
	if (s->type == ENCL_HARDLINK)
		return refuse(s->path, "a hard link on its own", e);
	if (s->type == ENCL_REG && s->content->size) {
		item.content = s->content;
		item.size = (uint32_t)s->content->size;
	} else if (s->type == ENCL_SYMLINK) {
		item.link = s->link;
		item.size = (uint32_t)strlen(s->link);
	} else if (s->type == ENCL_CHR || s->type == ENCL_BLK) {
		item.rdev_major = s->dev_major;
		item.rdev_minor = s->dev_minor;
	}
	item.ino = r->next_ino;
	*out = item;
	return 0;
}

int
encl_ramdisk_add(struct encl_ramdisk *r, const struct encl_entry *entry,
		 struct encl_err *e)
{
	struct encl_content *c = encl_arena_memdup(r->arena, &entry->content, sizeof *c);
	struct source s = {
		.path = encl_arena_strdup(r->arena, entry->path),
		.link = entry->link ? encl_arena_strdup(r->arena, entry->link) : "",
		.type = entry->type,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.dev_major = entry->dev_major,
		.dev_minor = entry->dev_minor,
		.mtime = entry->mtime,
		.content = c,
	};
	struct encl_cpio_item item = {.path = s.path};

	if (item_of(r, &s, &item, e))
		return -1;
	if (!c->blob)
		c->crc = encl_crc32(0, c->data, (size_t)c->size);
	if (append(r, &item, e))
		return -1;
	r->next_ino++;
	if (!c->blob)
		return 0;
	if (r->n_blobs == r->blobs_room) {
		r->blobs_room = r->blobs_room ? 2 * r->blobs_room : 16;
		r->blobs = encl_xrealloc(r->blobs, r->blobs_room, sizeof *r->blobs);
	}
	r->blobs[r->n_blobs++] = encl_blob_ref(c->blob);
	return 0;
}

int
encl_ramdisk_add_data(struct encl_ramdisk *r, const char *path, uint32_t mode,
		      int64_t mtime, const void *data, size_t n, struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path,
		.type = ENCL_REG,
		.mode = mode,
		.mtime = mtime,
		.content = {.data = encl_arena_memdup(r->arena, data, n), .size = n},
	};

	return encl_ramdisk_add(r, &entry, e);
}

int
encl_ramdisk_add_dir(struct encl_ramdisk *r, const char *path, uint32_t mode,
		     int64_t mtime, struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path, .type = ENCL_DIR, .mode = mode, .mtime = mtime};

	return encl_ramdisk_add(r, &entry, e);
}

/* ---- a whole tree ---- */

struct adder {
	struct encl_ramdisk *r;
	const char *prefix;
};

char *
encl_cpio_relative(struct encl_arena *a, const char *from, const char *to)
{
	size_t common = 0;
	size_t ups = 0;
	size_t n_rest;
	char *text, *p;

	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	for (const char *c = from + common; *c; c++)
		ups += *c == '/';
	n_rest = strlen(to + common) + 1;
	text = encl_arena_alloc(a, 3 * ups + n_rest);
	for (p = text; ups; ups--) {
		*p++ = '.';
		*p++ = '.';
		*p++ = '/';
	}
	memcpy(p, to + common, n_rest);
	return text;
}

/* A further name of a file: the inode's number again and no data, or, as
 * linuxkit has it, a symlink. */
static int
add_name(struct adder *a, const struct encl_inode *i, const char *path,
	 struct encl_err *e)
{
	struct encl_ramdisk *r = a->r;
	struct encl_cpio_item item = r->items[i->tag - 1];

	if (r->style == ENCL_CPIO_LINUXKIT) {
		item.link = encl_cpio_relative(r->arena, path, item.path);
		item.size = (uint32_t)strlen(item.link);
		item.mode = S_IFLNK | (item.mode & 07777);
		item.ino = r->next_ino++;
	} else {
		item.size = 0;
	}
	item.content = NULL;
	item.path = path;
	return append(r, &item, e);
}

static int
add_node(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct adder *a = arg;
	struct encl_ramdisk *r = a->r;
	struct encl_inode *i = n->inode;
	size_t n_prefix = strlen(a->prefix);
	size_t n_path = strlen(path);
	char *full = encl_arena_alloc(r->arena, n_prefix + n_path + 2);
	struct encl_cpio_item item = {.path = full};
	struct source s = {full,   i->link,	 i->type,      i->mode,	 i->uid,
			   i->gid, i->dev_major, i->dev_minor, i->mtime, &i->content};

	memcpy(full, a->prefix, n_prefix);
	if (n_path) {
		full[n_prefix] = '/';
		memcpy(full + n_prefix + 1, path, n_path + 1);
	}
	if (i->tag)
		return add_name(a, i, full, e);
	if (item_of(r, &s, &item, e))
		return -1;
	/* the kernel links regular files only by inode; other types are said twice */
	if (i->type == ENCL_REG && i->nlink > 1) {
		i->tag = (uint32_t)r->n + 1;
		item.nlink = r->style == ENCL_CPIO_LINUXKIT ? 1 : i->nlink;
	}
	if (append(r, &item, e))
		return -1;
	r->next_ino++;
	return 0;
}

int
encl_ramdisk_add_tree(struct encl_ramdisk *r, const char *prefix, struct encl_tree *t,
		      struct encl_err *e)
{
	struct adder a = {r, prefix};

	encl_tree_clear_tags(t);
	if (add_node(&a, encl_tree_root(t), "", e))
		return -1;
	return encl_tree_walk(t, add_node, &a, e);
}

/* ---- the whole ---- */

/* What follows the entries, added to a copy of the sums. */
static void
close_sums(const struct encl_ramdisk *r, struct encl_ramdisk *sums)
{
	struct encl_cpio_item trailer;

	*sums = *r;
	encl_cpio_trailer(r, &trailer);
	account(sums, &trailer);
	add_padding(sums, encl_cpio_block(r->style));
}

uint64_t
encl_ramdisk_size(const struct encl_ramdisk *r)
{
	struct encl_ramdisk sums;

	close_sums(r, &sums);
	return sums.size;
}

uint64_t
encl_ramdisk_unpacked(const struct encl_ramdisk *r, uint64_t *names)
{
	enum { PAGE = 4096 };
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n; i++)
		sum += encl_align_up(r->items[i].size, PAGE);
	*names = r->n;
	return sum;
}

uint32_t
encl_ramdisk_crc(const struct encl_ramdisk *r)
{
	struct encl_ramdisk sums;

	close_sums(r, &sums);
	return sums.crc;
}
