/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image against its sources: built again from the lock, in a clean cache and
 * another environment, and compared section by section.
 */
#ifndef ENCL_REBUILD_H
#define ENCL_REBUILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "registry/registry.h"
#include "sign/image.h"
#include "verify/checks.h"

struct encl_rebuild_options {
	const char *name; /* of the image, for the comparison */
	/* build from env's cache, which is kept, and not from an empty one */
	bool use_cache;
	/* as `build --compat nitro-cli`, to hold an image of nitro-cli's against: its
	 * metadata say when and where it was made, so they are not compared */
	bool nitro_cli;
	const struct encl_registry_options *registry; /* of the client that it opens */
	void (*leave)(void); /* called by the process that builds when it ends; or NULL */
};

/*
 * Checks, all but the last two holding the image against the rebuild: "rebuild.lock"
 * (the inputs are those that it pins), "rebuild.kernel", "rebuild.cmdline",
 * "rebuild.ramdisk0", …, "rebuild.metadata", "rebuild.header" (but for what a
 * signature changes in it), "rebuild.signature" (where image and manifest are signed: by
 * the manifest's certificate, and with its key file at hand in the same bytes).  *diff
 * (new reference) is encl_diff's of the image (A) and the rebuild (B), or NULL where no
 * section differs.
 *
 * Fails where nothing could be built: ENCL_MISMATCH without a lock, or with one that
 * is not of this manifest or not for this tool.  A local input that is not what the
 * lock pins fails "rebuild.lock", and is built from all the same: so it is known what
 * it does to the image.  Not with other threads about.
 */
int encl_rebuild(struct encl_env *env, const struct encl_manifest *m,
		 const struct encl_eif *image, const struct encl_image_state *state,
		 const struct encl_rebuild_options *o, struct encl_checks *checks,
		 json_t **diff, struct encl_err *e) ENCL_MUST_CHECK;

#endif
