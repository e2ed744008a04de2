/* SPDX-License-Identifier: Apache-2.0 */
/* Problems of a manifest: collected, sorted by position, rendered as lines. */
#include "manifest/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

enum { QUOTE_MAX = 64 };

static void
clear_problem(struct encl_problem *p)
{
	free(p->file);
	free(p->path);
	free(p->message);
}

void
encl_manifest_report_clear(struct encl_manifest_report *r)
{
	for (size_t i = 0; i < r->n; i++)
		clear_problem(&r->v[i]);
	free(r->v);
	*r = (struct encl_manifest_report){0};
}

void
encl_problems_clear(struct encl_problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i]);
		clear_problem(&p->details[i]);
	}
	free(p->v);
	free(p->details);
	*p = (struct encl_problems){0};
}

void
encl_manifest_report_add(struct encl_manifest_report *r, struct encl_pos pos,
			 const char *path, const char *fmt, ...)
{
	struct encl_problem *p;
	va_list ap;

	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 16;
		r->v = encl_xrealloc(r->v, r->room, sizeof *r->v);
	}
	p = &r->v[r->n];
	va_start(ap, fmt);
	p->message = encl_xvasprintf(fmt, ap);
	va_end(ap);
	p->path = encl_xstrdup(path);
	if (!pos.file)
		pos.file = r->file;
	p->file = pos.file ? encl_xstrdup(pos.file) : NULL;
	pos.file = p->file;
	p->pos = pos;
	p->order = r->n++;
}

static int
compare(const void *va, const void *vb)
{
	const struct encl_problem *a = va;
	const struct encl_problem *b = vb;

	if (!a->pos.file != !b->pos.file)
		return a->pos.file ? 1 : -1;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	if (a->pos.column != b->pos.column)
		return a->pos.column < b->pos.column ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static char *
render(const struct encl_problem *p, const char *file)
{
	const char *colon = *p->path ? ": " : "";

	if (p->pos.file)
		file = p->pos.file;
	if (!p->pos.line)
		return encl_xasprintf("%s: %s%s%s", file, p->path, colon, p->message);
	return encl_xasprintf("%s:%u:%u: %s%s%s", file, p->pos.line, p->pos.column,
			      p->path, colon, p->message);
}

int
encl_manifest_report_finish(struct encl_manifest_report *r, const char *file,
			    struct encl_problems *out, struct encl_err *e)
{
	struct encl_problems all = {.n = r->n, .total = r->n, .details = r->v};

	qsort(r->v, r->n, sizeof *r->v, compare);
	while (all.n > ENCL_PROBLEMS_MAX)
		clear_problem(&all.details[--all.n]);
	all.v = encl_xcalloc(all.n, sizeof *all.v);
	for (size_t i = 0; i < all.n; i++)
		all.v[i] = render(&all.details[i], file);
	*r = (struct encl_manifest_report){0};
	*out = all;
	if (all.total > 1)
		return encl_fail(e, ENCL_USAGE, "%.960s, and %zu more", all.v[0],
				 all.total - 1);
	return encl_fail(e, ENCL_USAGE, "%s", all.v[0]);
}

char *
encl_manifest_quote(const char *text, size_t n)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t len;

	encl_buf_init(&b, 4 * QUOTE_MAX + 16);
	encl_buf_add_byte(&b, '"');
	for (size_t i = 0; i < n && i < QUOTE_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
			encl_buf_add_byte(&b, c);
		else
			encl_buf_add_fmt(&b, "\\x%02x", c);
	}
	encl_buf_add_str(&b, n > QUOTE_MAX ? "…\"" : "\"");
	return (char *)encl_buf_steal(&b, &len);
}
