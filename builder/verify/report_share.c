/* SPDX-License-Identifier: Apache-2.0 */
/* An inventory to bytes of the file. */
#include "verify/report_share.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "ramdisk/squashfs.h"
#include "verify/report_area.h"

enum { CPIO_HEADER = 110, MAGIC = 6 };

void
encl_shares_clear(struct encl_shares *s)
{
	free(s->v);
	memset(s, 0, sizeof *s);
}

/* Bytes that are in the archive for this name. */
static uint64_t
content(const struct encl_item *item)
{
	return S_ISREG(item->mode) && !item->same_as ? item->size : 0;
}

static bool
is_squashfs(const struct encl_item *item)
{
	return !item->in_squashfs && !strcmp(item->path, ENCL_SQUASHFS_NAME);
}

/* A header with the name and padding, before compression. */
static uint64_t
header(const struct encl_item *item)
{
	return CPIO_HEADER + ((strlen(item->path) + 4) & ~(size_t)3);
}

/* newc's magic ("070701", "070702"): not compressed. */
static int
read_plain(const struct encl_eif *eif, const struct encl_eif_section *s, bool *plain,
	   struct encl_err *e)
{
	char magic[MAGIC];

	*plain = false;
	if (s->size < MAGIC)
		return 0;
	if (encl_pread_full(eif->fd, magic, MAGIC, s->offset, eif->path, e))
		return -1;
	*plain = !memcmp(magic, "07070", MAGIC - 1);
	return 0;
}

/* What is in the squashfs shares what that file takes. */
static void
share_squashfs(const struct encl_inventory *i, struct encl_ramdisk_share *r, uint64_t *v)
{
	const struct encl_item *file = NULL;
	uint64_t whole = 0;
	uint64_t done = 0;
	uint64_t size = 0;
	uint64_t given = 0;

	for (size_t k = r->first; k < r->end; k++) {
		if (is_squashfs(&i->items[k])) {
			file = &i->items[k];
			size = v[k];
		}
		if (i->items[k].in_squashfs)
			whole += content(&i->items[k]);
	}
	if (!file || !whole)
		return;
	r->has_squashfs = true;
	v[file - i->items] = 0;
	for (size_t k = r->first; k < r->end; k++) {
		uint64_t upto;

		if (!i->items[k].in_squashfs)
			continue;
		done += content(&i->items[k]);
		upto = encl_area_share(size, done, whole);
		v[k] = upto - given;
		given = upto;
	}
}

static void
share_plain(const struct encl_inventory *i, struct encl_ramdisk_share *r, uint64_t *v)
{
	r->overhead = r->size;
	for (size_t k = r->first; k < r->end; k++)
		if (!i->items[k].in_squashfs) {
			v[k] = content(&i->items[k]);
			r->overhead -= v[k];
		}
}

static void
share_packed(const struct encl_inventory *i, struct encl_ramdisk_share *r, uint64_t whole,
	     uint64_t *v)
{
	uint64_t done = 0;
	uint64_t given = 0;

	r->packed = true;
	for (size_t k = r->first; k < r->end; k++) {
		uint64_t upto;

		if (i->items[k].in_squashfs)
			continue;
		done += content(&i->items[k]);
		upto = encl_area_share(r->size, done, whole);
		v[k] = upto - given;
		given = upto;
	}
	r->overhead = r->size - given;
}

/* What the archive would be without compression, but for padding. */
static uint64_t
unpacked(const struct encl_inventory *i, const struct encl_ramdisk_share *r,
	 uint64_t *contents)
{
	uint64_t all = CPIO_HEADER;

	*contents = 0;
	for (size_t k = r->first; k < r->end; k++)
		if (!i->items[k].in_squashfs) {
			*contents += content(&i->items[k]);
			all += header(&i->items[k]);
		}
	return all + *contents;
}

static int
share(const struct encl_inventory *i, struct encl_ramdisk_share *r, uint64_t *v,
      struct encl_err *e)
{
	uint64_t contents;
	uint64_t whole = unpacked(i, r, &contents);
	bool plain;

	if (read_plain(i->eif, &i->eif->sections[r->section], &plain, e))
		return -1;
	if (plain && contents <= r->size)
		share_plain(i, r, v);
	else
		share_packed(i, r, whole, v);
	share_squashfs(i, r, v);
	return 0;
}

int
encl_shares_compute(const struct encl_inventory *i, struct encl_shares *out,
		    struct encl_err *e)
{
	encl_auto(encl_shares_clear) struct encl_shares s = {.v = NULL};
	const struct encl_eif *eif = i->eif;
	size_t at = 0;

	s.v = encl_xcalloc(i->n_items + 1, sizeof *s.v);
	s.headers = ENCL_EIF_HEADER_SIZE +
		    (uint64_t)ENCL_EIF_SECTION_HEADER_SIZE * eif->n_sections;
	for (size_t k = 0; k < eif->n_sections; k++) {
		struct encl_ramdisk_share *r = &s.ramdisks[s.n_ramdisks];

		if (eif->sections[k].type != ENCL_SECTION_RAMDISK)
			continue;
		r->section = k;
		r->size = eif->sections[k].size;
		r->first = at;
		while (at < i->n_items && i->items[at].ramdisk == s.n_ramdisks)
			at++;
		r->end = at;
		if (share(i, r, s.v, e))
			return -1;
		s.n_ramdisks++;
	}
	*out = s;
	memset(&s, 0, sizeof s);
	return 0;
}
