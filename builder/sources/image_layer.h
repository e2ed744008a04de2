/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's entries, every byte verified. */
#ifndef ENCL_SOURCES_IMAGE_LAYER_H
#define ENCL_SOURCES_IMAGE_LAYER_H

#include <stdbool.h>

#include "base/env.h"
#include "sources/entry.h"
#include "sources/image_store.h"
#include "sources/oci.h"

/* One layer: a plain tar from its place, a compressed one from the cache. */
int encl_image_layer_emit(struct encl_env *env, const struct encl_image_store *store,
			  const struct encl_image_layer *layer,
			  struct encl_entry_sink *sink,
			  struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The layer's tar, not compressed, where it lies: in the source or in the
 * cache.  Its bytes are not verified against the DiffID here; the caller
 * hashes them as it reads and calls encl_image_layer_wrong where they differ.
 */
int encl_image_layer_plain(struct encl_env *env, const struct encl_image_store *store,
			   const struct encl_image_layer *layer,
			   struct encl_image_file *out, bool *cached,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* The error (-1) for plain bytes with another digest; a damaged copy in the
 * cache is removed. */
int encl_image_layer_wrong(struct encl_env *env, const struct encl_image_store *store,
			   const struct encl_image_layer *layer, bool cached,
			   const struct encl_digest *got, struct encl_err *e);

#endif
