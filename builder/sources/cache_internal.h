/* SPDX-License-Identifier: Apache-2.0 */
/* What cache.c and cache_sweep.c share. */
#ifndef ENCL_SOURCES_CACHE_INTERNAL_H
#define ENCL_SOURCES_CACHE_INTERNAL_H

#include "sources/cache.h"

struct encl_cache {
	char *dir;
};

/* The digest that a link's file holds; -1 with errno where it cannot be opened. */
int encl_cache_read_link(const char *path, struct encl_digest *out,
			 bool *found) ENCL_MUST_CHECK;

/* Where a blob of this SHA-256 is or would be; malloc'ed. */
char *encl_cache_blob_path(const struct encl_cache *c, const struct encl_digest *d);

#endif
