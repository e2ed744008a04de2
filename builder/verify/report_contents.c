/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside, as three treemaps and the table of their largest areas. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "verify/report_internal.h"
#include "verify/report_map.h"
#include "verify/report_view.h"

enum { TABLE_ROWS = 20 };

static const struct {
	const char *id, *label, *title;
} views[ENCL_VIEWS] = {
	{"origin", "By origin", "What is inside, by where it came from"},
	{"package", "By package", "What is inside, by package"},
	{"folder", "By folder", "What is inside, by folder"},
};

/* In thousandths of the file. */
static void
portion_cell(struct encl_page *p, uint64_t bytes, uint64_t whole)
{
	uint64_t tenths = encl_area_share(1000, bytes, whole);

	if (!tenths)
		encl_page_raw(p, "<td class=\"n\">&lt;0.1&nbsp;%</td>");
	else
		encl_page_fmt(p, "<td class=\"n\">%" PRIu64 ".%" PRIu64 "&nbsp;%%</td>",
			      tenths / 10, tenths % 10);
}

/* A row: an area, or only the files that are in it directly. */
struct row {
	const struct encl_area *a;
	uint64_t bytes, files;
	bool itself;
};

static bool
is_group(const struct encl_area *a)
{
	return a->first != NULL;
}

static int
by_size(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->a->about, y->a->about);
}

static size_t
groups_in(const struct encl_area *a)
{
	size_t n = 0;

	for (const struct encl_area *c = a->first; c; c = c->next)
		n += is_group(c);
	return n;
}

/* The largest row that has groups in it, or n. */
static size_t
to_open(const struct row *rows, size_t n)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++)
		if (!rows[i].itself && groups_in(rows[i].a) &&
		    (best == n || rows[i].bytes > rows[best].bytes))
			best = i;
	return best;
}

/* Puts the groups of an area in its place, and a row for what else is in it. */
static size_t
open_row(struct row *rows, size_t n, size_t at)
{
	struct row rest = rows[at];

	rest.itself = true;
	rows[at] = rows[--n];
	for (const struct encl_area *c = rest.a->first; c; c = c->next)
		if (is_group(c)) {
			rows[n++] = (struct row){c, c->bytes, c->files, false};
			rest.bytes -= c->bytes;
			rest.files -= c->files;
		}
	if (rest.bytes)
		rows[n++] = rest;
	return n;
}

static void
table_row(struct encl_page *p, const struct row *r, uint64_t whole)
{
	encl_page_row(p, NULL);
	encl_page_raw(p, "<th scope=\"row\">");
	encl_page_text(p, r->a->about);
	encl_page_raw(p, r->itself ? " <span class=\"quiet\">(the rest)</span></th>"
				   : "</th>");
	if (r->files)
		encl_page_count_cell(p, r->files);
	else
		encl_page_raw(p, "<td class=\"n\">–</td>");
	encl_page_size_cell(p, r->bytes);
	portion_cell(p, r->bytes, whole);
	encl_page_raw(p, "<td>");
	encl_report_mark(p, r->a->moves);
	encl_page_raw(p, "</td>");
	encl_page_row_end(p);
}

/* The largest areas; opened: the larger groups as what is in them. */
static void
table(struct encl_page *p, const struct encl_area *root, bool opened)
{
	struct row rows[TABLE_ROWS];
	uint64_t more = 0;
	size_t n = 0;

	for (const struct encl_area *a = root->first; a; a = a->next)
		if (n < TABLE_ROWS)
			rows[n++] = (struct row){a, a->bytes, a->files, false};
		else
			more++;
	for (size_t at; opened && !more && (at = to_open(rows, n)) < n;) {
		if (n + groups_in(rows[at].a) > TABLE_ROWS)
			break;
		n = open_row(rows, n, at);
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_size);
	encl_page_table(p, "The largest of these areas", "Area|#Files|#Size|#Part|Moves");
	for (size_t i = 0; i < n; i++)
		table_row(p, &rows[i], root->bytes);
	encl_page_more_row(p, 5, more, "areas");
	encl_page_table_end(p);
}

static void
show_view(struct encl_report_state *s, enum encl_view v)
{
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	encl_auto(encl_arena_free) struct encl_arena *again = encl_arena_new();
	struct encl_page *p = s->p;

	encl_page_fmt(p,
		      "<div class=\"view\" id=\"view-%s\">\n<h3>%s</h3>\n"
		      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		      "aria-label=\"%s\">\n",
		      views[v].id, views[v].label, views[v].title);
	encl_page_map(p, arena, encl_view_tree(arena, v, s->r->inventory, &s->shares),
		      views[v].title);
	encl_page_raw(p, "</div>\n");
	/* anew: the layout gathers what is small */
	table(p, encl_view_tree(again, v, s->r->inventory, &s->shares),
	      v != ENCL_VIEW_PACKAGE);
	encl_page_raw(p, "</div>\n");
}

static void
legend(struct encl_report_state *s)
{
	bool packed = false;

	for (size_t i = 0; i < s->shares.n_ramdisks; i++)
		packed |= s->shares.ramdisks[i].packed ||
			  s->shares.ramdisks[i].has_squashfs;
	encl_page_raw(s->p, "<p class=\"legend\">");
	for (enum encl_moves m = ENCL_MOVES_BOOT; m <= ENCL_MOVES_SIGNER; m++) {
		if (m == ENCL_MOVES_SIGNER && !s->r->state->is_signed)
			continue;
		encl_report_mark(s->p, m);
		encl_page_raw(s->p, " ");
	}
	encl_report_mark(s->p, ENCL_MOVES_NONE);
	encl_page_raw(s->p,
		      " <span class=\"pcr none format\">hatched</span> the format's "
		      "own bytes: headers, names, padding</p>\n");
	if (packed)
		encl_page_raw(
			s->p,
			"<p class=\"quiet\">Where a ramdisk is compressed its bytes are "
			"shared out by the sizes of the files in it.</p>\n");
}

void
encl_report_contents(struct encl_report_state *s)
{
	struct encl_page *p = s->p;

	encl_page_section(p, "contents", "What is inside");
	encl_page_raw(
		p, "<p>Every byte of the file has its place in each of these pictures: "
		   "the areas of one add up to <strong>");
	encl_page_count(p, s->r->eif->size);
	encl_page_raw(p, "</strong> bytes. Point at an area to read what it is.</p>\n");
	legend(s);
	encl_page_map_patterns(p);
	encl_page_raw(p, "<div class=\"views\">\n");
	for (size_t i = 0; i < ENCL_VIEWS; i++)
		encl_page_fmt(p,
			      "<input type=\"radio\" name=\"view\" id=\"by-%s\"%s>"
			      "<label for=\"by-%s\">%s</label>\n",
			      views[i].id, i ? "" : " checked", views[i].id,
			      views[i].label);
	for (enum encl_view v = ENCL_VIEW_ORIGIN; v <= ENCL_VIEW_FOLDER; v++)
		show_view(s, v);
	encl_page_raw(p, "</div>\n");
	encl_page_section_end(p);
}
