/* SPDX-License-Identifier: Apache-2.0 */
/* Areas to rectangles, borders of groups and labels. */
#include "verify/report_map.h"

#include <inttypes.h>
#include <string.h>

#include "verify/report_text.h"
#include "verify/report_view.h"

enum {
	UNIT = 1000, /* of the layout in one of the picture */
	WIDTH = 1000 * UNIT,
	HEIGHT = 580 * UNIT,
	RECTANGLES = 3000, /* about: what is smaller than one of so many is gathered */
	LINE = 14 * UNIT,
	COLUMN = 6900, /* width of a character of a label */
	BOLD_COLUMN = 7600,
	INDENT = 5 * UNIT,
	LEAST_WIDTH = 30 * UNIT,
	GROUPS_DEEP = 3 /* groups have labels down to there */
};

/* 12345 as "12.345". */
static void
number(struct encl_page *p, const char *name, uint32_t v)
{
	char fraction[8];
	size_t n = 3;

	(void)snprintf(fraction, sizeof fraction, "%03u", v % UNIT);
	while (n && fraction[n - 1] == '0')
		n--;
	encl_page_fmt(p, " %s=\"%u%s%.*s\"", name, v / UNIT, n ? "." : "", (int)n,
		      fraction);
}

static void
box(struct encl_page *p, const struct encl_area *a)
{
	number(p, "x", a->x);
	number(p, "y", a->y);
	number(p, "width", a->w);
	number(p, "height", a->h);
}

static void
label(struct encl_page *p, const struct encl_area *a, unsigned line, const char *class,
      unsigned column)
{
	size_t n = strlen(a->name);
	size_t room = a->w > 2 * INDENT ? (a->w - 2 * INDENT) / column : 0;
	bool cut = encl_report_columns(a->name, n) > room;

	if (a->w < LEAST_WIDTH || a->h < (line + 1) * LINE + INDENT / 2 || room < 3)
		return;
	/* cut at its area, whatever the letters' widths are */
	encl_page_raw(p, "<svg");
	box(p, a);
	encl_page_fmt(p, "><text class=\"%s\" x=\"%d\" y=\"%u\">", class, INDENT / UNIT,
		      (line * LINE + LINE - 2 * UNIT) / UNIT);
	n = cut ? encl_report_fit(a->name, n, room - 1) : n;
	encl_page_text_max(p, a->name, n, n);
	encl_page_raw(p, cut ? "…</text></svg>\n" : "</text></svg>\n");
}

static void
leaf(struct encl_page *p, const struct encl_area *a)
{
	encl_page_fmt(p, "<rect class=\"a %s%s\"", encl_moves_class(a->moves),
		      a->overhead ? " format" : "");
	box(p, a);
	encl_page_fmt(p, " data-bytes=\"%" PRIu64 "\"><title>", a->bytes);
	encl_page_text(p, a->about);
	if (a->files > 1) {
		encl_page_raw(p, " · ");
		encl_page_count(p, a->files);
		encl_page_raw(p, " files");
	}
	encl_page_raw(p, " · ");
	encl_page_size(p, a->bytes);
	encl_page_fmt(p, " · %s</title></rect>\n", encl_moves_name(a->moves));
}

static bool
is_leaf(const struct encl_area *a)
{
	return !a->first || a->cut;
}

static void
leaves(struct encl_page *p, const struct encl_area *a,
       unsigned depth) /* NOLINT(misc-no-recursion) */
{
	if (is_leaf(a) || depth > ENCL_AREA_DEPTH) {
		leaf(p, a);
		return;
	}
	for (const struct encl_area *c = a->first; c; c = c->next)
		leaves(p, c, depth + 1);
}

/* Borders and labels stand above all leaves.  line: how many labels the groups have
 * already at the upper edge of a. */
static void
names(struct encl_page *p, const struct encl_area *a, unsigned depth,
      unsigned line) /* NOLINT(misc-no-recursion) */
{
	bool labelled = depth && depth <= GROUPS_DEEP;

	if (is_leaf(a) || depth > ENCL_AREA_DEPTH) {
		label(p, a, line, a->overhead ? "t i" : "t", COLUMN);
		return;
	}
	for (const struct encl_area *c = a->first; c; c = c->next)
		names(p, c, depth + 1, c->y == a->y ? line + labelled : 0);
	if (!labelled)
		return;
	encl_page_fmt(p, "<rect class=\"g g%u\"", depth);
	box(p, a);
	encl_page_raw(p, "/>\n");
	label(p, a, line, "t gl", BOLD_COLUMN);
}

void
encl_page_map(struct encl_page *p, struct encl_arena *arena, struct encl_area *root,
	      const char *title)
{
	encl_area_layout(arena, root, WIDTH, HEIGHT,
			 (uint64_t)WIDTH * HEIGHT / RECTANGLES);
	encl_page_fmt(p,
		      "<svg class=\"map\" viewBox=\"0 0 %d %d\" role=\"img\" "
		      "aria-label=\"%s\" data-bytes-total=\"%" PRIu64 "\">\n",
		      WIDTH / UNIT, HEIGHT / UNIT, title, root->bytes);
	leaves(p, root, 0);
	encl_page_raw(p, "<g class=\"names\">\n");
	names(p, root, 0, 0);
	encl_page_raw(p, "</g>\n</svg>\n");
}

void
encl_page_map_patterns(struct encl_page *p)
{
	encl_page_raw(p, "<svg class=\"defs\" aria-hidden=\"true\" "
			 "width=\"0\" height=\"0\"><defs>\n");
	for (enum encl_moves m = ENCL_MOVES_NONE; m <= ENCL_MOVES_SIGNER; m++)
		encl_page_fmt(p,
			      "<pattern id=\"hatch-%s\" width=\"6\" height=\"6\" "
			      "patternUnits=\"userSpaceOnUse\" "
			      "patternTransform=\"rotate(45)\">"
			      "<rect class=\"%s\" width=\"6\" height=\"6\"/>"
			      "<rect class=\"hatch %s\" width=\"1.5\" height=\"6\"/>"
			      "</pattern>\n",
			      encl_moves_class(m), encl_moves_class(m),
			      encl_moves_class(m));
	encl_page_raw(p, "</defs></svg>\n");
}
