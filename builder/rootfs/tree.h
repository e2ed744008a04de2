/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The merged root file system: an in-memory tree whose leaves refer into
 * blobs.  Layers are applied in order by the rules of OCI (image-spec
 * layer.md; traps in docs/3-rootfs.md); nothing is ever unpacked to disk, so
 * no path can leave it and no right is needed to own a file as anybody.
 */
#ifndef ENCL_ROOTFS_TREE_H
#define ENCL_ROOTFS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/entry.h"

struct encl_log;
struct encl_tree;

/* Shared by the names of a hard-linked file. */
struct encl_inode {
	enum encl_entry_type type; /* never ENCL_HARDLINK */
	uint32_t mode;		   /* 07777 */
	uint32_t uid, gid;
	int64_t mtime;
	uint32_t dev_major, dev_minor;
	const char *link; /* SYMLINK */
	struct encl_content content;
	unsigned nlink; /* names that refer to it now */
	uint32_t tag;	/* scratch for one walk at a time; see encl_tree_clear_tags */
	const struct encl_origin *origin; /* NULL: the root where no layer states it */
	const struct encl_xattr *xattrs;  /* only a squashfs holds them */
	size_t n_xattrs;
	const char *lost_xattr; /* an extended attribute that no image holds */
};

struct encl_node {
	const char *name; /* one component; "" for the root */
	struct encl_node *parent;
	struct encl_inode *inode;
	struct encl_node **children; /* in byte order of names (between layers) */
	size_t n_children;
	/* private to rootfs/ */
	uint32_t room;
	uint32_t layer : 31; /* which stated or made this name last */
	uint32_t dirty : 1;  /* children are unsorted or hold removed nodes */
};

/*
 * Limits: at most ENCL_TREE_MAX_NODES names, paths of at most 4095 bytes,
 * 40 symlinks in a resolution.
 */
enum { ENCL_TREE_MAX_NODES = 4000000, ENCL_PATH_MAX = 4095, ENCL_SYMLINK_HOPS = 40 };

struct encl_tree *encl_tree_new(struct encl_log *log);
void encl_tree_free(struct encl_tree *t);
ENCL_AUTO_PTR(struct encl_tree, encl_tree_free);

/*
 * The sink that sources emit into; owned by the tree.  Between begin and end
 * the order of children is undefined.  Layers with whiteouts replace a symlink
 * by a folder of the same name, as extractors of images do; other layers keep
 * a symlink that leads to a folder and go through it, as dpkg does, so that
 * they can be laid over a merged /usr.
 */
struct encl_entry_sink *encl_tree_sink(struct encl_tree *t);

/* What of the manifest asks for a layer: "rootfs[1]", NULL where nothing does, and
 * its line, 0 where it is not in the manifest itself. */
struct encl_tree_item {
	const char *item;
	unsigned line;
};
/* For the layers that begin from now on; copied. */
void encl_tree_set_item(struct encl_tree *t, const char *item,
			const struct encl_pos *pos);
/* That of an inode's origin. */
struct encl_tree_item encl_tree_item_of(const struct encl_origin *o);

struct encl_node *encl_tree_root(struct encl_tree *t);

/*
 * Looks a path up as the kernel would inside this root: symlinks followed
 * (absolute targets are root-relative); NULL where it is not there.  nofollow
 * looks at the last component itself.
 */
struct encl_node *encl_tree_find(struct encl_tree *t, const char *path);
struct encl_node *encl_tree_find_nofollow(struct encl_tree *t, const char *path);

/* Path of a node without leading slash ("" for the root), malloc'ed. */
char *encl_node_path(const struct encl_node *n);

/* A small regular file's content as text (malloc'ed, NUL-terminated). */
int encl_tree_read(struct encl_tree *t, const struct encl_node *n, size_t max, char **out,
		   size_t *len, struct encl_err *e) ENCL_MUST_CHECK;

/* Removes what matches the globs (fnmatch with FNM_PATHNAME|FNM_PERIOD off,
 * "**" spans folders), with everything below; *matched[i] counts per glob. */
int encl_tree_remove(struct encl_tree *t, const char *const *globs, size_t n,
		     size_t *matched, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Last step: clamps times to sde, refuses what an image cannot hold (a file
 * of 4 GiB or more, a name over 4095 bytes, an id or time out of range, a
 * socket), warns of xattrs that the format loses.  Every error names the path
 * and its origin.
 */
int encl_tree_normalise(struct encl_tree *t, uint64_t sde, enum encl_root_format format,
			struct encl_err *e) ENCL_MUST_CHECK;

/* Calls fn for every node but the root, in the byte order of full paths
 * ("a", "a-b", "a/b"), parents before children.  path has no leading slash.
 * fn may not change the tree. */
int encl_tree_walk(struct encl_tree *t,
		   int (*fn)(void *arg, const struct encl_node *n, const char *path,
			     struct encl_err *e),
		   void *arg, struct encl_err *e) ENCL_MUST_CHECK;

/* Names in the tree, the root not counted. */
size_t encl_tree_count(const struct encl_tree *t);
/* Sets every inode's tag to 0. */
void encl_tree_clear_tags(struct encl_tree *t);

/* Reads n bytes at off of a content (blob or data). */
int encl_content_read(const struct encl_content *c, uint64_t off, void *p, size_t n,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
