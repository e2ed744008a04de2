/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a rebuild share. */
#ifndef ENCL_REBUILD_INTERNAL_H
#define ENCL_REBUILD_INTERNAL_H

#include "rebuild.h"
#include "verify/owner.h"

/* What another process built. */
struct encl_rebuilt {
	bool lock_differs; /* from inputs that are not those of the lock */
	char why[sizeof((struct encl_err){0}.msg)]; /* which */
};
#define ENCL_REBUILD_IMAGE "rebuild.eif"
#define ENCL_REBUILD_CACHE "cache"
#define ENCL_REBUILD_LOCK  "rebuild.lock" /* what was built from */

/* (rebuild_build.c)  Builds in a process of its own into folder; m is unsigned and
 * expects nothing, its folder is absolute. */
int encl_rebuild_run(struct encl_env *env, const struct encl_manifest *m, json_t *lock,
		     const char *folder, const struct encl_rebuild_options *o,
		     struct encl_rebuilt *out, struct encl_err *e) ENCL_MUST_CHECK;

/* (rebuild_compare.c)  Section by section; *same where none differs.  any_metadata:
 * what differs in them, and so moves what comes behind, is only told. */
int encl_rebuild_compare(const struct encl_eif *image, const struct encl_eif *rebuilt,
			 const char *source, bool any_metadata,
			 struct encl_checks *checks, bool *same,
			 struct encl_err *e) ENCL_MUST_CHECK;
/* Adds to the checks that failed where the difference comes from. */
void encl_rebuild_explain(struct encl_checks *checks, const json_t *diff,
			  const struct encl_origins *origins, const char *manifest);

#endif
