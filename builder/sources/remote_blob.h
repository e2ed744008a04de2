/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs of a registry in the cache, each fetched once for all who want it. */
#ifndef ENCL_SOURCES_REMOTE_BLOB_H
#define ENCL_SOURCES_REMOTE_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "registry/registry.h"

/* The run's client (env->registry), or one for a while. */
struct encl_remote_client {
	struct encl_registry *own;
	struct encl_registry *r;
};
int encl_remote_client_open(struct encl_env *env, struct encl_remote_client *c,
			    struct encl_err *e) ENCL_MUST_CHECK;
void encl_remote_client_clear(struct encl_remote_client *c);
ENCL_AUTO_VAL(struct encl_remote_client, encl_remote_client_clear);

/* Is it there with this size (UINT64_MAX: any)?  verified: its bytes are hashed,
 * and a damaged one is removed. */
int encl_remote_cached(struct encl_env *env, const struct encl_digest *d, uint64_t size,
		       bool verified, bool *cached, struct encl_err *e) ENCL_MUST_CHECK;

/* Afterwards the cache has it.  what names it in errors. */
int encl_remote_blob(struct encl_env *env, struct encl_registry *r,
		     const struct encl_reference *where,
		     const struct encl_registry_blob *blob, const char *what,
		     struct encl_err *e) ENCL_MUST_CHECK;

#endif
