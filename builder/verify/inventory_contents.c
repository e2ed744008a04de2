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

struct taker {
	struct encl_cpio_visitor visitor; /* first */
	const struct encl_item **wanted;  /* by the entry that has the content */
	size_t n, at;
	size_t order; /* of the entry that goes by */
	size_t max;
	struct encl_sink sink;
	struct encl_buf content;
	int (*fn)(void *arg, const struct encl_item *item, const uint8_t *p, size_t n,
		  struct encl_err *e);
	void *arg;
};

static void
taker_clear(struct taker *t)
{
	free(t->wanted);
	encl_buf_clear(&t->content);
}
ENCL_AUTO_VAL(struct taker, taker_clear);

static int
write_content(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct taker *t =
		(struct taker *)(void *)((char *)s - offsetof(struct taker, sink));
	size_t left = t->max - t->content.len;

	(void)e;
	encl_buf_add(&t->content, p, n < left ? n : left);
	return 0;
}

static bool
is_wanted(const struct taker *t)
{
	return t->at < t->n && t->wanted[t->at]->data == t->order;
}

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct taker *t = (struct taker *)v;

	(void)entry;
	(void)e;
	encl_buf_clear(&t->content);
	if (is_wanted(t))
		*sink = &t->sink;
	return 0;
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct taker *t = (struct taker *)v;

	(void)entry;
	for (; is_wanted(t); t->at++)
		if (t->fn(t->arg, t->wanted[t->at],
			  (const uint8_t *)encl_buf_text(&t->content), t->content.len, e))
			return -1;
	t->order++;
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
encl_inventory_contents(const struct encl_inventory *i,
			const struct encl_item *const *wanted, size_t n, size_t max,
			int (*fn)(void *arg, const struct encl_item *item,
				  const uint8_t *p, size_t n, struct encl_err *e),
			void *arg, struct encl_err *e)
{
	encl_auto(taker_clear) struct taker t = {
		.visitor = {see_entry, see_done, NULL},
		.n = n,
		.max = max,
		.sink = {write_content},
		.fn = fn,
		.arg = arg,
	};
	const struct encl_eif_section *s;

	if (!n)
		return 0;
	s = ramdisk_section(i->eif, wanted[0]->ramdisk);
	if (!s)
		return encl_fail(e, ENCL_FAILED, "%s has no ramdisk %zu", i->eif->path,
				 wanted[0]->ramdisk);
	encl_buf_init(&t.content, max);
	t.wanted = encl_xcalloc(n, sizeof *t.wanted);
	memcpy(t.wanted, wanted, n * sizeof *wanted);
	qsort(t.wanted, n, sizeof *t.wanted, by_data);
	if (encl_ramdisk_read(i->eif->fd, s->offset, s->size, &t.visitor, e))
		return encl_wrap(e, "%s: ramdisk %zu", i->eif->path, wanted[0]->ramdisk);
	if (t.at < n)
		return encl_fail(e, ENCL_FAILED, "%s changed while it was read",
				 i->eif->path);
	return 0;
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
