/* SPDX-License-Identifier: Apache-2.0 */
/* What refers to a manifest, what refers to that, and so on. */
#ifndef ENCL_PUSH_DISCOVER_H
#define ENCL_PUSH_DISCOVER_H

#include <jansson.h>

#include "base/err.h"
#include "registry/registry.h"

/*
 * *out (new reference): {"Reference", "Digest", "MediaType", "Size",
 * "ArtifactType", "Manifests": [...], "Referrers": [...]}; each entry alike,
 * with "Platform" and "Annotations" where it has them and without "Reference".
 * artifact_type (or NULL) chooses among the referrers of the first level.
 */
int encl_discover(struct encl_registry *r, const struct encl_reference *where,
		  const char *artifact_type, json_t **out,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
