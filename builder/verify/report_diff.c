/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h's result as tables, each row in the colour of the PCRs that it moves. */
#include <string.h>

#include "base/json.h"
#include "verify/report_internal.h"
#include "verify/report_view.h"

enum {
	FILES_MAX = 1000,
	ROWS_MAX = 500,
	DIFF_MAX = 64 * 1024,
	DIFFS_MAX = 200,
	DIGEST_SHOWN = 7 + 16
};

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static enum encl_moves
moves_of(const json_t *pcrs)
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
static void
value(struct encl_page *p, const json_t *v)
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

/* What was and what is; of what is added or removed there is one only. */
static void
change(struct encl_page *p, const json_t *pair)
{
	const json_t *before = json_array_get(pair, 0);
	const json_t *now = json_array_get(pair, 1);

	if (before && !json_is_null(before))
		value(p, before);
	if (before && !json_is_null(before) && now && !json_is_null(now))
		encl_page_raw(p, " → ");
	if (now && !json_is_null(now))
		value(p, now);
}

static void
value_cell(struct encl_page *p, const json_t *v)
{
	encl_page_raw(p, "<td>");
	value(p, v);
	encl_page_raw(p, "</td>");
}

static void
change_cell(struct encl_page *p, const json_t *row)
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
		enum encl_moves m = moves_of(json_object_get(row, "PCRs"));

		encl_page_row(p, encl_moves_class(m));
		encl_page_head_cell(p, text_of(row, "Type"), false);
		change_cell(p, row);
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
		encl_page_text_max(p, text, strlen(text), DIFF_MAX);
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
		change_cell(p, row);
		value_cell(p, json_object_get(row, "A"));
		value_cell(p, json_object_get(row, "B"));
		encl_page_row_end(p);
	}
	encl_page_more_row(p, 4, n - i, "packages");
	encl_page_table_end(p);
}

/* "mode 644 → 755", a line a field; of what is added or removed in one line. */
static void
fields(struct encl_page *p, const json_t *file)
{
	const json_t *list = json_object_get(file, "Fields");
	const json_t *elf = json_object_get(file, "Elf");
	const char *how = text_of(file, "Change");
	bool one_sided = how && strcmp(how, "changed") != 0;
	const char *key;
	json_t *pair;
	bool any = false;

	json_object_foreach ((json_t *)(uintptr_t)list, key, pair) {
		encl_page_raw(p, !any ? "" : one_sided ? ", " : "<br>");
		any = true;
		encl_page_text(p, key);
		encl_page_raw(p, " ");
		change(p, pair);
	}
	json_object_foreach ((json_t *)(uintptr_t)elf, key, pair) {
		encl_page_raw(p, any ? "<br>" : "");
		any = true;
		encl_page_raw(p, "ELF ");
		encl_page_text(p, key);
		encl_page_raw(p, " ");
		change(p, pair);
	}
}

static void
owner(struct encl_report_state *s, const json_t *o)
{
	json_int_t line = json_integer_value(json_object_get(o, "Line"));

	if (!o) {
		encl_page_raw(s->p, "<span class=\"quiet\">not known</span>");
		return;
	}
	encl_page_text(s->p, text_of(o, "Kind"));
	encl_page_raw(s->p, " ");
	encl_page_text(s->p, text_of(o, "Name"));
	if (text_of(o, "Item")) {
		encl_page_raw(s->p, " (");
		encl_page_text(s->p, text_of(o, "Item"));
		if (line > 0 && s->r->manifest) {
			encl_page_raw(s->p, ", ");
			encl_page_text(s->p, s->r->manifest);
			encl_page_fmt(s->p, ":%lld", (long long)line);
		}
		encl_page_raw(s->p, ")");
	}
}

static void
file_row(struct encl_report_state *s, const json_t *file)
{
	enum encl_moves m = moves_of(json_object_get(file, "PCRs"));
	const json_t *before = json_object_get(file, "OwnerA");
	struct encl_page *p = s->p;

	encl_page_row(p, encl_moves_class(m));
	encl_page_head_cell(p, text_of(file, "Path"), true);
	change_cell(p, file);
	encl_page_raw(p, "<td>");
	fields(p, file);
	encl_page_raw(p, "</td><td>");
	owner(s, json_object_get(file, "Owner"));
	if (before) {
		encl_page_raw(p, "<br>before: ");
		owner(s, before);
	}
	encl_page_raw(p, "</td><td>");
	encl_report_mark(p, m);
	encl_page_raw(p, "</td>");
	encl_page_row_end(p);
}

/* Texts that differ, line by line. */
static void
texts(struct encl_report_state *s, const json_t *files)
{
	struct encl_page *p = s->p;
	const json_t *file;
	size_t shown = 0;
	size_t i;

	json_array_foreach (files, i, file) {
		const char *text = text_of(file, "Diff");

		if (!text || !*text || shown++ >= DIFFS_MAX)
			continue;
		encl_page_raw(p, "<details><summary>Lines of <code>");
		encl_page_text(p, text_of(file, "Path"));
		encl_page_raw(p, "</code></summary>\n<pre class=\"diff\">");
		for (size_t done = 0; text[done] && done < DIFF_MAX;) {
			size_t n = strcspn(text + done, "\n");
			const char *class = text[done] == '+'	? "add"
					    : text[done] == '-' ? "del"
								: "same";

			encl_page_fmt(p, "<span class=\"%s\">", class);
			encl_page_text_max(p, text + done, n, ENCL_PAGE_TEXT_MAX);
			encl_page_raw(p, "</span>\n");
			done += n + (text[done + n] == '\n');
		}
		encl_page_raw(p, "</pre></details>\n");
	}
	if (shown > DIFFS_MAX)
		encl_page_fmt(p, "<p>and %zu more texts</p>\n", shown - DIFFS_MAX);
}

static void
files(struct encl_report_state *s)
{
	const json_t *list = json_object_get(s->r->diff, "Files");
	size_t n = json_array_size(list);
	const json_t *file;
	size_t i;

	if (!n)
		return;
	encl_page_raw(s->p, "<h3>Files</h3>\n");
	encl_page_table(s->p, "~Files that differ", "File|Change|Fields|Came from|Moves");
	json_array_foreach (list, i, file) {
		if (i == FILES_MAX)
			break;
		file_row(s, file);
	}
	encl_page_more_row(s->p, 5, n - i, "files");
	encl_page_table_end(s->p);
	texts(s, list);
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
	files(s);
	pairs(s, "Metadata", "Key", "~Metadata");
	pairs(s, "Signature", "Field", "~Signature");
	pairs(s, "Header", "Field", "~Header");
	encl_page_section_end(s->p);
}
