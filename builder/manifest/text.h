/* SPDX-License-Identifier: Apache-2.0 */
/* What the bytes of a manifest may be, before YAML sees them. */
#ifndef ENCL_MANIFEST_TEXT_H
#define ENCL_MANIFEST_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct encl_manifest_report;

/*
 * UTF-8 without byte order mark, NUL or control characters other than tab and
 * line breaks.  Adds the first offence to r and returns false.
 */
bool encl_manifest_text_check(const char *text, size_t n, struct encl_manifest_report *r);

#endif
