/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are known by their digest, from a server into the cache. */
#ifndef ENCL_SOURCES_FETCH_H
#define ENCL_SOURCES_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"

struct encl_fetch {
	const char *what; /* for errors: "libc6 2.36-9" */
	char **urls;	  /* tried in this order; owned by the caller */
	size_t n_urls;
	struct encl_digest digest;
	uint64_t size; /* a body of another size is an error */
};

/*
 * Afterwards the cache has all of them; those that it has already (verified)
 * are not fetched.  With env->offline one ENCL_NETWORK names all that miss.
 */
int encl_fetch_all(struct encl_env *env, const char *label, struct encl_fetch *v,
		   size_t n, struct encl_err *e) ENCL_MUST_CHECK;

/* BASE/PATH with what has a meaning in URLs escaped in the path (malloc'ed). */
char *encl_fetch_url(const char *base, const char *path);

#endif
