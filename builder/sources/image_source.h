/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of a source, open: what Docker's store needs of it beyond the
 * entries of its layers (source.h, encl_image_emit).
 */
#ifndef ENCL_SOURCES_IMAGE_SOURCE_H
#define ENCL_SOURCES_IMAGE_SOURCE_H

#include "base/env.h"
#include "sources/image_ref.h"
#include "sources/image_store.h"
#include "sources/oci.h"

struct encl_image_source {
	struct encl_image_ref ref;
	struct encl_image_store store;
	struct encl_image image; /* its documents are verified, no layer is */
};
/*
 * image: as encl_layer.image.  pin (or NULL): what it has to be, ENCL_MISMATCH
 * where it is not.  Of a registry, what the cache lacks is fetched, layers too;
 * with a pin only by digest.
 */
int encl_image_source_open(struct encl_env *env, const struct encl_manifest *m,
			   const char *image, const json_t *pin,
			   struct encl_image_source *out,
			   struct encl_err *e) ENCL_MUST_CHECK;
void encl_image_source_clear(struct encl_image_source *s);
ENCL_AUTO_VAL(struct encl_image_source, encl_image_source_clear);

/* The config's own bytes, against its digest; malloc'ed, with a NUL that does
 * not count. */
int encl_image_source_config(const struct encl_image_source *s, char **text, size_t *n,
			     struct encl_err *e) ENCL_MUST_CHECK;

#endif
