/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a list of layers (rootfs, or an image that is made here). */
#ifndef ENCL_ROOTFS_ASSEMBLE_H
#define ENCL_ROOTFS_ASSEMBLE_H

#include <jansson.h>

#include "base/env.h"
#include "manifest/manifest.h"
#include "rootfs/tree.h"
#include "sources/source.h"

/* Its pin.  old_pin (or NULL) stays where the layer is of packages or of an
 * image of a registry; what is local is hashed anew. */
int encl_layer_lock(struct encl_env *env, const struct encl_manifest *m,
		    const struct encl_layer *layer, const json_t *old_pin, json_t **pin,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* Its entries, laid over what the tree has.  An image replaces *config. */
int encl_layer_apply(struct encl_env *env, const struct encl_manifest *m,
		     const struct encl_layer *layer, const json_t *pin,
		     struct encl_tree *tree, struct encl_image_config *config,
		     struct encl_err *e) ENCL_MUST_CHECK;

#endif
