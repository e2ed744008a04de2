/* SPDX-License-Identifier: Apache-2.0 */
/* A treemap as SVG inside the page. */
#ifndef ENCL_VERIFY_REPORT_MAP_H
#define ENCL_VERIFY_REPORT_MAP_H

#include "base/arena.h"
#include "verify/report_area.h"
#include "verify/report_html.h"

/* Lays root out and draws it: one <rect class="a …" data-bytes> a leaf, with a
 * <title>, and labels where they fit.  title is the page's own. */
void encl_page_map(struct encl_page *p, struct encl_arena *arena, struct encl_area *root,
		   const char *title);

/* The hatches that areas of the format's own bytes have; once in a page. */
void encl_page_map_patterns(struct encl_page *p);

#endif
