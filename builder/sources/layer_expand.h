/* SPDX-License-Identifier: Apache-2.0 */
/* Stored bytes of a layer: found, verified, made plain in the cache. */
#ifndef ENCL_SOURCES_LAYER_EXPAND_H
#define ENCL_SOURCES_LAYER_EXPAND_H

#include <stdint.h>

#include "base/env.h"
#include "sources/image_store.h"
#include "sources/inflate.h"
#include "sources/oci.h"

/* Its digest, or else its DiffID; malloc'ed. */
char *encl_image_layer_name(const struct encl_image_layer *layer);

/* It is there and has the size that its descriptor says. */
int encl_image_layer_open(const struct encl_image_store *store,
			  const struct encl_image_layer *layer,
			  struct encl_image_file *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* The stored bytes alone against their digest. */
int encl_image_layer_verify(const struct encl_image_file *f,
			    const struct encl_image_layer *layer, const char *what,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* "WHAT: OF mismatch: want …, its bytes have …"; returns -1. */
int encl_image_layer_mismatch(const char *what, const char *of,
			      const struct encl_digest *want,
			      const struct encl_digest *got, struct encl_err *e);

/* Compressed bytes into the cache; digest and sha256 DiffID are checked. */
int encl_image_layer_expand(struct encl_env *env, const struct encl_image_file *f,
			    const struct encl_image_layer *layer, enum encl_codec codec,
			    const char *what, int *fd, uint64_t *size,
			    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Makes the compressed layers plain that the cache does not have yet,
 * env->jobs at a time.  A sha512 DiffID names nothing in the cache: such a
 * layer is made plain whenever it is read.
 */
int encl_image_layers_expand(struct encl_env *env, const struct encl_image_store *store,
			     const struct encl_image *image,
			     struct encl_err *e) ENCL_MUST_CHECK;

#endif
