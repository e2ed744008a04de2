/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A component's Packages file, by the digest that the suite's InRelease has
 * for it: from the cache, else by hash, else by name.
 */
#ifndef ENCL_SOURCES_INDEX_H
#define ENCL_SOURCES_INDEX_H

#include <stdio.h>

#include "base/env.h"
#include "base/err.h"
#include "sources/release.h"

/* arch is Debian's ("amd64").  *out is open at its start and without a name;
 * close with fclose. */
int encl_index_open(struct encl_env *env, const struct encl_release *release,
		    const char *component, const char *arch, FILE **out,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
