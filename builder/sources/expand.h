/* SPDX-License-Identifier: Apache-2.0 */
/* A compressed file made plain once, and found in the cache from then on. */
#ifndef ENCL_SOURCES_EXPAND_H
#define ENCL_SOURCES_EXPAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"

struct encl_expanded {
	int fd;
	uint64_t size;
	struct encl_digest digest; /* SHA-256 of the plain bytes */
};

/*
 * fd holds size compressed bytes (or a zip, which becomes a tar) with the
 * SHA-256 that was computed just now.  The plain bytes are not verified when
 * they come from the cache: whoever reads them all compares out->digest, and
 * calls encl_expanded_damaged where it differs.
 */
int encl_expand(struct encl_env *env, int fd, uint64_t size,
		const struct encl_digest *sha256, const char *what,
		struct encl_expanded *out, struct encl_err *e) ENCL_MUST_CHECK;

/* Removes the blob; returns -1 with the error that says so. */
int encl_expanded_damaged(struct encl_env *env, const struct encl_digest *digest,
			  const char *what, struct encl_err *e) ENCL_MUST_CHECK;

/* After a failed scan of the plain bytes in fd: where the blob is damaged that
 * is the error, else *e stays.  Returns -1. */
int encl_expanded_blame(struct encl_env *env, int fd, const struct encl_digest *digest,
			const char *what, struct encl_err *e) ENCL_MUST_CHECK;

#endif
