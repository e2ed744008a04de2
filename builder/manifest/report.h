/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects what is wrong with a manifest.  Problems are added in any order and
 * come out in the file's.
 */
#ifndef ENCL_MANIFEST_REPORT_H
#define ENCL_MANIFEST_REPORT_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "manifest/manifest.h"

struct encl_manifest_report {
	struct encl_problem *v;
	size_t n;
	size_t room;
	const char *file; /* of positions that name none; NULL: the manifest */
};
void encl_manifest_report_clear(struct encl_manifest_report *r);
ENCL_AUTO_VAL(struct encl_manifest_report, encl_manifest_report_clear);

/* path: dotted path of the key, or "" (copied).  Line 0: the file as a whole. */
void encl_manifest_report_add(struct encl_manifest_report *r, struct encl_pos pos,
			      const char *path, const char *fmt, ...) ENCL_PRINTF(4, 5);

/*
 * Sorts, cuts to ENCL_PROBLEMS_MAX and moves everything into *out; the first
 * one becomes the error (ENCL_USAGE).  Returns -1 as encl_fail does; r is not
 * empty before and empty after.
 */
int encl_manifest_report_finish(struct encl_manifest_report *r, const char *file,
				struct encl_problems *out, struct encl_err *e);

/*
 * Text from the file as it stands in a message: in quotes, control and
 * non-ASCII bytes escaped, cut after 64 bytes.  Returns malloc'ed text.
 */
char *encl_manifest_quote(const char *text, size_t n);

#endif
