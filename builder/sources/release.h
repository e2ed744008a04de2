/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dists/SUITE/InRelease: the signed list of a suite's indexes with their
 * digests.  Everything of a Debian source is believed because this is.
 */
#ifndef ENCL_SOURCES_RELEASE_H
#define ENCL_SOURCES_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "sources/apt_config.h"

struct encl_release {
	const struct encl_apt_repo *repo; /* borrowed */
	struct encl_digest digest;	  /* sha256 of the file as it was fetched */
	char *text;			  /* the signed text */
	size_t n;
	char *date;		     /* its Date as it stands there */
	struct encl_strings signers; /* fingerprints of primary keys */
	bool not_automatic;	     /* its packages are taken only by name/suite */
	bool by_hash;
	struct encl_arena *arena;
};
void encl_release_clear(struct encl_release *r);
ENCL_AUTO_VAL(struct encl_release, encl_release_clear);

/* Fetches and verifies. */
int encl_release_fetch(struct encl_env *env, const struct encl_apt_repo *repo,
		       struct encl_release *out, struct encl_err *e) ENCL_MUST_CHECK;

/* Reads the signed text in r->text: the suite must be the one that was asked
 * for, and Valid-Until must lie after now (where the repo has that checked). */
int encl_release_parse(struct encl_release *r, uint64_t now,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* Looks up a file of the suite by its path; found is false where it is not
 * listed. */
int encl_release_file(const struct encl_release *r, const char *path,
		      struct encl_digest *digest, uint64_t *size, bool *found,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* "Sat, 11 Jul 2026 10:16:37 UTC" as seconds since the epoch. */
bool encl_release_date(const char *text, int64_t *out);

#endif
