/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which packages to take: what was asked for and everything it depends on,
 * as apt would choose without Recommends (docs/2-sources-debian.md), decided
 * and checked by libsolv.
 */
#ifndef ENCL_SOURCES_SOLVE_H
#define ENCL_SOURCES_SOLVE_H

#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/deb_store.h"
#include "sources/universe.h"

/* *out: sorted by name, each with the reason why it is there.  u can be used
 * for several lists with the same `exclude`. */
int encl_solve(struct encl_env *env, struct encl_universe *u,
	       const struct encl_layer_packages *packages, struct encl_debs *out,
	       struct encl_err *e) ENCL_MUST_CHECK;

#endif
