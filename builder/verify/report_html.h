/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of a page, streamed to a sink.  Markup is a constant of this program; what
 * comes from elsewhere goes through encl_page_text and those that call it.  A sink's
 * error latches: encl_page_end tells it.
 */
#ifndef ENCL_VERIFY_REPORT_HTML_H
#define ENCL_VERIFY_REPORT_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/stream.h"

enum { ENCL_PAGE_TEXT_MAX = 400 /* bytes of one text */ };

struct encl_page {
	struct encl_sink *out;
	struct encl_err *e;
	struct encl_buf b;
	bool failed;
};
void encl_page_init(struct encl_page *p, struct encl_sink *out, struct encl_err *e);
void encl_page_clear(struct encl_page *p);
ENCL_AUTO_VAL(struct encl_page, encl_page_clear);
/* Writes what is left. */
int encl_page_end(struct encl_page *p) ENCL_MUST_CHECK;

/* Markup. */
void encl_page_raw(struct encl_page *p, const char *html);
/* The same with numbers and constants in it, never with text from elsewhere. */
void encl_page_fmt(struct encl_page *p, const char *fmt, ...) ENCL_PRINTF(2, 3);
/* Text from anywhere; NULL is "". */
void encl_page_text(struct encl_page *p, const char *text);
void encl_page_text_max(struct encl_page *p, const char *text, size_t n, size_t max);
void encl_page_count(struct encl_page *p, uint64_t n);
void encl_page_size(struct encl_page *p, uint64_t bytes);

/* <section> with its heading; the one before must have ended. */
void encl_page_section(struct encl_page *p, const char *id, const char *title);
void encl_page_section_end(struct encl_page *p);

/* A table; heads: "Name|#Size|…", "#" has numbers.  A caption that begins with "~" is
 * for those who do not see the heading above it. */
void encl_page_table(struct encl_page *p, const char *caption, const char *heads);
void encl_page_table_end(struct encl_page *p);
/* Rows: begin, cells, end.  Cells are text (or code) from anywhere. */
void encl_page_row(struct encl_page *p, const char *class);
void encl_page_row_end(struct encl_page *p);
void encl_page_head_cell(struct encl_page *p, const char *text, bool code);
void encl_page_cell(struct encl_page *p, const char *text);
void encl_page_code_cell(struct encl_page *p, const char *text);
void encl_page_count_cell(struct encl_page *p, uint64_t n);
void encl_page_size_cell(struct encl_page *p, uint64_t bytes);
/* "and 12 more": a last row over all columns; nothing where n is 0. */
void encl_page_more_row(struct encl_page *p, unsigned columns, uint64_t n,
			const char *of_what);
/* A line of a <dl>. */
void encl_page_fact(struct encl_page *p, const char *name, const char *text, bool code);

#endif
