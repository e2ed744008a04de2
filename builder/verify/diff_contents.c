/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into files that changed: text as a unified diff, programs by what their linker and
 * compilers wrote into them, everything else by its first byte that differs.  What
 * does not stand in the image as it is goes to a nameless file on disk first.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "verify/diff_internal.h"

/* Of one image's files that are looked into; what is beyond is told by its digest. */
#define MAX_SPILL (UINT64_C(8) << 30)

/* Files of one image, each a range of the image or of the nameless file. */
struct spill {
	struct encl_contents_taker taker; /* first */
	struct encl_sink sink;
	int fd;
	uint64_t at;	/* its end */
	uint64_t start; /* of the file that goes by */
	const struct encl_item **items;
	struct encl_range *ranges; /* an item each; fd -1: left out */
	size_t n;
};

static void
spill_clear(struct spill *s)
{
	encl_close_fd(s->fd);
	free(s->items);
	free(s->ranges);
}
ENCL_AUTO_VAL(struct spill, spill_clear);

static int
append(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct spill *s =
		(struct spill *)(void *)((char *)sink - offsetof(struct spill, sink));

	if (encl_pwrite_full(s->fd, p, n, s->at, "temporary file", e))
		return -1;
	s->at += n;
	return 0;
}

static int
open_content(struct encl_contents_taker *t, const struct encl_item *item,
	     struct encl_sink **sink, struct encl_err *e)
{
	struct spill *s = (struct spill *)t;

	(void)item;
	(void)e;
	s->start = s->at;
	*sink = &s->sink;
	return 0;
}

static int
compare_pointers(const void *a, const void *b)
{
	const struct encl_item *x = *(const struct encl_item *const *)a;
	const struct encl_item *y = *(const struct encl_item *const *)b;

	return x < y ? -1 : x > y;
}

static struct encl_range *
range_of(const struct spill *s, const struct encl_item *item)
{
	const struct encl_item **found =
		bsearch(&item, s->items, s->n, sizeof *s->items, compare_pointers);

	return found ? &s->ranges[found - s->items] : NULL;
}

static int
keep_range(struct encl_contents_taker *t, const struct encl_item *item,
	   struct encl_err *e)
{
	struct spill *s = (struct spill *)t;

	(void)e;
	*range_of(s, item) = (struct encl_range){s->fd, s->start, s->at - s->start};
	return 0;
}

/* Those of one ramdisk that are packed. */
static int
spill_ramdisk(struct spill *s, const struct encl_inventory *i, size_t ramdisk,
	      struct encl_err *e)
{
	encl_auto(encl_free) const struct encl_item **wanted =
		encl_xcalloc(s->n + 1, sizeof *wanted);
	uint64_t left = MAX_SPILL - s->at;
	size_t n = 0;

	for (size_t k = 0; k < s->n; k++) {
		const struct encl_item *item = s->items[k];

		if (item->ramdisk != ramdisk)
			continue;
		if (item->at != UINT64_MAX || !item->size) {
			s->ranges[k] =
				(struct encl_range){i->eif->fd, item->at, item->size};
		} else if (item->size <= left) {
			left -= item->size;
			wanted[n++] = item;
		}
	}
	if (!n)
		return 0;
	if (s->fd < 0 && encl_diff_scratch(&s->fd, e))
		return -1;
	return encl_inventory_pass(i, wanted, n, &s->taker, e);
}

/* Contents of all pairs' files of A (side 0) or B. */
static int
spill_all(const struct encl_differ *d, unsigned side, struct spill *s, struct encl_err *e)
{
	const struct encl_inventory *i = side ? d->b : d->a;

	s->taker = (struct encl_contents_taker){open_content, keep_range};
	s->sink.write = append;
	s->n = d->n_pairs;
	s->items = encl_xcalloc(s->n + 1, sizeof *s->items);
	s->ranges = encl_xcalloc(s->n + 1, sizeof *s->ranges);
	for (size_t k = 0; k < s->n; k++) {
		s->items[k] = side ? d->pairs[k].b : d->pairs[k].a;
		s->ranges[k].fd = -1;
	}
	qsort(s->items, s->n, sizeof *s->items, compare_pointers);
	for (size_t r = 0; r < i->n_ramdisks; r++)
		if (spill_ramdisk(s, i, r, e))
			return -1;
	return 0;
}

/* ---- one pair ---- */

/* What all pairs together may take. */
struct budget {
	uint64_t lines; /* that are compared */
	size_t text;	/* bytes of diffs */
};
enum { MAX_DIFFS = 64 << 20 };

static json_t *
text_or_null(const char *s)
{
	return *s ? encl_json_text(s) : json_null();
}

static int
look_at_elf(json_t *row, const struct encl_range *a, const struct encl_range *b,
	    struct encl_err *e)
{
	struct encl_elf_notes x;
	struct encl_elf_notes y;
	json_t *elf;

	if (encl_elf_read(a, &x, e) || encl_elf_read(b, &y, e))
		return -1;
	if (!x.is_elf || !y.is_elf)
		return 0;
	elf = json_object();
	if (strcmp(x.build_id, y.build_id) != 0)
		json_object_set_new(elf, "BuildId",
				    encl_diff_values(text_or_null(x.build_id),
						     text_or_null(y.build_id)));
	if (strcmp(x.comment, y.comment) != 0)
		json_object_set_new(elf, "Comment",
				    encl_diff_values(text_or_null(x.comment),
						     text_or_null(y.comment)));
	json_object_set_new(row, "Elf", elf);
	return 0;
}

static int
look_at_bytes(json_t *row, const struct encl_range *a, const struct encl_range *b,
	      struct encl_err *e)
{
	uint64_t differ;
	uint64_t first;

	if (encl_range_compare(a, b, &differ, &first, e))
		return -1;
	if (first == UINT64_MAX)
		first = a->size < b->size ? a->size : b->size;
	json_object_set_new(row, "Binary",
			    json_pack("{s:I, s:I}", "Differ", (json_int_t)differ, "First",
				      (json_int_t)first));
	return look_at_elf(row, a, b, e);
}

/* In memory and ended by a NUL, where it has none of its own: text. */
static int
read_text(const struct encl_range *r, char **out, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_xmalloc(r->size + 1);

	if (r->size && encl_pread_full(r->fd, text, r->size, r->offset, "file", e))
		return -1;
	text[r->size] = 0;
	if (!memchr(text, 0, r->size))
		*out = encl_take(text, NULL);
	return 0;
}

static int
look(const struct encl_differ *d, json_t *row, const struct encl_range *a,
     const struct encl_range *b, struct budget *budget, struct encl_err *e)
{
	encl_auto(encl_free) char *x = NULL;
	encl_auto(encl_free) char *y = NULL;
	encl_auto(encl_free) char *text = NULL;

	if (a->size <= d->o->max_text && b->size <= d->o->max_text &&
	    (read_text(a, &x, e) || read_text(b, &y, e)))
		return -1;
	if (!x || !y)
		return look_at_bytes(row, a, b, e);
	if (!budget->text)
		return look_at_bytes(row, a, b, e);
	text = encl_diff_lines(x, a->size, y, b->size, d->o->max_lines, &budget->lines);
	budget->text -= strlen(text) < budget->text ? strlen(text) : budget->text;
	json_object_set_new(row, "Diff", encl_json_text(text));
	return 0;
}

int
encl_diff_contents(struct encl_differ *d, struct encl_err *e)
{
	encl_auto(spill_clear) struct spill a = {.fd = -1};
	encl_auto(spill_clear) struct spill b = {.fd = -1};
	struct budget budget = {ENCL_DIFF_BUDGET, MAX_DIFFS};

	if (!d->n_pairs)
		return 0;
	if (spill_all(d, 0, &a, e) || spill_all(d, 1, &b, e))
		return -1;
	for (size_t i = 0; i < d->n_pairs; i++) {
		const struct encl_diff_pair *p = &d->pairs[i];
		const struct encl_range *x = range_of(&a, p->a);
		const struct encl_range *y = range_of(&b, p->b);

		if (x->fd < 0 || y->fd < 0)
			json_object_set_new(p->row, "Text",
					    json_string("too large to be looked into"));
		else if (look(d, p->row, x, y, &budget, e))
			return -1;
	}
	return 0;
}
