/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are of no package, as components.  Their SHA-256 is known; for the SHA-1
 * (SPDX 2.3, 8.4) they are read once more, and found by the SHA-256 of what was read,
 * so that hard links, whose data stands once, need no care.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "ramdisk/ramdisk.h"
#include "verify/sbom_internal.h"

struct pair {
	struct encl_digest sha256, sha1;
};

struct pairs {
	struct pair *v;
	size_t n;
};

/* Hashes both ways what goes by. */
struct visit {
	struct encl_cpio_visitor visitor;
	struct encl_sink sink;
	const struct encl_inventory *inventory;
	const uint8_t *wanted; /* an item each */
	size_t ramdisk;
	struct encl_hash *sha256, *sha1;
	struct pairs *out;
};

static void
visit_clear(struct visit *v)
{
	encl_hash_free(v->sha256);
	encl_hash_free(v->sha1);
	v->sha256 = v->sha1 = NULL;
}
ENCL_AUTO_VAL(struct visit, visit_clear);

static int
hash_bytes(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct visit *v = (struct visit *)((char *)s - offsetof(struct visit, sink));

	(void)e;
	encl_hash_update(v->sha256, p, n);
	encl_hash_update(v->sha1, p, n);
	return 0;
}

static int
on_entry(struct encl_cpio_visitor *visitor, const struct encl_cpio_entry *entry,
	 struct encl_sink **sink, struct encl_err *e)
{
	struct visit *v = (struct visit *)visitor;
	const struct encl_item *item;

	(void)e;
	visit_clear(v);
	if (!S_ISREG(entry->mode))
		return 0;
	item = encl_inventory_find(v->inventory, v->ramdisk, entry->path);
	if (entry->nlink < 2 && (!item || !v->wanted[item - v->inventory->items]))
		return 0;
	v->sha256 = encl_hash_new(ENCL_SHA256);
	v->sha1 = encl_hash_new(ENCL_SHA1);
	*sink = &v->sink;
	return 0;
}

static int
on_done(struct encl_cpio_visitor *visitor, const struct encl_cpio_entry *entry,
	struct encl_err *e)
{
	struct visit *v = (struct visit *)visitor;
	struct pairs *p = v->out;

	(void)entry;
	(void)e;
	if (!v->sha1)
		return 0;
	if (!(p->n & (p->n - 1)))
		p->v = encl_xrealloc(p->v, p->n ? 2 * p->n : 1, sizeof *p->v);
	encl_hash_final(v->sha256, &p->v[p->n].sha256);
	encl_hash_final(v->sha1, &p->v[p->n].sha1);
	p->n++;
	visit_clear(v);
	return 0;
}

static int
by_sha256(const void *a, const void *b)
{
	const struct pair *x = a;
	const struct pair *y = b;

	return memcmp(x->sha256.bytes, y->sha256.bytes, encl_digest_size(ENCL_SHA256));
}

/* Ramdisks are counted in the order of the sections. */
static int
hash_all(const struct encl_inventory *i, const uint8_t *wanted, struct pairs *out,
	 struct encl_err *e)
{
	const struct encl_eif *eif = i->eif;
	size_t ramdisk = 0;

	for (size_t k = 0; k < eif->n_sections; k++) {
		const struct encl_eif_section *s = &eif->sections[k];
		encl_auto(visit_clear) struct visit v = {
			.visitor = {.entry = on_entry, .done = on_done},
			.sink = {.write = hash_bytes},
			.inventory = i,
			.wanted = wanted,
			.ramdisk = ramdisk,
			.out = out};

		if (s->type != ENCL_SECTION_RAMDISK)
			continue;
		ramdisk++;
		if (encl_ramdisk_read(eif->fd, s->offset, s->size, &v.visitor, e))
			return -1;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, by_sha256);
	return 0;
}

/* ---- components ---- */

static bool
is_wanted(const struct encl_item *item)
{
	return S_ISREG(item->mode) && item->has_digest &&
	       !(item->owner && !strcmp(item->owner->kind, "package"));
}

/* Whose digest a file has: of the lock's modules, programs, files. */
static const struct encl_pin *
find_pin(const struct encl_sbom_collector *c, const struct encl_digest *sha256)
{
	for (size_t i = 0; i < c->pins.n; i++) {
		const struct encl_pin *p = &c->pins.v[i];

		if ((p->kind == ENCL_PIN_MODULE || p->kind == ENCL_PIN_PROGRAM ||
		     p->kind == ENCL_PIN_KERNEL_FILE || p->kind == ENCL_PIN_FILE) &&
		    encl_digest_equal(&p->digest, sha256))
			return p;
	}
	return NULL;
}

static void
add_file(struct encl_sbom_collector *c, const struct encl_item *item,
	 const struct encl_digest *sha1)
{
	const struct encl_pin *pin = find_pin(c, &item->digest);
	encl_auto(encl_free) char *key = encl_xasprintf("%zu", item->ramdisk);
	encl_auto(encl_free) char *comment =
		encl_xasprintf("in ramdisk %zu%s%s", item->ramdisk, pin ? "; " : "",
			       pin ? pin->item : "");
	struct encl_component one = {.kind = ENCL_COMPONENT_FILE,
				     .name = item->path,
				     .comment = comment,
				     .has_digest = true,
				     .digest = item->digest,
				     .sha1 = *sha1,
				     .parent = 0,
				     .from = ENCL_COMPONENT_NONE};

	if (pin && (pin->kind == ENCL_PIN_MODULE || pin->kind == ENCL_PIN_KERNEL_FILE))
		one.from = c->kernel_package;
	else if (pin && pin->kind == ENCL_PIN_PROGRAM)
		one.from = c->tool;
	encl_sbom_add(c, &one, key);
}

static int
add_files(struct encl_sbom_collector *c, const struct pairs *pairs, const uint8_t *wanted,
	  struct encl_err *e)
{
	const struct encl_inventory *i = c->r->inventory;
	struct encl_digest nothing;

	encl_digest_of(ENCL_SHA1, "", 0, &nothing);
	for (size_t k = 0; k < i->n_items; k++) {
		const struct pair key = {.sha256 = i->items[k].digest};
		const struct pair *found = !wanted[k] || !pairs->n
						   ? NULL
						   : bsearch(&key, pairs->v, pairs->n,
							     sizeof *pairs->v, by_sha256);

		if (!wanted[k])
			continue;
		if (!found && i->items[k].size)
			return encl_fail(e, ENCL_FAILED, "%s: changed while it was read",
					 i->eif->path);
		add_file(c, &i->items[k], found ? &found->sha1 : &nothing);
	}
	return 0;
}

int
encl_sbom_files(struct encl_sbom_collector *c, struct encl_err *e)
{
	const struct encl_inventory *i = c->r->inventory;
	encl_auto(encl_free) uint8_t *wanted = encl_xcalloc(i->n_items + 1, 1);
	struct pairs pairs = {NULL, 0};
	int rc;

	for (size_t k = 0; k < i->n_items; k++)
		wanted[k] = is_wanted(&i->items[k]);
	rc = hash_all(i, wanted, &pairs, e) || add_files(c, &pairs, wanted, e) ? -1 : 0;
	free(pairs.v);
	return rc;
}
