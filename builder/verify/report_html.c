/* SPDX-License-Identifier: Apache-2.0 */
/* Markup in pieces, collected and written in larger ones. */
#include "verify/report_html.h"

#include <string.h>

#include "base/alloc.h"
#include "verify/report_text.h"

enum { PIECE = 64 * 1024, PIECE_MAX = 4 * 1024 * 1024 };

void
encl_page_init(struct encl_page *p, struct encl_sink *out, struct encl_err *e)
{
	*p = (struct encl_page){.out = out, .e = e};
	encl_buf_init(&p->b, PIECE_MAX);
}

void
encl_page_clear(struct encl_page *p)
{
	encl_buf_clear(&p->b);
}

static void
flush(struct encl_page *p)
{
	if (!p->failed && (encl_buf_check(&p->b, "a piece of the page", p->e) ||
			   encl_sink_write(p->out, p->b.data, p->b.len, p->e)))
		p->failed = true;
	encl_buf_clear(&p->b);
}

static void
flush_large(struct encl_page *p)
{
	if (p->b.len >= PIECE)
		flush(p);
}

int
encl_page_end(struct encl_page *p)
{
	if (p->b.len)
		flush(p);
	return p->failed ? -1 : 0;
}

void
encl_page_raw(struct encl_page *p, const char *html)
{
	encl_buf_add_str(&p->b, html);
	flush_large(p);
}

void
encl_page_fmt(struct encl_page *p, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_page_raw(p, text);
}

void
encl_page_text_max(struct encl_page *p, const char *text, size_t n, size_t max)
{
	encl_report_text(&p->b, text, n, max);
	flush_large(p);
}

void
encl_page_text(struct encl_page *p, const char *text)
{
	if (text)
		encl_page_text_max(p, text, strlen(text), ENCL_PAGE_TEXT_MAX);
}

void
encl_page_count(struct encl_page *p, uint64_t n)
{
	encl_report_count(&p->b, n);
}

void
encl_page_size(struct encl_page *p, uint64_t bytes)
{
	encl_report_size(&p->b, bytes);
}

void
encl_page_section(struct encl_page *p, const char *id, const char *title)
{
	encl_page_fmt(p,
		      "<section id=\"%s\" aria-labelledby=\"%s-h\">\n"
		      "<h2 id=\"%s-h\">%s</h2>\n",
		      id, id, id, title);
}

void
encl_page_section_end(struct encl_page *p)
{
	encl_page_raw(p, "</section>\n");
}

void
encl_page_table(struct encl_page *p, const char *caption, const char *heads)
{
	bool hidden = *caption == '~';

	encl_page_fmt(p,
		      "<div class=\"scroll\"><table>\n<caption%s>%s</caption>\n"
		      "<thead><tr>",
		      hidden ? " class=\"unseen\"" : "", caption + hidden);
	while (*heads) {
		size_t n = strcspn(heads, "|");
		bool number = *heads == '#';

		encl_page_fmt(p, "<th scope=\"col\"%s>%.*s</th>",
			      number ? " class=\"n\"" : "", (int)(n - number),
			      heads + number);
		heads += n + (heads[n] == '|');
	}
	encl_page_raw(p, "</tr></thead>\n<tbody>\n");
}

void
encl_page_table_end(struct encl_page *p)
{
	encl_page_raw(p, "</tbody>\n</table></div>\n");
}

void
encl_page_row(struct encl_page *p, const char *class)
{
	if (class)
		encl_page_fmt(p, "<tr class=\"%s\">", class);
	else
		encl_page_raw(p, "<tr>");
}

void
encl_page_row_end(struct encl_page *p)
{
	encl_page_raw(p, "</tr>\n");
}

void
encl_page_head_cell(struct encl_page *p, const char *text, bool code)
{
	encl_page_raw(p, code ? "<th scope=\"row\" class=\"p\"><code>"
			      : "<th scope=\"row\">");
	encl_page_text(p, text);
	encl_page_raw(p, code ? "</code></th>" : "</th>");
}

void
encl_page_cell(struct encl_page *p, const char *text)
{
	encl_page_raw(p, "<td>");
	encl_page_text(p, text);
	encl_page_raw(p, "</td>");
}

void
encl_page_code_cell(struct encl_page *p, const char *text)
{
	if (!text || !*text) {
		encl_page_raw(p, "<td></td>");
		return;
	}
	encl_page_raw(p, "<td><code>");
	encl_page_text(p, text);
	encl_page_raw(p, "</code></td>");
}

void
encl_page_count_cell(struct encl_page *p, uint64_t n)
{
	encl_page_raw(p, "<td class=\"n\">");
	encl_page_count(p, n);
	encl_page_raw(p, "</td>");
}

void
encl_page_size_cell(struct encl_page *p, uint64_t bytes)
{
	encl_page_raw(p, "<td class=\"n\">");
	encl_page_size(p, bytes);
	encl_page_raw(p, "</td>");
}

void
encl_page_more_row(struct encl_page *p, unsigned columns, uint64_t n, const char *of_what)
{
	if (!n)
		return;
	encl_page_fmt(p, "<tr class=\"more\"><td colspan=\"%u\">and ", columns);
	encl_page_count(p, n);
	encl_page_fmt(p, " more %s</td></tr>\n", of_what);
}

void
encl_page_fact(struct encl_page *p, const char *name, const char *text, bool code)
{
	encl_page_fmt(p, "<dl><dt>%s</dt><dd>%s", name, code ? "<code>" : "");
	encl_page_text(p, text);
	encl_page_raw(p, code ? "</code></dd></dl>\n" : "</dd></dl>\n");
}
