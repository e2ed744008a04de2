/* SPDX-License-Identifier: Apache-2.0 */
/* What one run of the library may use: given by the caller, read by all stages. */
#ifndef ENCL_BASE_ENV_H
#define ENCL_BASE_ENV_H

#include <stdbool.h>

struct encl_cache;
struct encl_log;
struct encl_registry;

struct encl_env {
	struct encl_log *log;	  /* or NULL */
	struct encl_cache *cache; /* sources/cache.h; borrowed */
	const char *cache_dir;	  /* its folder, for what is no content (ECR's tokens);
				     or NULL: nothing is kept */
	/* registry/registry.h; borrowed; NULL: with its defaults where it is needed */
	struct encl_registry *registry;
	bool offline;	     /* any network access is ENCL_NETWORK */
	bool strict_scripts; /* unhandled maintainer scripts are errors */
	unsigned jobs;	     /* threads to use; never changes bytes; >= 1 */
};

#endif
