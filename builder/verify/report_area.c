/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, order, and squarified rows of a treemap. */
#include "verify/report_area.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

struct encl_area *
encl_area_add(struct encl_arena *arena, struct encl_area *parent, const char *name,
	      const char *about)
{
	struct encl_area *a = encl_arena_alloc(arena, sizeof *a);

	a->name = name;
	a->about = about;
	if (parent->last)
		parent->last->next = a;
	else
		parent->first = a;
	parent->last = a;
	return a;
}

uint64_t
encl_area_share(uint64_t n, uint64_t part, uint64_t whole)
{
	if (part >= whole || !n)
		return whole ? n : 0;
	while (whole > UINT64_MAX / n) {
		whole >>= 1;
		part >>= 1;
	}
	return part * n / whole;
}

/* ---- sums ---- */

static int
by_size(const void *a, const void *b)
{
	const struct encl_area *x = *(struct encl_area *const *)a;
	const struct encl_area *y = *(struct encl_area *const *)b;
	int order = x->bytes > y->bytes ? -1 : x->bytes < y->bytes;

	order = order ? order : strcmp(x->name, y->name);
	return order ? order : strcmp(x->about, y->about);
}

static void
sort_children(struct encl_area *a, size_t n)
{
	encl_auto(encl_free) struct encl_area **v = encl_xcalloc(n + 1, sizeof(void *));
	size_t at = 0;

	for (struct encl_area *c = a->first; c; c = c->next)
		if (c->bytes)
			v[at++] = c;
	if (at)
		qsort(v, at, sizeof(void *), by_size);
	a->first = at ? v[0] : NULL;
	a->last = at ? v[at - 1] : NULL;
	for (size_t i = 0; i < at; i++)
		v[i]->next = i + 1 < at ? v[i + 1] : NULL;
}

static void
sum(struct encl_area *a, unsigned depth) /* NOLINT(misc-no-recursion): depth */
{
	size_t n = 0;

	if (!a->first || depth == ENCL_AREA_DEPTH)
		return;
	a->bytes = 0;
	a->files = 0;
	for (struct encl_area *c = a->first; c; c = c->next, n++) {
		sum(c, depth + 1);
		a->bytes += c->bytes;
		a->files += c->files;
	}
	sort_children(a, n);
}

void
encl_area_sum(struct encl_area *root)
{
	sum(root, 0);
}

/* ---- layout ---- */

/* How long a rectangle is against its width, in thousandths. */
static uint64_t
aspect(uint64_t a, uint64_t b)
{
	if (!a || !b)
		return UINT64_MAX;
	return a > b ? a * 1000 / b : b * 1000 / a;
}

/* What is left of a rectangle: rows are cut off its longer side. */
struct room {
	uint32_t x, y, w, h;
	uint64_t bytes;
};

static uint32_t
thickness(const struct room *r, uint64_t bytes)
{
	return (uint32_t)encl_area_share(r->w >= r->h ? r->w : r->h, bytes, r->bytes);
}

/* Of a row of so many bytes, the worse of its largest and its smallest. */
static uint64_t
worst(const struct room *r, uint64_t row, uint64_t largest, uint64_t smallest)
{
	uint32_t side = r->w >= r->h ? r->h : r->w;
	uint32_t thick = thickness(r, row);
	uint64_t a = aspect(thick, encl_area_share(side, largest, row));
	uint64_t b = aspect(thick, encl_area_share(side, smallest, row));

	return a > b ? a : b;
}

/* The row that begins with first: its end (not of it), and its bytes. */
static struct encl_area *
take_row(const struct room *r, struct encl_area *first, uint64_t *bytes)
{
	uint64_t row = first->bytes;
	uint64_t now = worst(r, row, first->bytes, first->bytes);
	uint64_t largest = first->bytes;
	uint64_t smallest = largest;
	struct encl_area *c = first->next;

	for (; c; c = c->next) {
		uint64_t next;

		largest = c->bytes > largest ? c->bytes : largest;
		smallest = c->bytes < smallest ? c->bytes : smallest;
		next = worst(r, row + c->bytes, largest, smallest);
		if (next > now)
			break;
		now = next;
		row += c->bytes;
	}
	*bytes = row;
	return c;
}

static void
place_row(struct room *r, struct encl_area *first, const struct encl_area *end,
	  uint64_t bytes)
{
	bool upright = r->w >= r->h;
	uint32_t side = upright ? r->h : r->w;
	uint32_t thick = thickness(r, bytes);
	uint64_t done = 0;

	for (struct encl_area *c = first; c != end; c = c->next) {
		uint32_t from = (uint32_t)encl_area_share(side, done, bytes);
		uint32_t to = (uint32_t)encl_area_share(side, done + c->bytes, bytes);

		c->x = upright ? r->x : r->x + from;
		c->y = upright ? r->y + from : r->y;
		c->w = upright ? thick : to - from;
		c->h = upright ? to - from : thick;
		done += c->bytes;
	}
	if (upright) {
		r->x += thick;
		r->w -= thick;
	} else {
		r->y += thick;
		r->h -= thick;
	}
	r->bytes -= bytes;
}

/* Children smaller than `least` bytes become one; they are the last ones. */
static void
gather(struct encl_arena *arena, struct encl_area *a, uint64_t least)
{
	struct encl_area *before = NULL;
	struct encl_area *c = a->first;
	struct encl_area *more;
	char name[48];
	uint64_t n = 0;

	for (; c && c->bytes >= least; c = c->next)
		before = c;
	if (!c || !c->next)
		return;
	more = encl_arena_alloc(arena, sizeof *more);
	more->moves = c->moves;
	more->overhead = c->overhead;
	for (; c; c = c->next, n++) {
		more->bytes += c->bytes;
		more->files += c->files;
		more->overhead &= c->overhead;
		if (c->moves != more->moves)
			more->moves = a->moves;
	}
	(void)snprintf(name, sizeof name, "%" PRIu64 " smaller", n);
	more->name = encl_arena_strdup(arena, name);
	more->about = more->name;
	more->cut = true;
	if (before)
		before->next = more;
	else
		a->first = more;
	a->last = more;
}

struct layout {
	struct encl_arena *arena;
	uint64_t bytes; /* of the whole */
	uint64_t area;
	uint64_t least;
};

static void
place(struct layout *l, struct encl_area *a,
      unsigned depth) /* NOLINT(misc-no-recursion) */
{
	struct room r = {a->x, a->y, a->w, a->h, a->bytes};
	struct encl_area *c;

	if (!a->first)
		return;
	if ((uint64_t)a->w * a->h < 4 * l->least || depth == ENCL_AREA_DEPTH) {
		a->cut = true;
		return;
	}
	gather(l->arena, a, encl_area_share(l->bytes, l->least, l->area));
	for (c = a->first; c;) {
		uint64_t bytes = 0;
		struct encl_area *end = take_row(&r, c, &bytes);

		place_row(&r, c, end, bytes);
		c = end;
	}
	for (c = a->first; c; c = c->next)
		place(l, c, depth + 1);
}

void
encl_area_layout(struct encl_arena *arena, struct encl_area *root, uint32_t w, uint32_t h,
		 uint64_t least)
{
	struct layout l = {.arena = arena,
			   .bytes = root->bytes,
			   .area = (uint64_t)w * h,
			   .least = least};

	root->x = root->y = 0;
	root->w = w;
	root->h = h;
	place(&l, root, 0);
}
