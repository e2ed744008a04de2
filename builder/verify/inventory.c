/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image to a list of its names.  Each ramdisk goes by once: contents are hashed,
 * those of databases kept; then the list is sorted and names that come twice are
 * dropped but for the last, which is what the kernel leaves.
 */
#include "verify/inventory.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/ramdisk.h"
#include "verify/inventory_internal.h"

enum { CHUNK = 1 << 18, MAX_DATABASE = 64 << 20, MAX_DATABASES = 256 << 20 };
/* Of paths, targets and attributes, all together. */
#define MAX_TEXT (UINT64_C(256) << 20)

/* The first name of an inode that has several. */
struct inode {
	uint64_t key; /* ino and device */
	size_t item;  /* 1 + its index; 0: free */
};

struct gatherer {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_inventory *out;
	struct encl_databases *databases;
	size_t room;	/* of out->items */
	size_t ramdisk; /* which one goes by */
	size_t first;	/* its first item */
	size_t archive; /* the first item of the archive that goes by */
	uint64_t text;
	struct encl_sink sink; /* of the file that goes by: */
	struct encl_hash *hash;
	struct encl_buf kept; /* its bytes, where it is a database */
	bool keep;
	struct inode *inodes; /* open addressing, a power of two */
	size_t n_inodes, n_slots;
};

static void
gatherer_clear(struct gatherer *g)
{
	encl_hash_free(g->hash);
	encl_buf_clear(&g->kept);
	free(g->inodes);
}
ENCL_AUTO_VAL(struct gatherer, gatherer_clear);

void
encl_inventory_clear(struct encl_inventory *i)
{
	free(i->items);
	free(i->packages);
	free(i->kernel_release);
	encl_arena_free(i->arena);
	memset(i, 0, sizeof *i);
}

/* ---- several names of one inode ---- */

static struct inode *
slot_of(const struct gatherer *g, uint64_t key)
{
	uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t at = (size_t)(h >> 32);; at++) {
		struct inode *s = &g->inodes[at & (g->n_slots - 1)];

		if (!s->item || s->key == key)
			return s;
	}
}

static void
grow(struct gatherer *g)
{
	encl_auto(encl_free) struct inode *old = g->inodes;
	size_t n_old = g->n_slots;

	g->n_slots = n_old ? 2 * n_old : 64;
	g->inodes = encl_xcalloc(g->n_slots, sizeof *g->inodes);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].item)
			*slot_of(g, old[i].key) = old[i];
}

/* The item that has the same inode's first name; itself where this is the first. */
static struct encl_item *
first_name(struct gatherer *g, const struct encl_cpio_entry *entry,
	   struct encl_item *item)
{
	/* devices are small numbers: where they are not, files are only told apart
	 * less well, and an image of this tool's has 0 and 7 */
	uint64_t key = (uint64_t)entry->ino << 32 | (entry->dev_major & 0xffff) << 16 |
		       (entry->dev_minor & 0xffff);
	struct inode *s;

	if (entry->nlink < 2 || !S_ISREG(entry->mode))
		return item;
	if (2 * g->n_inodes >= g->n_slots)
		grow(g);
	s = slot_of(g, key);
	if (s->item)
		return &g->out->items[s->item - 1];
	*s = (struct inode){key, (size_t)(item - g->out->items) + 1};
	g->n_inodes++;
	return item;
}

/* ---- entries ---- */

static const char *
keep_text(struct gatherer *g, const char *s)
{
	if (!s)
		return NULL;
	g->text += strlen(s) + 1;
	return encl_arena_strdup(g->out->arena, s);
}

static const struct encl_xattr *
keep_xattrs(struct gatherer *g, const struct encl_cpio_entry *entry)
{
	struct encl_xattr *v;

	if (!entry->n_xattrs)
		return NULL;
	v = encl_arena_alloc(g->out->arena, entry->n_xattrs * sizeof *v);
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct encl_xattr *x = &entry->xattrs[i];

		v[i].name = keep_text(g, x->name);
		v[i].value = encl_arena_memdup(g->out->arena, x->value, x->size);
		v[i].size = x->size;
		g->text += x->size + sizeof *x;
	}
	return v;
}

static struct encl_item *
next_item(struct gatherer *g)
{
	if (g->out->n_items == g->room) {
		g->room = g->room ? 2 * g->room : 1024;
		g->out->items =
			encl_xrealloc(g->out->items, g->room, sizeof *g->out->items);
	}
	return &g->out->items[g->out->n_items++];
}

static int
write_content(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct gatherer *g =
		(struct gatherer *)(void *)((char *)s - offsetof(struct gatherer, sink));

	encl_hash_update(g->hash, p, n);
	if (!g->keep)
		return 0;
	encl_buf_add(&g->kept, p, n);
	return encl_buf_check(&g->kept, g->out->items[g->out->n_items - 1].path, e);
}

static void
begin_content(struct gatherer *g, const struct encl_cpio_entry *entry)
{
	size_t left = MAX_DATABASES - g->databases->bytes;
	const char *root;

	encl_hash_free(g->hash);
	g->hash = encl_hash_new(ENCL_SHA256);
	encl_buf_clear(&g->kept);
	g->keep = encl_database_path(entry->path, &root) != NULL;
	if (g->keep)
		encl_buf_init(&g->kept, left < MAX_DATABASE ? left : MAX_DATABASE);
}

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct gatherer *g = (struct gatherer *)v;
	struct encl_item *item;

	if (g->out->n_items == ENCL_INVENTORY_MAX)
		return encl_fail(e, ENCL_FAILED, "more than %d names in one image",
				 ENCL_INVENTORY_MAX);
	item = next_item(g);
	*item = (struct encl_item){
		.path = keep_text(g, entry->path),
		.ramdisk = g->ramdisk,
		.mode = entry->mode,
		.uid = entry->uid,
		.gid = entry->gid,
		.mtime = entry->mtime,
		.size = entry->filesize,
		.dev_major = entry->rdev_major,
		.dev_minor = entry->rdev_minor,
		.link = keep_text(g, entry->link),
		.in_squashfs = entry->in_squashfs,
		.at = entry->in_squashfs ? UINT64_MAX : entry->at,
		.xattrs = keep_xattrs(g, entry),
		.n_xattrs = entry->n_xattrs,
		.order = g->out->n_items - 1 - g->first,
	};
	item->data = item->order;
	if (S_ISLNK(item->mode))
		item->size = 0;
	if (g->text > MAX_TEXT)
		return encl_fail(e, ENCL_FAILED,
				 "the names of one image have more than 256 MiB");
	if (S_ISREG(item->mode)) {
		begin_content(g, entry);
		*sink = &g->sink;
	}
	return 0;
}

static void
keep_database(struct gatherer *g, const struct encl_item *item)
{
	struct encl_database one = {.ramdisk = item->ramdisk};

	one.path = encl_database_path(item->path, &one.root);
	one.text = (char *)encl_buf_steal(&g->kept, &one.n);
	if (!one.text)
		one.text = encl_xstrdup("");
	encl_databases_add(g->databases, &one);
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct gatherer *g = (struct gatherer *)v;
	encl_auto(encl_hash_free) struct encl_hash *h = encl_take(g->hash, NULL);
	struct encl_item *item = &g->out->items[g->out->n_items - 1];
	struct encl_item *first = first_name(g, entry, item);

	(void)e;
	if (!h)
		return 0;
	encl_hash_final(h, &item->digest);
	item->has_digest = true;
	if (g->keep && (first == item || item->size))
		keep_database(g, item);
	g->keep = false;
	if (first == item)
		return 0;
	item->same_as = first->path;
	if (item->size) {
		first->digest = item->digest;
		first->size = item->size;
		first->data = item->order;
		first->at = item->at;
	}
	item->data = first->order; /* until the archive ends */
	return 0;
}

/* Inode numbers begin anew; only now it is known which name had the content. */
static void
see_end(struct encl_cpio_visitor *v)
{
	struct gatherer *g = (struct gatherer *)v;

	for (size_t i = g->archive; i < g->out->n_items; i++) {
		struct encl_item *item = &g->out->items[i];
		const struct encl_item *first;

		if (!item->same_as)
			continue;
		first = &g->out->items[g->first + item->data];
		item->data = first->data;
		item->at = first->at;
		item->size = first->size;
		item->digest = first->digest;
	}
	g->archive = g->out->n_items;
	free(g->inodes);
	g->inodes = NULL;
	g->n_inodes = g->n_slots = 0;
}

/* ---- the sorted list ---- */

static int
by_path(const void *a, const void *b)
{
	const struct encl_item *x = a;
	const struct encl_item *y = b;
	int c;

	if (x->ramdisk != y->ramdisk)
		return x->ramdisk < y->ramdisk ? -1 : 1;
	c = strcmp(x->path, y->path);
	if (c)
		return c;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool
same_name(const struct encl_item *x, const struct encl_item *y)
{
	return x->ramdisk == y->ramdisk && !strcmp(x->path, y->path);
}

static void
sort(struct encl_inventory *out)
{
	size_t n = 0;

	if (out->n_items)
		qsort(out->items, out->n_items, sizeof *out->items, by_path);
	for (size_t i = 0; i < out->n_items; i++) {
		if (i + 1 < out->n_items && same_name(&out->items[i], &out->items[i + 1]))
			continue;
		out->items[n++] = out->items[i];
	}
	out->n_items = n;
	/* A first name that something else has now. */
	for (size_t i = 0; i < n; i++) {
		struct encl_item *item = &out->items[i];
		const struct encl_item *first;

		if (!item->same_as)
			continue;
		first = encl_inventory_find(out, item->ramdisk, item->same_as);
		if (!first || first->data != item->data)
			item->same_as = NULL;
	}
}

const struct encl_item *
encl_inventory_find(const struct encl_inventory *i, size_t ramdisk, const char *path)
{
	size_t low = 0;
	size_t high = i->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct encl_item *item = &i->items[middle];
		int c = item->ramdisk != ramdisk ? (item->ramdisk < ramdisk ? -1 : 1)
						 : strcmp(item->path, path);

		if (!c)
			return item;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- all of it ---- */

static int
digest_section(const struct encl_eif *eif, const struct encl_eif_section *s,
	       struct encl_digest *out, struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	encl_auto(encl_free) uint8_t *chunk = encl_xmalloc(CHUNK);

	for (uint64_t at = 0; at < s->size;) {
		size_t n = s->size - at < CHUNK ? (size_t)(s->size - at) : CHUNK;

		if (encl_pread_full(eif->fd, chunk, n, s->offset + at, eif->path, e))
			return -1;
		encl_hash_update(h, chunk, n);
		at += n;
	}
	encl_hash_final(h, out);
	return 0;
}

static int
read_ramdisk(struct gatherer *g, const struct encl_eif_section *s, struct encl_err *e)
{
	const struct encl_eif *eif = g->out->eif;

	g->first = g->archive = g->out->n_items;
	if (encl_ramdisk_read(eif->fd, s->offset, s->size, &g->visitor, e))
		return encl_wrap(e, "%s: ramdisk %zu", eif->path, g->ramdisk);
	if (digest_section(eif, s, &g->out->ramdisks[g->ramdisk], e))
		return -1;
	g->out->entries[g->ramdisk++] = g->out->n_items - g->first;
	return 0;
}

static int
read_section(struct gatherer *g, const struct encl_eif_section *s, struct encl_err *e)
{
	switch (s->type) {
	case ENCL_SECTION_KERNEL:
		return digest_section(g->out->eif, s, &g->out->kernel, e);
	case ENCL_SECTION_CMDLINE:
		return digest_section(g->out->eif, s, &g->out->cmdline, e);
	case ENCL_SECTION_METADATA:
		return digest_section(g->out->eif, s, &g->out->metadata, e);
	case ENCL_SECTION_RAMDISK:
		return read_ramdisk(g, s, e);
	default:
		return 0;
	}
}

static void
take_origins(struct encl_inventory *i, const struct encl_origins *origins)
{
	static const enum encl_section_type types[] = {
		ENCL_SECTION_KERNEL, ENCL_SECTION_CMDLINE, ENCL_SECTION_METADATA};

	for (size_t k = 0; k < i->n_items; k++) {
		const struct encl_owner *owner =
			encl_origins_find(origins, i->items[k].path);

		if (owner)
			i->items[k].owner = owner;
	}
	for (size_t k = 0; k < sizeof types / sizeof *types; k++)
		i->sections[types[k]] =
			encl_origins_find(origins, encl_section_name(types[k]));
}

int
encl_inventory_read(const struct encl_eif *eif, const struct encl_origins *origins,
		    struct encl_inventory *out, struct encl_err *e)
{
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.eif = eif};
	encl_auto(encl_databases_clear) struct encl_databases databases = {.n = 0};
	encl_auto(gatherer_clear) struct gatherer g = {
		.visitor = {see_entry, see_done, see_end, NULL},
		.out = &i,
		.databases = &databases,
		.sink = {write_content},
	};

	i.arena = encl_arena_new();
	for (size_t k = 0; k < eif->n_sections; k++)
		if (read_section(&g, &eif->sections[k], e))
			return -1;
	i.n_ramdisks = g.ramdisk;
	sort(&i);
	if (encl_inventory_packages(&i, &databases, e))
		return encl_wrap(e, "%s", eif->path);
	for (size_t k = 0; k < i.n_items; k++)
		i.items[k].package = i.items[k].owner;
	if (origins)
		take_origins(&i, origins);
	i.kernel_release = encl_inventory_release(eif);
	*out = i;
	memset(&i, 0, sizeof i);
	return 0;
}
