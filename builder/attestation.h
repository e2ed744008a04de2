/* SPDX-License-Identifier: Apache-2.0 */
/* attestation: of the manifest, as launch's config has it. */
#ifndef ENCL_ATTESTATION_H
#define ENCL_ATTESTATION_H

#include <jansson.h>

#include "base/err.h"
#include "manifest/manifest.h"
#include "ramdisk/launch_config.h"

struct encl_tree;

/*
 * Fills attest, extend and lock of c.  *own is what c->extend points to, for the
 * caller to free; ENCL_USAGE where a file is not in the tree.
 */
int encl_attestation_config(const struct encl_manifest *m, const json_t *lock,
			    struct encl_tree *tree, struct encl_launch_config *c,
			    struct encl_launch_extension **own,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
