/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images of a registry in the cache: manifests, configs and layers are fetched
 * where it lacks them, each once for all processes that want it, and read from
 * it like those of a local image.
 */
#ifndef ENCL_SOURCES_IMAGE_REMOTE_H
#define ENCL_SOURCES_IMAGE_REMOTE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/env.h"
#include "sources/image_ref.h"
#include "sources/image_store.h"
#include "sources/oci.h"

/*
 * Opens what ref names; where there is a pin (or NULL), what that says, and a
 * tag is not asked for.  No layer is fetched.  *store borrows env and ref.
 */
int encl_image_remote_open(struct encl_env *env, const struct encl_image_ref *ref,
			   const json_t *pin, enum encl_arch arch,
			   struct encl_image_store *store, struct encl_image *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_NETWORK "not in the cache, and --offline forbids to fetch: …"; -1. */
int encl_image_remote_offline(const char *what, const char *missing, struct encl_err *e);

/* (image_remote_layers.c)  Afterwards the cache has all layers; with env->offline one
 * ENCL_NETWORK names those that miss. */
int encl_image_remote_layers(const struct encl_image_store *store,
			     const struct encl_image *image,
			     struct encl_err *e) ENCL_MUST_CHECK;

/* Adds the digests that a pin names and the cache lacks, where ref is of a
 * registry. */
int encl_image_remote_missing(struct encl_env *env, const struct encl_image_ref *ref,
			      const json_t *pin, struct encl_buf *missing,
			      struct encl_err *e) ENCL_MUST_CHECK;

/* Documents, verified; nothing to do for a local image. */
int encl_image_remote_manifest(const struct encl_image_store *store,
			       const struct encl_digest *d,
			       struct encl_err *e) ENCL_MUST_CHECK;
int encl_image_remote_config(const struct encl_image_store *store,
			     const struct encl_digest *d, uint64_t size,
			     struct encl_err *e) ENCL_MUST_CHECK;

#endif
