/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of chosen files of a ramdisk, in one more pass; the kernel's release. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "ramdisk/ramdisk.h"
#include "sources/kernel_image.h"
#include "verify/inventory_internal.h"

struct pass {
	struct encl_cpio_visitor visitor; /* first */
	const struct encl_item **wanted;  /* by the entry that has the content */
	size_t n, at;
	size_t order; /* of the entry that goes by */
	struct encl_contents_taker *taker;
};

static void
pass_clear(struct pass *p)
{
	free(p->wanted);
}
ENCL_AUTO_VAL(struct pass, pass_clear);

static bool
is_wanted(const struct pass *p)
{
	return p->at < p->n && p->wanted[p->at]->data == p->order;
}

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct pass *p = (struct pass *)v;

	(void)entry;
	return is_wanted(p) ? p->taker->open(p->taker, p->wanted[p->at], sink, e) : 0;
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct pass *p = (struct pass *)v;

	(void)entry;
	for (; is_wanted(p); p->at++)
		if (p->taker->done(p->taker, p->wanted[p->at], e))
			return -1;
	p->order++;
	return 0;
}

static int
by_data(const void *a, const void *b)
{
	const struct encl_item *x = *(const struct encl_item *const *)a;
	const struct encl_item *y = *(const struct encl_item *const *)b;

	if (x->data != y->data)
		return x->data < y->data ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static const struct encl_eif_section *
ramdisk_section(const struct encl_eif *eif, size_t ramdisk)
{
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == ENCL_SECTION_RAMDISK && !ramdisk--)
			return &eif->sections[i];
	return NULL;
}

int
encl_inventory_pass(const struct encl_inventory *i, const struct encl_item *const *wanted,
		    size_t n, struct encl_contents_taker *taker, struct encl_err *e)
{
	encl_auto(pass_clear) struct pass p = {
		.visitor = {see_entry, see_done, NULL, NULL}, .n = n, .taker = taker};
	const struct encl_eif_section *s;

	if (!n)
		return 0;
	s = ramdisk_section(i->eif, wanted[0]->ramdisk);
	if (!s)
		return encl_fail(e, ENCL_FAILED, "%s has no ramdisk %zu", i->eif->path,
				 wanted[0]->ramdisk);
	p.wanted = encl_xcalloc(n, sizeof *p.wanted);
	memcpy(p.wanted, wanted, n * sizeof *wanted);
	qsort(p.wanted, n, sizeof *p.wanted, by_data);
	if (encl_ramdisk_read(i->eif->fd, s->offset, s->size, &p.visitor, e))
		return encl_wrap(e, "%s: ramdisk %zu", i->eif->path, wanted[0]->ramdisk);
	if (p.at < n)
		return encl_fail(e, ENCL_FAILED, "%s changed while it was read",
				 i->eif->path);
	return 0;
}

/* ---- into memory ---- */

struct memory {
	struct encl_contents_taker taker; /* first */
	struct encl_sink sink;
	struct encl_buf content;
	size_t max;
	int (*fn)(void *arg, const struct encl_item *item, const uint8_t *p, size_t n,
		  struct encl_err *e);
	void *arg;
};

static int
keep(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct memory *m =
		(struct memory *)(void *)((char *)s - offsetof(struct memory, sink));
	size_t left = m->max - m->content.len;

	(void)e;
	encl_buf_add(&m->content, p, n < left ? n : left);
	return 0;
}

static int
open_memory(struct encl_contents_taker *t, const struct encl_item *item,
	    struct encl_sink **sink, struct encl_err *e)
{
	struct memory *m = (struct memory *)t;

	(void)item;
	(void)e;
	encl_buf_clear(&m->content);
	*sink = &m->sink;
	return 0;
}

static int
give(struct encl_contents_taker *t, const struct encl_item *item, struct encl_err *e)
{
	struct memory *m = (struct memory *)t;

	return m->fn(m->arg, item, (const uint8_t *)encl_buf_text(&m->content),
		     m->content.len, e);
}

int
encl_inventory_contents(const struct encl_inventory *i,
			const struct encl_item *const *wanted, size_t n, size_t max,
			int (*fn)(void *arg, const struct encl_item *item,
				  const uint8_t *p, size_t n, struct encl_err *e),
			void *arg, struct encl_err *e)
{
	struct memory m = {
		.taker = {open_memory, give},
		.sink = {keep},
		.max = max,
		.fn = fn,
		.arg = arg,
	};
	int rc;

	encl_buf_init(&m.content, max);
	rc = encl_inventory_pass(i, wanted, n, &m.taker, e);
	encl_buf_clear(&m.content);
	return rc;
}

/* ---- the kernel ---- */

static char *
metadata_release(const struct encl_eif *eif)
{
	struct encl_err unused;
	encl_auto(json_decref) json_t *all = NULL;
	const char *text;

	if (!eif->metadata || encl_json_parse(eif->metadata, strlen(eif->metadata),
					      "metadata", &all, &unused))
		return NULL;
	text = json_string_value(
		json_object_get(json_object_get(all, "BuildMetadata"), "KernelVersion"));
	return text && *text ? encl_xstrdup(text) : NULL;
}

char *
encl_inventory_release(const struct encl_eif *eif)
{
	struct encl_kernel_image kernel;
	struct encl_err unused;

	if (eif->arch == ENCL_ARCH_AARCH64)
		return metadata_release(eif);
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type != ENCL_SECTION_KERNEL)
			continue;
		if (encl_kernel_image_read(eif->fd, s->offset, s->size, "kernel",
					   eif->arch, false, &kernel, &unused) ||
		    !*kernel.release)
			return NULL;
		return encl_xstrdup(kernel.release);
	}
	return NULL;
}
