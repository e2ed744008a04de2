/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rootfs/ share: the tree's inside. */
#ifndef ENCL_ROOTFS_INTERNAL_H
#define ENCL_ROOTFS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "rootfs/tree.h"

/* One begin() … end(); public is what inodes point to. */
struct encl_tree_origin {
	struct encl_origin public;
	struct encl_tree_item item;
	struct encl_tree_origin *next; /* in order of begin */
	struct encl_tree_origin *copy; /* in the tree that is grafted onto */
	uint32_t index;
};

/* A hard link whose target had not come yet. */
struct encl_tree_link {
	struct encl_tree_link *next;
	char *path; /* both are clean */
	char *target;
	struct encl_content content;
};

struct encl_tree {
	struct encl_entry_sink sink; /* first */
	struct encl_log *log;
	struct encl_arena *arena;
	struct encl_node *root;
	size_t count; /* names, root not counted */

	/* (parent, name) -> node: open addressing, a power of two */
	struct encl_node **slots;
	size_t n_slots;

	struct encl_node *free_nodes;	/* linked by parent */
	struct encl_inode *free_inodes; /* linked by origin's place */
	struct encl_node **dirty;	/* folders to tidy at the end of the layer */
	size_t n_dirty, dirty_room;

	/* the layer that is being applied */
	struct encl_tree_origin *origins, **next_origin, *origin;
	uint32_t n_origins;
	struct encl_tree_item item; /* of those that begin now */
	uint32_t layer;
	bool whiteouts;
	struct encl_tree_link *links; /* deferred */
	size_t n_implicit;
	char *first_implicit;
	char *scratch; /* ENCL_PATH_MAX + 1 bytes: the clean path of an entry */
};

/* ---- nodes ---- */

/* A child by the n bytes of its name, or NULL. */
struct encl_node *encl_tree_child(struct encl_tree *t, const struct encl_node *parent,
				  const char *name, size_t n);
/* Adds a child that is not there yet; takes over one count of inode->nlink. */
int encl_tree_insert(struct encl_tree *t, struct encl_node *parent, const char *name,
		     size_t n, struct encl_inode *inode, struct encl_node **out,
		     struct encl_err *e) ENCL_MUST_CHECK;
/* Gives a node another inode (one count of its nlink taken over); what was
 * below it goes. */
void encl_tree_replace(struct encl_tree *t, struct encl_node *n,
		       struct encl_inode *inode);
/* Takes a node and all below it away; not the root. */
void encl_tree_drop(struct encl_tree *t, struct encl_node *n);
/* A removed node stays in its parent's children until the parent is tidied. */
static inline bool
encl_tree_is_dropped(const struct encl_node *n)
{
	return !n->inode;
}
/* Sorts what is dirty. */
void encl_tree_tidy(struct encl_tree *t);

/* Makes an origin the current one, as begin does. */
struct encl_tree_origin *encl_tree_add_origin(struct encl_tree *t,
					      const struct encl_origin *origin,
					      const struct encl_tree_item *item);

/* Zeroed but for type, nlink 1 and the current origin. */
struct encl_inode *encl_tree_inode(struct encl_tree *t, enum encl_entry_type type);
/* One of an entry that is no hard link; what it points to is copied. */
struct encl_inode *encl_tree_inode_of(struct encl_tree *t,
				      const struct encl_entry *entry);
void encl_tree_inode_unref(struct encl_tree *t, struct encl_inode *i);

/* ---- paths ---- */

/*
 * Copies a path without leading "/" and "./", doubled and trailing slashes to
 * out (ENCL_PATH_MAX + 1 bytes); "" is the root.  ".." is refused.
 */
int encl_tree_clean_path(const char *path, char *out, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Walks the n bytes of a clean path from the root through symlinks.  create:
 * components that are missing are made (0755 0:0), those in the way that are
 * neither folder nor symlink are replaced; the result is a folder.  Without
 * create *out is NULL where something is missing or in the way.
 */
int encl_tree_resolve(struct encl_tree *t, const char *path, size_t n, bool create,
		      struct encl_node **out, struct encl_err *e) ENCL_MUST_CHECK;

/* The parent folder of a clean path, not "", and its last component. */
int encl_tree_parent(struct encl_tree *t, const char *path, bool create,
		     struct encl_node **parent, const char **name,
		     struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Removes what lower layers left of a node and below it: names of the current
 * layer stay, folders on the way to them as if they had been made implicitly.
 * False where the node itself went.
 */
bool encl_tree_prune(struct encl_tree *t, struct encl_node *n);
/* The same for all below a folder, which stays as it is. */
void encl_tree_prune_below(struct encl_tree *t, struct encl_node *folder);

/* Bytes from outside as an error shows them: escaped, long ones shortened in
 * the middle.  malloc'ed. */
char *encl_tree_shown(const char *text);

#endif
