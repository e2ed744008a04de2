/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections of two images, each with a reason in words: of a ramdisk whose files are
 * the same, that its entries stand in another order, that it is compressed or padded
 * in another way, or where the first byte differs.
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

enum { CHUNK = 1 << 16, TEXT_MAX = 1 << 18, WORDS = 4096 };

/* ---- bytes ---- */

static void
count(const uint8_t *x, const uint8_t *y, size_t n, uint64_t at, uint64_t *differ,
      uint64_t *first)
{
	if (!memcmp(x, y, n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (x[i] == y[i])
			continue;
		++*differ;
		if (*first == UINT64_MAX)
			*first = at + i;
	}
}

int
encl_range_compare(const struct encl_range *a, const struct encl_range *b,
		   uint64_t *differ, uint64_t *first, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *x = encl_xmalloc(CHUNK);
	encl_auto(encl_free) uint8_t *y = encl_xmalloc(CHUNK);
	uint64_t both = a->size < b->size ? a->size : b->size;
	uint64_t n_differ = 0;
	uint64_t at_first = UINT64_MAX;

	for (uint64_t at = 0; at < both; at += CHUNK) {
		size_t n = both - at < CHUNK ? (size_t)(both - at) : CHUNK;

		if (encl_pread_full(a->fd, x, n, a->offset + at, "A", e) ||
		    encl_pread_full(b->fd, y, n, b->offset + at, "B", e))
			return -1;
		count(x, y, n, at, &n_differ, &at_first);
	}
	*differ = n_differ;
	*first = at_first;
	return 0;
}

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

static void reason(struct encl_buf *b, const char *fmt, ...) ENCL_PRINTF(2, 3);

static void
reason(struct encl_buf *b, const char *fmt, ...)
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
		reason(out, "%" PRIu64 " zero bytes %s at the end: padding only",
		       longer->size - both, longer == b ? "more" : "less");
	else
		reason(out,
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
		reason(out, "compression: %s -> %s", packed_a, packed_b);
	if (moved) {
		encl_auto(encl_free) char *shown = encl_escape(moved, strlen(moved));

		reason(out, "entries stand in another order, the first is %s", shown);
	}
	if (twice_a != twice_b)
		reason(out, "entries that a later one of their name replaces: %zu -> %zu",
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
		reason(out, "%s -> %s", x, y);
		return 0;
	}
	if (encl_range_compare(a, b, &differ, &first, e))
		return -1;
	if (x && y)
		reason(out, "%s in both", x);
	if (first == UINT64_MAX)
		first = a->size < b->size ? a->size : b->size;
	reason(out, "the first byte that differs is %" PRIu64, first);
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

/* ---- pairs ---- */

static const struct encl_eif_section *
find(const struct encl_eif *eif, enum encl_section_type type, size_t ramdisk)
{
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == type &&
		    (type != ENCL_SECTION_RAMDISK || !ramdisk--))
			return &eif->sections[i];
	return NULL;
}

static struct encl_digest
digest_of(const struct encl_inventory *i, enum encl_section_type type, size_t ramdisk)
{
	struct encl_digest digest;

	switch (type) {
	case ENCL_SECTION_KERNEL:
		return i->kernel;
	case ENCL_SECTION_CMDLINE:
		return i->cmdline;
	case ENCL_SECTION_METADATA:
		return i->metadata;
	case ENCL_SECTION_RAMDISK:
		return i->ramdisks[ramdisk];
	default:
		encl_digest_of(ENCL_SHA256, i->eif->signature, i->eif->signature_size,
			       &digest);
		return digest;
	}
}

static int
explain(const struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	const struct encl_range *a, const struct encl_range *b, struct encl_buf *out,
	struct encl_err *e)
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
			reason(out, d->moved[0]
					    ? "the same certificate signs another PCR0"
					    : "another signature of the same PCR0 by "
					      "the same certificate");
		return 0;
	default:
		return 0;
	}
}

static void
set_side(json_t *row, const char *size, const char *digest,
	 const struct encl_eif_section *s, const struct encl_digest *value)
{
	char text[ENCL_DIGEST_TEXT];

	if (!s)
		return;
	encl_digest_format(value, text);
	json_object_set_new(row, size, json_integer((json_int_t)s->size));
	json_object_set_new(row, digest, json_string(text));
}

static json_t *
new_row(const struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	const struct encl_eif_section *a, const struct encl_eif_section *b)
{
	const struct encl_digest none = {.algo = ENCL_SHA256};
	const struct encl_digest of_a = a ? digest_of(d->a, type, ramdisk) : none;
	const struct encl_digest of_b = b ? digest_of(d->b, type, ramdisk) : none;
	const struct encl_owner *owner =
		type <= ENCL_SECTION_METADATA ? d->b->sections[type] : NULL;
	json_t *row;

	if (a && b && a->size == b->size && encl_digest_equal(&of_a, &of_b))
		return NULL;
	row = json_object();
	json_object_set_new(row, "Type", json_string(encl_section_name(type)));
	if (type == ENCL_SECTION_RAMDISK)
		json_object_set_new(row, "Ramdisk", json_integer((json_int_t)ramdisk));
	json_object_set_new(row, "Change",
			    json_string(!a   ? "added"
					: !b ? "removed"
					     : "changed"));
	set_side(row, "SizeA", "DigestA", a, &of_a);
	set_side(row, "SizeB", "DigestB", b, &of_b);
	json_object_set_new(row, "PCRs", encl_diff_pcrs(d, type, ramdisk));
	if (owner)
		json_object_set_new(row, "Owner", encl_owner_json(owner));
	return row;
}

static bool
is_measured(enum encl_section_type type)
{
	return type == ENCL_SECTION_KERNEL || type == ENCL_SECTION_CMDLINE ||
	       type == ENCL_SECTION_RAMDISK;
}

static int
compare(struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	struct encl_err *e)
{
	const struct encl_eif_section *a = find(d->a->eif, type, ramdisk);
	const struct encl_eif_section *b = find(d->b->eif, type, ramdisk);
	encl_auto(encl_buf_clear) struct encl_buf why = {.cap = TEXT_MAX};
	encl_auto(json_decref) json_t *row = NULL;

	if (!a && !b)
		return 0;
	row = new_row(d, type, ramdisk, a, b);
	if (!row)
		return 0;
	if (a && b) {
		const struct encl_range x = {d->a->eif->fd, a->offset, a->size};
		const struct encl_range y = {d->b->eif->fd, b->offset, b->size};

		if (explain(d, type, ramdisk, &x, &y, &why, e))
			return -1;
	}
	if (is_measured(type) && !json_array_size(json_object_get(row, "PCRs")))
		reason(&why, "the registers do not show it: bytes have moved from one "
			     "section to another");
	if (why.len)
		json_object_set_new(row, "Text", encl_json_text(encl_buf_text(&why)));
	json_array_append(json_object_get(d->out, "Sections"), row);
	return 0;
}

int
encl_diff_sections(struct encl_differ *d, struct encl_err *e)
{
	size_t n =
		d->a->n_ramdisks > d->b->n_ramdisks ? d->a->n_ramdisks : d->b->n_ramdisks;

	if (compare(d, ENCL_SECTION_KERNEL, 0, e) ||
	    compare(d, ENCL_SECTION_CMDLINE, 0, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (compare(d, ENCL_SECTION_RAMDISK, i, e))
			return -1;
	if (compare(d, ENCL_SECTION_METADATA, 0, e))
		return -1;
	return d->o->ignore_signature ? 0 : compare(d, ENCL_SECTION_SIGNATURE, 0, e);
}
