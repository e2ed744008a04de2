/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a section is not the same, in words: of a ramdisk whose files are the same, that
 * its entries stand in another order, that it is compressed or padded in another way,
 * or where the first byte differs.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "verify/diff_internal.h"

enum { CHUNK = 1 << 16, WORDS = 4096 };

/* Nothing but zeros from an offset on. */
static int
is_zero_from(const struct encl_range *r, uint64_t at, bool *out, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *x = encl_xmalloc(CHUNK);

	*out = true;
	for (; at < r->size && *out; at += CHUNK) {
		size_t n = r->size - at < CHUNK ? (size_t)(r->size - at) : CHUNK;

		if (encl_pread_full(r->fd, x, n, r->offset + at, "ramdisk", e))
			return -1;
		*out = !x[0] && !memcmp(x, x + 1, n - 1);
	}
	return 0;
}

/* ---- reasons ---- */

void
encl_diff_reason(struct encl_buf *b, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_buf_add_fmt(b, "%s%s", b->len ? "; " : "", text);
}

static const char *
compression(const struct encl_range *r)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *name;
	} formats[] = {
		{"\x1f\x8b", 2, "gzip"},
		{"\x28\xb5\x2f\xfd", 4, "zstd"},
		{"\x02\x21\x4c\x18", 4, "lz4"},
		{"\xfd\x37zXZ", 5, "xz"},
	};
	uint8_t head[8] = {0};
	struct encl_err unused;
	size_t n = r->size < sizeof head ? (size_t)r->size : sizeof head;

	if (encl_pread_full(r->fd, head, n, r->offset, "ramdisk", &unused))
		return "none";
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!memcmp(head, formats[i].magic, formats[i].n))
			return formats[i].name;
	return "none";
}

static int
by_order(const void *a, const void *b)
{
	const struct encl_item *x = *(const struct encl_item *const *)a;
	const struct encl_item *y = *(const struct encl_item *const *)b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Names of both images in the order of A's archive; the first that comes earlier in
 * B's than the one before it, or NULL. */
static const char *
out_of_order(const struct encl_differ *d, size_t ramdisk)
{
	encl_auto(encl_free) const struct encl_item **v =
		encl_xcalloc(d->a->n_items + 1, sizeof *v);
	size_t n = 0;
	size_t before = 0;

	for (size_t i = 0; i < d->a->n_items; i++)
		if (d->a->items[i].ramdisk == ramdisk)
			v[n++] = &d->a->items[i];
	qsort(v, n, sizeof *v, by_order);
	for (size_t i = 0; i < n; i++) {
		const struct encl_item *b =
			encl_inventory_find(d->b, ramdisk, v[i]->path);

		if (b && b->order < before)
			return v[i]->path;
		if (b)
			before = b->order;
	}
	return NULL;
}

static size_t
replaced(const struct encl_inventory *i, size_t ramdisk)
{
	size_t n = 0;

	for (size_t k = 0; k < i->n_items; k++)
		n += i->items[k].ramdisk == ramdisk;
	return i->entries[ramdisk] - n;
}

/* Same names, fields, contents, order, compression: what is left. */
static int
explain_bytes(const struct encl_range *a, const struct encl_range *b, bool packed,
	      struct encl_buf *out, struct encl_err *e)
{
	const struct encl_range *longer = a->size > b->size ? a : b;
	uint64_t both = a->size < b->size ? a->size : b->size;
	uint64_t differ;
	uint64_t first;
	bool zeros = false;

	if (encl_range_compare(a, b, &differ, &first, e) ||
	    (first == UINT64_MAX && is_zero_from(longer, both, &zeros, e)))
		return -1;
	if (zeros)
		encl_diff_reason(out,
				 "%" PRIu64 " zero bytes %s at the end: padding only",
				 longer->size - both, longer == b ? "more" : "less");
	else
		encl_diff_reason(
			out,
			"the same entries, %s: the first byte that differs is %" PRIu64,
			packed ? "compressed in another way"
			       : "but other bytes around them (inode numbers, padding)",
			first == UINT64_MAX ? both : first);
	return 0;
}

static int
explain_ramdisk(const struct encl_differ *d, size_t ramdisk, const struct encl_range *a,
		const struct encl_range *b, struct encl_buf *out, struct encl_err *e)
{
	const char *packed_a = compression(a);
	const char *packed_b = compression(b);
	const char *moved = out_of_order(d, ramdisk);
	size_t twice_a = replaced(d->a, ramdisk);
	size_t twice_b = replaced(d->b, ramdisk);

	if (strcmp(packed_a, packed_b) != 0)
		encl_diff_reason(out, "compression: %s -> %s", packed_a, packed_b);
	if (moved) {
		encl_auto(encl_free) char *shown = encl_escape(moved, strlen(moved));

		encl_diff_reason(out, "entries stand in another order, the first is %s",
				 shown);
	}
	if (twice_a != twice_b)
		encl_diff_reason(
			out,
			"entries that a later one of their name replaces: %zu -> %zu",
			twice_a, twice_b);
	if (out->len || d->in_ramdisk[ramdisk])
		return 0;
	return explain_bytes(a, b, strcmp(packed_a, "none") != 0, out, e);
}

static int
explain_kernel(const struct encl_differ *d, const struct encl_range *a,
	       const struct encl_range *b, struct encl_buf *out, struct encl_err *e)
{
	const char *x = d->a->kernel_release;
	const char *y = d->b->kernel_release;
	uint64_t differ;
	uint64_t first;

	if (x && y && strcmp(x, y) != 0) {
		encl_diff_reason(out, "%s -> %s", x, y);
		return 0;
	}
	if (encl_range_compare(a, b, &differ, &first, e))
		return -1;
	if (x && y)
		encl_diff_reason(out, "%s in both", x);
	if (first == UINT64_MAX)
		first = a->size < b->size ? a->size : b->size;
	encl_diff_reason(out, "the first byte that differs is %" PRIu64, first);
	return 0;
}

/* ---- words of a command line ---- */

static size_t
split(char *text, const char **words)
{
	size_t n = 0;

	for (char *at = text; *at && n < WORDS;) {
		at += strspn(at, " \t");
		if (!*at)
			break;
		words[n++] = at;
		at += strcspn(at, " \t");
		if (*at)
			*at++ = 0;
	}
	return n;
}

/* Words between what both begin and end with: "-quiet +debug". */
static void
explain_cmdline(const char *a, const char *b, struct encl_buf *out)
{
	encl_auto(encl_free) char *copy_a = encl_xstrdup(a);
	encl_auto(encl_free) char *copy_b = encl_xstrdup(b);
	encl_auto(encl_free) const char **x = encl_xcalloc(WORDS, sizeof *x);
	encl_auto(encl_free) const char **y = encl_xcalloc(WORDS, sizeof *y);
	size_t n = split(copy_a, x);
	size_t m = split(copy_b, y);
	size_t head = 0;
	size_t tail = 0;

	while (head < n && head < m && !strcmp(x[head], y[head]))
		head++;
	while (tail < n - head && tail < m - head &&
	       !strcmp(x[n - 1 - tail], y[m - 1 - tail]))
		tail++;
	for (size_t i = head; i < n - tail; i++)
		encl_buf_add_fmt(out, "%s-%s", out->len ? " " : "", x[i]);
	for (size_t i = head; i < m - tail; i++)
		encl_buf_add_fmt(out, "%s+%s", out->len ? " " : "", y[i]);
	if (!out->len)
		encl_buf_add_str(out, "only its blanks differ");
}

int
encl_diff_why(const struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	      const struct encl_range *a, const struct encl_range *b,
	      struct encl_buf *out, struct encl_err *e)
{
	switch (type) {
	case ENCL_SECTION_KERNEL:
		return explain_kernel(d, a, b, out, e);
	case ENCL_SECTION_CMDLINE:
		explain_cmdline(d->a->eif->cmdline, d->b->eif->cmdline, out);
		return 0;
	case ENCL_SECTION_RAMDISK:
		return explain_ramdisk(d, ramdisk, a, b, out, e);
	case ENCL_SECTION_SIGNATURE:
		if (!d->moved[8])
			encl_diff_reason(
				out, d->moved[0]
					     ? "the same certificate signs another PCR0"
					     : "another signature of the same PCR0 by "
					       "the same certificate");
		return 0;
	default:
		return 0;
	}
}
