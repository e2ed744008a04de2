/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an image large: for the size report of `build`. */
#ifndef ENCL_ROOTFS_REPORT_H
#define ENCL_ROOTFS_REPORT_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

struct encl_tree;

/*
 * {"names", "files", "folders", "symlinks", "bytes",
 *  "origins": [{"kind", "name", "files", "bytes"}],
 *  "largestFolders": [{"path", "files", "bytes"}],	of the upper two levels
 *  "largestFiles": [{"path", "kind", "name", "bytes"}]}
 *
 * Lists are by size, then by name, with at most `most` items; what is left out
 * of origins is summed in a last item of kind "other".  A file with several
 * names counts once, at its first.  New reference.
 */
int encl_tree_report(struct encl_tree *t, size_t most, json_t **out,
		     struct encl_err *e) ENCL_MUST_CHECK;

#endif
