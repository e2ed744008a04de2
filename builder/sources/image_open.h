/* SPDX-License-Identifier: Apache-2.0 */
/* From a store's first documents to one image's manifest, config and layers. */
#ifndef ENCL_SOURCES_IMAGE_OPEN_H
#define ENCL_SOURCES_IMAGE_OPEN_H

#include "sources/image_ref.h"
#include "sources/image_store.h"
#include "sources/oci.h"

/* Every document is verified by digest on the way down; no layer is read. */
int encl_image_open(const struct encl_image_store *store,
		    const struct encl_image_ref *ref, enum encl_arch arch,
		    struct encl_image *out, struct encl_err *e) ENCL_MUST_CHECK;

/* As open, of a registry: from a manifest or index on.  What the cache lacks is
 * fetched. */
int encl_image_open_digest(const struct encl_image_store *store,
			   const struct encl_digest *digest, enum encl_arch arch,
			   struct encl_image *out, struct encl_err *e) ENCL_MUST_CHECK;

/* Docker's old format: manifest.json.  (docker_archive.c) */
int encl_docker_archive_open(const struct encl_image_store *store,
			     const struct encl_image_ref *ref, enum encl_arch arch,
			     struct encl_image *out, struct encl_err *e) ENCL_MUST_CHECK;

/* The entry of a manifest.json that ref names; borrowed.  (docker_archive.c) */
int encl_docker_archive_choose(const json_t *list, const char *name, const char *what,
			       const json_t **out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
