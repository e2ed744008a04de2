/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs and manifests from a registry through the cache. */
#ifndef ENCL_PUSH_DOCUMENT_H
#define ENCL_PUSH_DOCUMENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "registry/registry.h"

/* A blob into the cache: once for all processes, from where it was cut. */
int encl_document_fetch(struct encl_env *env, struct encl_registry *r,
			const struct encl_reference *where,
			const struct encl_digest *digest, uint64_t size,
			const char *label, struct encl_err *e) ENCL_MUST_CHECK;

/* A small blob into memory, NUL behind. */
int encl_document_blob(struct encl_env *env, struct encl_registry *r,
		       const struct encl_reference *where,
		       const struct encl_digest *digest, uint64_t size, const char *label,
		       char **out, size_t *n, struct encl_err *e) ENCL_MUST_CHECK;

/* The manifest or index of a version, and its digest; by a digest no request is
 * made where the cache has it.  what names it in errors. */
int encl_document_get(struct encl_env *env, struct encl_registry *r,
		      const struct encl_reference *where, const char *version,
		      const char *what, json_t **doc, char digest[ENCL_DIGEST_TEXT],
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
