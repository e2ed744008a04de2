/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h's result as tables, each row in the colour of the PCRs that it moves. */
#include <string.h>

#include "base/json.h"
#include "verify/report_diff.h"
#include "verify/report_view.h"

enum {
	FILES_MAX = 1000,
	ROWS_MAX = 500,
	TEXT_MAX = 64 * 1024,
	DIFFS_MAX = 200,
	DIGEST_SHOWN = 7 + 16
};

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

enum encl_moves
encl_report_moves(const json_t *pcrs)
{
	enum encl_moves m = ENCL_MOVES_NONE;
	const json_t *v;
	size_t i;

	json_array_foreach (pcrs, i, v) {
		const char *name = json_string_value(v);

		if (!name)
			continue;
		if (!strcmp(name, "PCR1"))
			return ENCL_MOVES_BOOT;
		if (!strcmp(name, "PCR2"))
			m = ENCL_MOVES_APP;
		else if (!strcmp(name, "PCR8") && m == ENCL_MOVES_NONE)
			m = ENCL_MOVES_SIGNER;
	}
	return m;
}

/* Strings as they are, anything else as JSON. */
void
encl_report_value(struct encl_page *p, const json_t *v)
{
	encl_auto(encl_free) char *text = NULL;
	bool digest;

	if (!v || json_is_null(v)) {
		encl_page_raw(p, "<span class=\"quiet\">none</span>");
		return;
	}
	if (!json_is_string(v))
		text = encl_json_compact(v);
	digest = !text && !strncmp(json_string_value(v), "sha256:", 7);
	encl_page_raw(p, "<code>");
	if (digest && json_string_length(v) > DIGEST_SHOWN) {
		encl_page_text_max(p, json_string_value(v), DIGEST_SHOWN, DIGEST_SHOWN);
		encl_page_raw(p, "…</code>");
		return;
	}
	encl_page_text(p, text ? text : json_string_value(v));
	encl_page_raw(p, "</code>");
}

static void
value_cell(struct encl_page *p, const json_t *v)
{
	encl_page_raw(p, "<td>");
	encl_report_value(p, v);
	encl_page_raw(p, "</td>");
}

void
encl_report_change_cell(struct encl_page *p, const json_t *row)
{
	const char *change = text_of(row, "Change");
	const char *sign = !change			? ""
			   : !strcmp(change, "added")	? "+ "
			   : !strcmp(change, "removed") ? "− "
							: "± ";

	encl_page_fmt(p, "<td class=\"one\">%s", sign);
	encl_page_text(p, change);
	encl_page_raw(p, "</td>");
}

/* Rows of {key, "A", "B"}; the title has "~" before it. */
static void
pairs(struct encl_report_state *s, const char *list, const char *key, const char *title)
{
	const json_t *rows = json_object_get(s->r->diff, list);
	size_t n = json_array_size(rows);
	struct encl_page *p = s->p;
	const json_t *row;
	size_t i;

	if (!n)
		return;
	encl_page_fmt(p, "<h3>%s</h3>\n", title + 1);
	encl_page_table(p, title, "What|Before|Now");
	json_array_foreach (rows, i, row) {
		if (i == ROWS_MAX)
			break;
		encl_page_row(p, NULL);
		encl_page_head_cell(p, text_of(row, key), true);
		value_cell(p, json_object_get(row, "A"));
		value_cell(p, json_object_get(row, "B"));
		encl_page_row_end(p);
	}
	encl_page_more_row(p, 3, n - i, "rows");
	encl_page_table_end(p);
}

static void
size_or_none(struct encl_page *p, const json_t *v)
{
	if (json_is_integer(v) && json_integer_value(v) >= 0)
		encl_page_count_cell(p, (uint64_t)json_integer_value(v));
	else
		encl_page_raw(p, "<td class=\"n quiet\">none</td>");
}

static void
sections(struct encl_report_state *s)
{
	const json_t *rows = json_object_get(s->r->diff, "Sections");
	struct encl_page *p = s->p;
	const json_t *row;
	size_t i;

	if (!json_array_size(rows))
		return;
	encl_page_raw(p, "<h3>Sections</h3>\n");
	encl_page_table(p, "~Sections that differ",
			"Section|Change|#Bytes before|#Bytes now|Moves");
	json_array_foreach (rows, i, row) {
		enum encl_moves m = encl_report_moves(json_object_get(row, "PCRs"));

		encl_page_row(p, encl_moves_class(m));
		encl_page_head_cell(p, text_of(row, "Type"), false);
		encl_report_change_cell(p, row);
		size_or_none(p, json_object_get(row, "SizeA"));
		size_or_none(p, json_object_get(row, "SizeB"));
		encl_page_raw(p, "<td>");
		encl_report_mark(p, m);
		encl_page_raw(p, "</td>");
		encl_page_row_end(p);
	}
	encl_page_table_end(p);
	json_array_foreach (rows, i, row) {
		const char *text = text_of(row, "Text");

		if (!text)
			continue;
		encl_page_raw(p, "<pre>");
		encl_page_text_max(p, text, strlen(text), TEXT_MAX);
		encl_page_raw(p, "</pre>\n");
	}
}

static void
packages(struct encl_report_state *s)
{
	const json_t *rows = json_object_get(s->r->diff, "Packages");
	size_t n = json_array_size(rows);
	struct encl_page *p = s->p;
	const json_t *row;
	size_t i;

	if (!n)
		return;
	encl_page_raw(p, "<h3>Packages</h3>\n");
	encl_page_table(p, "~Packages that differ", "Package|Change|Before|Now");
	json_array_foreach (rows, i, row) {
		if (i == ROWS_MAX)
			break;
		encl_page_row(p, "app");
		encl_page_head_cell(p, text_of(row, "Name"), true);
		encl_report_change_cell(p, row);
		value_cell(p, json_object_get(row, "A"));
		value_cell(p, json_object_get(row, "B"));
		encl_page_row_end(p);
	}
	encl_page_more_row(p, 4, n - i, "packages");
	encl_page_table_end(p);
}

static void
summary(struct encl_report_state *s)
{
	const json_t *sum = json_object_get(s->r->diff, "Summary");
	struct encl_page *p = s->p;

	encl_page_raw(p, "<p>Compared with <strong>");
	encl_page_text(p, text_of(s->r->diff, "A"));
	encl_page_raw(p, "</strong>");
	if (json_is_true(json_object_get(s->r->diff, "Same"))) {
		encl_page_raw(p, ": nothing differs.</p>\n");
		return;
	}
	encl_page_fmt(p, ": %lld added, %lld removed, %lld changed. It moves ",
		      (long long)json_integer_value(json_object_get(sum, "Added")),
		      (long long)json_integer_value(json_object_get(sum, "Removed")),
		      (long long)json_integer_value(json_object_get(sum, "Changed")));
	if (!json_array_size(json_object_get(sum, "PCRs")))
		encl_page_raw(p, "no PCR");
	for (size_t i = 0; i < json_array_size(json_object_get(sum, "PCRs")); i++) {
		encl_page_raw(p, i ? ", " : "");
		encl_page_text(p, json_string_value(json_array_get(
					  json_object_get(sum, "PCRs"), i)));
	}
	encl_page_raw(p, ".</p>\n");
}

void
encl_report_differences(struct encl_report_state *s)
{
	if (!s->r->diff)
		return;
	encl_page_section(s->p, "differences", "Differences");
	summary(s);
	pairs(s, "Measurements", "PCR", "~Measurements");
	sections(s);
	packages(s);
	encl_report_diff_files(s);
	pairs(s, "Metadata", "Key", "~Metadata");
	pairs(s, "Signature", "Field", "~Signature");
	pairs(s, "Header", "Field", "~Header");
	encl_page_section_end(s->p);
}
