/* SPDX-License-Identifier: Apache-2.0 */
/* What launch is to start, in the order in which it can. */
#ifndef ENCL_UNITS_H
#define ENCL_UNITS_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "ramdisk/launch_config.h"

struct encl_image_config;
struct encl_log;
struct encl_tree;

struct encl_units {
	struct encl_launch_unit *v;
	size_t n;
	struct encl_arena *arena; /* for what they refer to; NULL while empty */
};
void encl_units_clear(struct encl_units *units);
ENCL_AUTO_VAL(struct encl_units, encl_units_clear);

/* Copies the struct, not what it refers to. */
void encl_units_add(struct encl_units *units, const struct encl_launch_unit *unit);

/*
 * Adds the app (where the manifest has one, or neither services nor Docker) or
 * the services: users resolved in the tree, the image's config filled in.
 * ENCL_USAGE with the place in the manifest.
 */
int encl_units_collect(struct encl_log *log, const struct encl_manifest *m,
		       const struct encl_image_config *config, struct encl_tree *tree,
		       struct encl_units *out, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What is depended on comes first; else the order stays.  ENCL_USAGE for a
 * dependency that is not there or that goes in a circle.
 */
int encl_units_sort(struct encl_units *units, struct encl_err *e) ENCL_MUST_CHECK;

#endif
