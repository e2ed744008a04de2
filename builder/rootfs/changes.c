/* SPDX-License-Identifier: Apache-2.0 */
/* A tree before and after a layer, to what overlayfs needs of that layer. */
#include "rootfs/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "rootfs/internal.h"

/* ---- names ---- */

static int
note_name(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct encl_tree_names *names = arg;

	(void)n;
	(void)e;
	names->v[names->n++] = encl_arena_strdup(names->arena, path);
	return 0;
}

int
encl_tree_names(struct encl_tree *t, struct encl_tree_names *out, struct encl_err *e)
{
	encl_auto(encl_tree_names_clear) struct encl_tree_names names = {
		.arena = encl_arena_new()};

	names.v = encl_xcalloc(encl_tree_count(t) + 1, sizeof *names.v);
	if (encl_tree_walk(t, note_name, &names, e))
		return -1;
	*out = names;
	memset(&names, 0, sizeof names);
	return 0;
}

void
encl_tree_names_clear(struct encl_tree_names *n)
{
	free(n->v);
	encl_arena_free(n->arena);
	memset(n, 0, sizeof *n);
}

/* ---- copies ---- */

struct graft {
	struct encl_tree *from, *to;
	const struct encl_tree_names *before;
	size_t next; /* in before */
	struct encl_node *folder;
	struct encl_tree_origin *origin; /* of the layer */
	struct encl_inode **shared;	 /* copies of inodes with several names, by tag */
	size_t n_shared, room;
	uint64_t bytes;
};

/* What an item of the manifest brought is not the layer's as a whole. */
static void
keep_origin(struct graft *g, const struct encl_origin *from)
{
	struct encl_tree_origin *o =
		(struct encl_tree_origin *)(uintptr_t)(const void *)from;

	if (!o || !o->item.item) {
		g->to->origin = g->origin;
		return;
	}
	if (!o->copy)
		o->copy = encl_tree_add_origin(g->to, from, &o->item);
	g->to->origin = o->copy;
}

static struct encl_inode *
copy_inode(struct graft *g, const struct encl_inode *i)
{
	const struct encl_entry entry = {
		.type = i->type,
		.mode = i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.mtime = i->mtime,
		.dev_major = i->dev_major,
		.dev_minor = i->dev_minor,
		.link = i->link,
		.content = i->content,
		.xattrs = i->xattrs,
		.n_xattrs = i->n_xattrs,
		.lost_xattr = i->lost_xattr,
	};

	if (i->type == ENCL_REG)
		g->bytes += i->content.size;
	else if (i->type == ENCL_SYMLINK)
		g->bytes += strlen(i->link);
	keep_origin(g, i->origin);
	return encl_tree_inode_of(g->to, &entry);
}

/* One count of a copy, shared by the names that are copied. */
static struct encl_inode *
inode_for(struct graft *g, struct encl_inode *i)
{
	if (i->type == ENCL_DIR || i->nlink == 1)
		return copy_inode(g, i);
	if (i->tag) {
		g->shared[i->tag - 1]->nlink++;
		return g->shared[i->tag - 1];
	}
	if (g->n_shared == g->room) {
		g->room = g->room ? 2 * g->room : 64;
		g->shared = encl_xrealloc(g->shared, g->room, sizeof *g->shared);
	}
	g->shared[g->n_shared++] = copy_inode(g, i);
	i->tag = (uint32_t)g->n_shared;
	return g->shared[g->n_shared - 1];
}

static struct encl_inode *
whiteout(struct graft *g)
{
	g->to->origin = g->origin;
	return encl_tree_inode(g->to, ENCL_CHR); /* 0000 0:0, device 0:0 */
}

/* A path of from (gone: of what was there before) and the folders on the way
 * to it that are not in the copy yet. */
static int
put(struct graft *g, const char *path, bool gone, struct encl_err *e)
{
	const struct encl_node *at = g->from->root;
	struct encl_node *copy = g->folder;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool last = !p[n];
		struct encl_node *next = encl_tree_child(g->to, copy, p, n);
		struct encl_inode *inode;

		at = gone && last ? NULL : encl_tree_child(g->from, at, p, n);
		if (!next) {
			inode = at ? inode_for(g, at->inode) : whiteout(g);
			if (encl_tree_insert(g->to, copy, p, n, inode, &next, e)) {
				encl_tree_inode_unref(g->to, inode);
				return -1;
			}
		}
		copy = next;
		p += n + !last;
	}
	return 0;
}

/* Is the folder of this path still one?  Else nothing shines through. */
static bool
has_folder(struct encl_tree *t, const char *path)
{
	const struct encl_node *at = t->root;
	const char *p = path;

	for (const char *slash; at && (slash = strchr(p, '/')); p = slash + 1) {
		at = encl_tree_child(t, at, p, (size_t)(slash - p));
		if (at && at->inode->type != ENCL_DIR)
			return false;
	}
	return at != NULL;
}

/* White-outs for the names that come before path (NULL: for the rest). */
static int
put_gone(struct graft *g, const char *path, struct encl_err *e)
{
	for (; g->before && g->next < g->before->n; g->next++) {
		const char *old = g->before->v[g->next];
		int order = path ? strcmp(old, path) : -1;

		if (order > 0)
			return 0;
		if (order == 0)
			continue;
		if (has_folder(g->from, old) && put(g, old, true, e))
			return -1;
	}
	return 0;
}

static int
graft_one(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct graft *g = arg;

	if (put_gone(g, path, e))
		return -1;
	if (g->before && n->layer != (g->from->layer & 0x7fffffff))
		return 0;
	return put(g, path, false, e);
}

static int
make_folder(struct graft *g, const char *path, struct encl_err *e)
{
	const char *slash = strrchr(path, '/');
	size_t up = slash ? (size_t)(slash - path) : 0;
	const char *name = slash ? slash + 1 : path;
	encl_auto(encl_free) char *parent = encl_xstrndup(path, up);
	struct encl_node *p = encl_tree_find_nofollow(g->to, parent);
	struct encl_inode *inode;

	if (!p || p->inode->type != ENCL_DIR ||
	    encl_tree_child(g->to, p, name, strlen(name)))
		return encl_fail(e, ENCL_FAILED, "%s: no place for a layer", path);
	inode = copy_inode(g, g->from->root->inode);
	if (!encl_tree_insert(g->to, p, name, strlen(name), inode, &g->folder, e))
		return 0;
	encl_tree_inode_unref(g->to, inode);
	return -1;
}

int
encl_tree_graft(struct encl_tree *from, const struct encl_tree_names *before,
		struct encl_tree *to, const char *folder, uint64_t *bytes,
		struct encl_err *e)
{
	struct graft g = {.from = from, .to = to, .before = before, .origin = to->origin};
	int rc;

	encl_tree_clear_tags(from);
	for (struct encl_tree_origin *o = from->origins; o; o = o->next)
		o->copy = NULL;
	rc = make_folder(&g, folder, e);
	if (rc == 0)
		rc = encl_tree_walk(from, graft_one, &g, e);
	if (rc == 0)
		rc = put_gone(&g, NULL, e);
	to->origin = g.origin;
	free(g.shared);
	*bytes = g.bytes;
	return rc;
}
