/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths to nodes, as the kernel would walk them with this tree as its root:
 * symlinks are followed, absolute targets begin at the tree's root, ".." stops
 * there, and after 40 symlinks it is a loop.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/internal.h"

/* What remains of a path while targets are put in front of it. */
enum { REST_MAX = 64 * 1024 };

int
encl_tree_clean_path(const char *path, char *out, struct encl_err *e)
{
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && path[0] == '.' && path[1] == '.')
			return encl_fail(e, ENCL_FAILED, "the path has a \"..\"");
		if (len && !(len == 1 && path[0] == '.')) {
			if (n + (n > 0) + len > ENCL_PATH_MAX)
				return encl_fail(e, ENCL_FAILED,
						 "the path is longer than %d bytes",
						 ENCL_PATH_MAX);
			if (n)
				out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		path += *path == '/';
	}
	out[n] = 0;
	return 0;
}

struct walk {
	struct encl_tree *t;
	bool create;
	struct encl_node *at;
	const char *rest;
	size_t n;
	char *own; /* what rest points into after the first symlink */
	unsigned hops;
};

/* A folder that no layer states; INT64_MAX becomes sourceDateEpoch. */
static struct encl_inode *
implicit_folder(struct encl_tree *t)
{
	struct encl_inode *i = encl_tree_inode(t, ENCL_DIR);

	i->mode = 0755;
	i->mtime = INT64_MAX;
	return i;
}

static int
make_folder(struct walk *w, const char *name, size_t n, struct encl_err *e)
{
	struct encl_inode *i = implicit_folder(w->t);
	struct encl_node *c;

	if (encl_tree_insert(w->t, w->at, name, n, i, &c, e)) {
		encl_tree_inode_unref(w->t, i);
		return -1;
	}
	if (!w->t->n_implicit++)
		w->t->first_implicit = encl_node_path(c);
	w->at = c;
	return 0;
}

static int
follow(struct walk *w, const struct encl_node *link, struct encl_err *e)
{
	const char *target = link->inode->link;
	size_t n_target = strlen(target);
	char *joined;

	if (++w->hops > ENCL_SYMLINK_HOPS)
		return encl_fail(e, ENCL_FAILED, "more than %d symlinks in the path",
				 ENCL_SYMLINK_HOPS);
	if (n_target + 1 + w->n > REST_MAX)
		return encl_fail(e, ENCL_FAILED, "symlinks make the path too long");
	joined = encl_xasprintf("%s/%.*s", target, (int)w->n, w->rest);
	w->n += n_target + 1;
	free(w->own);
	w->own = joined;
	w->rest = joined;
	if (*target == '/')
		w->at = w->t->root;
	return 0;
}

/* Is there a component in what remains? */
static bool
has_more(const struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->rest[i] != '/')
			return true;
	return false;
}

/* One component; at becomes NULL where the walk ends without a result. */
static int
step(struct walk *w, const char *name, size_t len, struct encl_err *e)
{
	struct encl_node *c;

	if (len == 1 && name[0] == '.')
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		w->at = w->at->parent ? w->at->parent : w->t->root;
		return 0;
	}
	c = encl_tree_child(w->t, w->at, name, len);
	if (c && c->inode->type == ENCL_SYMLINK)
		return follow(w, c, e);
	if (c && c->inode->type != ENCL_DIR) {
		if (w->create)
			encl_tree_replace(w->t, c, implicit_folder(w->t));
		else if (has_more(w))
			c = NULL;
	}
	if (!c && w->create)
		return make_folder(w, name, len, e);
	w->at = c;
	return 0;
}

static int
run(struct walk *w, struct encl_err *e)
{
	while (w->n && w->at) {
		const char *name = w->rest;
		const char *slash = memchr(name, '/', w->n);
		size_t len = slash ? (size_t)(slash - name) : w->n;
		size_t skip = len + (slash != NULL);

		w->rest += skip;
		w->n -= skip;
		if (len && step(w, name, len, e))
			return -1;
	}
	return 0;
}

int
encl_tree_resolve(struct encl_tree *t, const char *path, size_t n, bool create,
		  struct encl_node **out, struct encl_err *e)
{
	struct walk w = {.t = t, .create = create, .at = t->root, .rest = path, .n = n};
	int rc = run(&w, e);

	free(w.own);
	if (rc == 0)
		*out = w.at;
	return rc;
}

int
encl_tree_parent(struct encl_tree *t, const char *path, bool create,
		 struct encl_node **parent, const char **name, struct encl_err *e)
{
	const char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	return encl_tree_resolve(t, path, slash ? (size_t)(slash - path) : 0, create,
				 parent, e);
}

struct encl_node *
encl_tree_find(struct encl_tree *t, const char *path)
{
	struct encl_node *n;
	struct encl_err e;

	return encl_tree_resolve(t, path, strlen(path), false, &n, &e) ? NULL : n;
}

struct encl_node *
encl_tree_find_nofollow(struct encl_tree *t, const char *path)
{
	size_t end = strlen(path);
	size_t begin;
	struct encl_node *parent;
	struct encl_err e;

	while (end && path[end - 1] == '/')
		end--;
	for (begin = end; begin && path[begin - 1] != '/';)
		begin--;
	if (end - begin <= 2 && strspn(path + begin, ".") >= end - begin)
		return encl_tree_find(t, path); /* "", "." and ".." */
	if (encl_tree_resolve(t, path, begin, false, &parent, &e) || !parent ||
	    parent->inode->type != ENCL_DIR)
		return NULL;
	return encl_tree_child(t, parent, path + begin, end - begin);
}

/* Depth is bounded by ENCL_PATH_MAX / 2.  True where something stays. */
static bool
prune_below(struct encl_tree *t, struct encl_node *folder)
{
	bool kept = false;

	for (size_t i = 0; i < folder->n_children; i++) {
		struct encl_node *c = folder->children[i];

		if (!encl_tree_is_dropped(c))
			kept |= encl_tree_prune(t, c);
	}
	return kept;
}

bool
encl_tree_prune(struct encl_tree *t, struct encl_node *n)
{
	bool below = prune_below(t, n);

	if (n->layer == t->layer || !n->parent)
		return true;
	if (!below) {
		encl_tree_drop(t, n);
		return false;
	}
	encl_tree_inode_unref(t, n->inode);
	n->inode = implicit_folder(t);
	n->layer = t->layer & 0x7fffffff;
	return true;
}

void
encl_tree_prune_below(struct encl_tree *t, struct encl_node *folder)
{
	(void)prune_below(t, folder);
}
