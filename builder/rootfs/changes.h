/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one layer changed in a tree, as a folder that overlayfs lays over the
 * layers below: the names that it stated, and a character device 0:0 for each
 * name that was there before and is not any more.  A folder that a layer made
 * anew has such a whiteout for each old name in it, so no opaque mark (an
 * extended attribute, which cpio cannot hold) is needed.
 */
#ifndef ENCL_ROOTFS_CHANGES_H
#define ENCL_ROOTFS_CHANGES_H

#include "rootfs/tree.h"

struct encl_arena;

/* All names of a tree at one time. */
struct encl_tree_names {
	struct encl_arena *arena;
	const char **v; /* full paths in byte order */
	size_t n;
};
int encl_tree_names(struct encl_tree *t, struct encl_tree_names *out,
		    struct encl_err *e) ENCL_MUST_CHECK;
void encl_tree_names_clear(struct encl_tree_names *n);
ENCL_AUTO_VAL(struct encl_tree_names, encl_tree_names_clear);

/*
 * Copies what the last layer of `from` changed since `before` (NULL: all that
 * it holds) below a folder of `to`, which must not be there yet; its parent
 * must be.  To be called between begin and end of to's sink.  Hard links
 * between what is copied stay; no symlink is followed.  *bytes gets what the
 * copies hold: files once, and targets of symlinks.
 */
int encl_tree_graft(struct encl_tree *from, const struct encl_tree_names *before,
		    struct encl_tree *to, const char *folder, uint64_t *bytes,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
