/* SPDX-License-Identifier: Apache-2.0 */
/* A ramdisk's entries to the lines of rootfs/list.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/ramdisk.h"
#include "rootfs/list.h"

/* The first name of an inode that has several, in one archive. */
struct known {
	char *path;
	uint32_t dev_major, dev_minor, ino, size;
};

struct lister {
	struct encl_cpio_visitor visitor; /* first */
	bool digests;
	struct encl_sink *out;
	struct encl_buf lines;
	struct encl_sink_digest content;
	struct encl_hash *hash; /* of the file that goes by; or NULL */
	struct known *known;	/* open addressing, a power of two */
	size_t n_known, n_slots;
};

static void
forget(struct lister *l)
{
	for (size_t i = 0; i < l->n_slots; i++)
		free(l->known[i].path);
	free(l->known);
	l->known = NULL;
	l->n_known = l->n_slots = 0;
}

static void
lister_clear(struct lister *l)
{
	forget(l);
	encl_hash_free(l->hash);
	encl_buf_clear(&l->lines);
}
ENCL_AUTO_VAL(struct lister, lister_clear);

static struct known *
slot_of(const struct lister *l, const struct known *k)
{
	uint64_t h = (uint64_t)k->ino << 32 | (k->dev_major << 8 ^ k->dev_minor);
	size_t at;

	h *= UINT64_C(0x9e3779b97f4a7c15);
	for (at = (size_t)(h >> 32);; at++) {
		struct known *s = &l->known[at & (l->n_slots - 1)];

		if (!s->path || (s->ino == k->ino && s->dev_major == k->dev_major &&
				 s->dev_minor == k->dev_minor))
			return s;
	}
}

static void
grow(struct lister *l)
{
	encl_auto(encl_free) struct known *old = l->known;
	size_t n_old = l->n_slots;

	l->n_slots = n_old ? 2 * n_old : 64;
	l->known = encl_xcalloc(l->n_slots, sizeof *l->known);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].path)
			*slot_of(l, &old[i]) = old[i];
}

/* NULL where this name is the first, or the only one. */
static const struct known *
first_name(struct lister *l, const struct encl_cpio_entry *entry)
{
	struct known k = {NULL, entry->dev_major, entry->dev_minor, entry->ino,
			  entry->filesize};
	struct known *s;

	if (entry->nlink < 2 || (entry->mode & S_IFMT) != S_IFREG)
		return NULL;
	if (2 * l->n_known >= l->n_slots)
		grow(l);
	s = slot_of(l, &k);
	if (s->path)
		return s;
	*s = k;
	s->path = encl_xstrdup(entry->path);
	l->n_known++;
	return NULL;
}

static int
put_line(struct lister *l, const struct encl_cpio_entry *entry,
	 const struct encl_digest *digest, struct encl_err *e)
{
	const struct known *first = first_name(l, entry);
	struct encl_list_line line = {
		.path = entry->path,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.mtime = entry->mtime,
		.size = entry->filesize,
		.dev_major = entry->rdev_major,
		.dev_minor = entry->rdev_minor,
		.link = entry->link,
		.digest = digest,
		.xattrs = entry->xattrs,
		.n_xattrs = entry->n_xattrs,
	};

	if (first) {
		line.same_as = first->path;
		if (!line.size)
			line.size = first->size;
		if (!entry->filesize)
			line.digest = NULL;
	}
	return encl_list_put(&l->lines, &line, l->out, e);
}

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct lister *l = (struct lister *)v;

	if (!l->digests || (entry->mode & S_IFMT) != S_IFREG)
		return put_line(l, entry, NULL, e);
	l->hash = encl_hash_new(ENCL_SHA256);
	encl_sink_digest_init(&l->content, l->hash, NULL, UINT64_MAX, "content");
	*sink = &l->content.sink;
	return 0;
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct lister *l = (struct lister *)v;
	encl_auto(encl_hash_free) struct encl_hash *h = encl_take(l->hash, NULL);
	struct encl_digest digest;

	if (!h)
		return 0;
	encl_hash_final(h, &digest);
	return put_line(l, entry, &digest, e);
}

static void
see_end(struct encl_cpio_visitor *v)
{
	forget((struct lister *)v);
}

int
encl_ramdisk_list(int fd, uint64_t offset, uint64_t size, bool digests,
		  struct encl_sink *out, struct encl_err *e)
{
	encl_auto(lister_clear) struct lister l = {
		.visitor = {see_entry, see_done, see_end, NULL},
		.digests = digests,
		.out = out,
	};

	if (encl_ramdisk_read(fd, offset, size, &l.visitor, e))
		return -1;
	return encl_list_flush(&l.lines, out, e);
}
