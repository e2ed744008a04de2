/* SPDX-License-Identifier: Apache-2.0 */
/* What the package layers and the kernel's package share. */
#ifndef ENCL_SOURCES_PACKAGES_H
#define ENCL_SOURCES_PACKAGES_H

#include <jansson.h>

#include "base/err.h"
#include "sources/deb_store.h"
#include "sources/universe.h"

/* The suites as they stand in a pin: no host names. */
json_t *encl_packages_sources(const struct encl_universe *u);

/* Adds a solvable to d; the text lives in d's arena. */
int encl_packages_take(const struct encl_universe *u, Id p, const char *why,
		       struct encl_debs *d, struct encl_err *e) ENCL_MUST_CHECK;

/* By name. */
void encl_packages_sort(struct encl_debs *d);

/* Fails: no package NAME in the suites …; did you mean …? */
int encl_packages_unknown(const struct encl_universe *u, const char *name,
			  struct encl_err *e) ENCL_MUST_CHECK;

#endif
