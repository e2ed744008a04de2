/* SPDX-License-Identifier: Apache-2.0 */
/* The memory plan, and what nobody measures: metadata; and the command line. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "verify/report_internal.h"

enum { METADATA_SHOWN = 64 * 1024, LINE_SHOWN = 4096 };

static uint64_t
number_of(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void
parts(struct encl_page *p, const char *caption, const json_t *list, uint64_t sum)
{
	const json_t *part;
	size_t i;

	encl_page_table(p, caption, "What|#MiB");
	json_array_foreach (list, i, part) {
		encl_page_row(p, NULL);
		encl_page_head_cell(p, json_string_value(json_object_get(part, "what")),
				    false);
		encl_page_count_cell(p, number_of(part, "MiB"));
		encl_page_row_end(p);
	}
	encl_page_raw(p, "<tr class=\"sum\"><th scope=\"row\">together</th>");
	encl_page_count_cell(p, sum);
	encl_page_row_end(p);
	encl_page_table_end(p);
}

void
encl_report_memory(struct encl_report_state *s)
{
	const json_t *m = json_object_get(s->r->plan, "memory");
	struct encl_page *p = s->p;

	if (!m)
		return;
	encl_page_section(p, "memory", "Memory");
	encl_page_raw(p, "<p>It should have <strong>");
	encl_page_count(p, number_of(m, "neededMiB"));
	encl_page_raw(p, " MiB</strong>, comes up with no less than ");
	encl_page_count(p, number_of(m, "leastMiB"));
	encl_page_raw(p, " MiB; nitro-cli takes no less than ");
	encl_page_count(p, number_of(m, "nitroCliMiB"));
	encl_page_raw(p, " MiB (4 times the image).</p>\n<div class=\"two\">\n");
	parts(p, "While the ramdisks are unpacked", json_object_get(m, "bootParts"),
	      number_of(m, "bootMiB"));
	parts(p, "While it runs, all that is declared being used up",
	      json_object_get(m, "parts"), number_of(m, "runMiB"));
	encl_page_raw(p, "</div>\n");
	encl_page_section_end(p);
}

void
encl_report_told(struct encl_report_state *s)
{
	encl_auto(encl_free) char *text =
		s->metadata ? json_dumps(s->metadata, JSON_INDENT(2)) : NULL;
	const char *cmdline = s->r->eif->cmdline ? s->r->eif->cmdline : "";
	struct encl_page *p = s->p;

	encl_page_section(p, "told", "Command line and metadata");
	encl_page_raw(p, "<h3>Kernel command line ");
	encl_report_mark(p, ENCL_MOVES_BOOT);
	encl_page_raw(p, "</h3>\n<pre>");
	encl_page_text_max(p, cmdline, strlen(cmdline), LINE_SHOWN);
	encl_page_raw(p, "</pre>\n<h3>Metadata ");
	encl_report_mark(p, ENCL_MOVES_NONE);
	encl_page_raw(
		p, "</h3>\n<p>Neither measured nor signed: do not decide by it.</p>\n");
	encl_page_raw(p, "<details><summary>Metadata as it is</summary>\n<pre>");
	for (const char *line = text ? text : ""; *line;) {
		size_t n = strcspn(line, "\n");

		encl_page_text_max(p, line, n, LINE_SHOWN);
		encl_page_raw(p, "\n");
		line += n + (line[n] == '\n');
		if (line - text > METADATA_SHOWN) {
			encl_page_raw(p, "…\n");
			break;
		}
	}
	encl_page_raw(p, "</pre></details>\n");
	encl_page_section_end(p);
}
