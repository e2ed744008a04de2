/* SPDX-License-Identifier: Apache-2.0 */
/* A layer's entries, every byte verified. */
#ifndef ENCL_SOURCES_IMAGE_LAYER_H
#define ENCL_SOURCES_IMAGE_LAYER_H

#include "base/env.h"
#include "sources/entry.h"
#include "sources/image_store.h"
#include "sources/oci.h"

/* One layer: a plain tar from its place, a compressed one from the cache. */
int encl_image_layer_emit(struct encl_env *env, const struct encl_image_store *store,
			  const struct encl_image_layer *layer,
			  struct encl_entry_sink *sink,
			  struct encl_err *e) ENCL_MUST_CHECK;

#endif
