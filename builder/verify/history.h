/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcr-history.jsonl: which images there were, one line of JSON each, only ever
 * appended to.  Each line has the digest of the one before ("Previous"), so that one
 * that was changed, added or taken away between two is noticed; the digest of the
 * last one, kept elsewhere, tells whether the end is still there.
 */
#ifndef ENCL_VERIFY_HISTORY_H
#define ENCL_VERIFY_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/digest.h"
#include "base/err.h"

enum { ENCL_HISTORY_MAX = 64 << 20, ENCL_HISTORY_LINE = 65536 };

struct encl_history {
	size_t n;		 /* lines */
	struct encl_digest head; /* of the last one, without its newline */
};

/* ENCL_MISMATCH "FILE:LINE: …" where the lines are not a chain. */
int encl_history_check(const char *path, struct encl_history *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Appends entry (an object without "Previous") unless the last line is the same; one
 * at a time (flock), on disk when it returns, and nothing where it fails.  A history
 * that is broken is not gone on with.
 */
int encl_history_append(const char *path, const json_t *entry, bool *added,
			struct encl_history *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
