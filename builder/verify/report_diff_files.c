/* SPDX-License-Identifier: Apache-2.0 */
/* Files that differ: their fields, who brought them, and lines of texts. */
#include <string.h>

#include "base/json.h"
#include "verify/report_diff.h"
#include "verify/report_view.h"

enum { FILES_MAX = 1000, DIFF_MAX = 64 * 1024, DIFFS_MAX = 200 };

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* What was and what is; of what is added or removed there is one only. */
static void
change(struct encl_page *p, const json_t *pair)
{
	const json_t *before = json_array_get(pair, 0);
	const json_t *now = json_array_get(pair, 1);

	if (before && !json_is_null(before))
		encl_report_value(p, before);
	if (before && !json_is_null(before) && now && !json_is_null(now))
		encl_page_raw(p, " → ");
	if (now && !json_is_null(now))
		encl_report_value(p, now);
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
	enum encl_moves m = encl_report_moves(json_object_get(file, "PCRs"));
	const json_t *before = json_object_get(file, "OwnerA");
	struct encl_page *p = s->p;

	encl_page_row(p, encl_moves_class(m));
	encl_page_head_cell(p, text_of(file, "Path"), true);
	encl_report_change_cell(p, file);
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
		for (size_t done = 0; done < DIFF_MAX && text[done];) {
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

void
encl_report_diff_files(struct encl_report_state *s)
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
