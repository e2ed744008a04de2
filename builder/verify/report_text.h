/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from images and documents for a page that people decide by: markup is
 * escaped, and what a browser would not show as itself (control bytes, invalid
 * UTF-8, marks that reorder, hide or stack) is written as \xHH of its bytes.
 */
#ifndef ENCL_VERIFY_REPORT_TEXT_H
#define ENCL_VERIFY_REPORT_TEXT_H

#include <stdint.h>

#include "base/buf.h"

/* Of n bytes the first max, more or less; what is left out is told: "… (+12 bytes)".
 * Good for content and for quoted attributes. */
void encl_report_text(struct encl_buf *out, const char *bytes, size_t n, size_t max);

/* The length in columns and the bytes that fit into so many: for labels in a
 * picture.  A character beyond ASCII is taken for two. */
size_t encl_report_columns(const char *text, size_t n);
size_t encl_report_fit(const char *text, size_t n, size_t columns);

/* "41 745 403", with narrow spaces that do not break. */
void encl_report_count(struct encl_buf *out, uint64_t n);
/* "39.8 MiB", "548 B" */
void encl_report_size(struct encl_buf *out, uint64_t bytes);

#endif
