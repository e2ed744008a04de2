/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree: nodes and inodes in an arena, found by a hash of (parent, name).
 * Children are appended while a layer is applied and sorted once at its end,
 * so a folder of 100,000 names costs no more than a sort.
 */
#include "rootfs/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/internal.h"
#include "rootfs/layer.h"

enum { FIRST_SLOTS = 1024 };

/* ---- the hash ---- */

static size_t
hash_of(const struct encl_node *parent, const char *name, size_t n)
{
	uint64_t h = (uint64_t)(uintptr_t)parent * UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return (size_t)(h ^ h >> 29);
}

static size_t
home_of(const struct encl_tree *t, const struct encl_node *n)
{
	return hash_of(n->parent, n->name, strlen(n->name)) & (t->n_slots - 1);
}

static void
hash_put(struct encl_tree *t, struct encl_node *n)
{
	size_t at = home_of(t, n);

	while (t->slots[at])
		at = (at + 1) & (t->n_slots - 1);
	t->slots[at] = n;
}

static void
hash_grow(struct encl_tree *t)
{
	encl_auto(encl_free) struct encl_node **old = t->slots;
	size_t n_old = t->n_slots;

	t->n_slots = n_old * 2;
	t->slots = encl_xcalloc(t->n_slots, sizeof(struct encl_node *));
	for (size_t i = 0; i < n_old; i++)
		if (old[i])
			hash_put(t, old[i]);
}

/* Linear probing: what follows the hole and could have stood in it moves up. */
static void
hash_remove(struct encl_tree *t, const struct encl_node *n)
{
	size_t mask = t->n_slots - 1;
	size_t hole = home_of(t, n);

	while (t->slots[hole] != n)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; t->slots[i]; i = (i + 1) & mask) {
		size_t home = home_of(t, t->slots[i]);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = NULL;
}

struct encl_node *
encl_tree_child(struct encl_tree *t, const struct encl_node *parent, const char *name,
		size_t n)
{
	size_t at = hash_of(parent, name, n) & (t->n_slots - 1);

	for (; t->slots[at]; at = (at + 1) & (t->n_slots - 1)) {
		struct encl_node *c = t->slots[at];

		if (c->parent == parent && !strncmp(c->name, name, n) && !c->name[n])
			return c;
	}
	return NULL;
}

/* ---- inodes ---- */

struct encl_inode *
encl_tree_inode(struct encl_tree *t, enum encl_entry_type type)
{
	struct encl_inode *i = t->free_inodes;

	if (i) {
		t->free_inodes = (struct encl_inode *)(uintptr_t)i->origin;
		memset(i, 0, sizeof *i);
	} else {
		i = encl_arena_alloc(t->arena, sizeof *i);
	}
	i->type = type;
	i->nlink = 1;
	i->origin = t->origin ? &t->origin->public : NULL;
	return i;
}

void
encl_tree_inode_unref(struct encl_tree *t, struct encl_inode *i)
{
	if (--i->nlink)
		return;
	encl_blob_unref(i->content.blob);
	i->content.blob = NULL;
	i->origin = (const struct encl_origin *)t->free_inodes;
	t->free_inodes = i;
}

/* ---- nodes ---- */

static void
mark_dirty(struct encl_tree *t, struct encl_node *folder)
{
	if (folder->dirty)
		return;
	folder->dirty = 1;
	if (t->n_dirty == t->dirty_room) {
		t->dirty_room = t->dirty_room ? t->dirty_room * 2 : 64;
		t->dirty = encl_xrealloc(t->dirty, t->dirty_room, sizeof *t->dirty);
	}
	t->dirty[t->n_dirty++] = folder;
}

static void
append_child(struct encl_tree *t, struct encl_node *parent, struct encl_node *child)
{
	size_t n = parent->n_children;

	if (n == parent->room) {
		parent->room = parent->room ? parent->room * 2 : 2;
		parent->children =
			encl_xrealloc(parent->children, parent->room, sizeof child);
	}
	parent->children[parent->n_children++] = child;
	if (n && !parent->dirty && strcmp(parent->children[n - 1]->name, child->name) > 0)
		mark_dirty(t, parent);
}

static struct encl_node *
take_node(struct encl_tree *t)
{
	struct encl_node *n = t->free_nodes;

	if (!n)
		return encl_arena_alloc(t->arena, sizeof *n);
	t->free_nodes = n->parent;
	memset(n, 0, sizeof *n);
	return n;
}

static void
give_node(struct encl_tree *t, struct encl_node *n)
{
	memset(n, 0, sizeof *n);
	n->parent = t->free_nodes;
	t->free_nodes = n;
}

static size_t
path_length(const struct encl_node *n)
{
	size_t len = 0;

	for (; n->parent; n = n->parent)
		len += strlen(n->name) + 1;
	return len;
}

int
encl_tree_insert(struct encl_tree *t, struct encl_node *parent, const char *name,
		 size_t n, struct encl_inode *inode, struct encl_node **out,
		 struct encl_err *e)
{
	struct encl_node *c;

	if (t->count >= ENCL_TREE_MAX_NODES)
		return encl_fail(e, ENCL_FAILED, "the image has more than %d names",
				 ENCL_TREE_MAX_NODES);
	/* a symlink on the way can make the place longer than the path was */
	if (path_length(parent) + n > ENCL_PATH_MAX)
		return encl_fail(e, ENCL_FAILED, "the path is longer than %d bytes",
				 ENCL_PATH_MAX);
	c = take_node(t);
	c->name = encl_arena_strndup(t->arena, name, n);
	c->parent = parent;
	c->inode = inode;
	c->layer = t->layer & 0x7fffffff;
	append_child(t, parent, c);
	t->count++;
	if (t->count > t->n_slots / 2)
		hash_grow(t);
	hash_put(t, c);
	*out = c;
	return 0;
}

/* Releases all below folder, whose own entry stays: depth first, without
 * recursion, the way up by the parent. */
static void
release_below(struct encl_tree *t, struct encl_node *folder)
{
	struct encl_node *at = folder;

	for (;;) {
		struct encl_node *up = at->parent;

		if (at->n_children) {
			struct encl_node *c = at->children[--at->n_children];

			if (encl_tree_is_dropped(c))
				give_node(t, c);
			else
				at = c;
			continue;
		}
		free(at->children);
		at->children = NULL;
		at->room = 0;
		if (at == folder)
			return;
		hash_remove(t, at);
		encl_tree_inode_unref(t, at->inode);
		t->count--;
		give_node(t, at);
		at = up;
	}
}

void
encl_tree_replace(struct encl_tree *t, struct encl_node *n, struct encl_inode *inode)
{
	release_below(t, n);
	encl_tree_inode_unref(t, n->inode);
	n->inode = inode;
	n->layer = t->layer & 0x7fffffff;
}

void
encl_tree_drop(struct encl_tree *t, struct encl_node *n)
{
	release_below(t, n);
	hash_remove(t, n);
	encl_tree_inode_unref(t, n->inode);
	n->inode = NULL;
	t->count--;
	mark_dirty(t, n->parent);
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_node *const *x = a;
	const struct encl_node *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void
tidy_folder(struct encl_tree *t, struct encl_node *folder)
{
	size_t kept = 0;

	for (size_t i = 0; i < folder->n_children; i++) {
		struct encl_node *c = folder->children[i];

		if (encl_tree_is_dropped(c))
			give_node(t, c);
		else
			folder->children[kept++] = c;
	}
	folder->n_children = kept;
	folder->dirty = 0;
	if (kept > 1)
		qsort(folder->children, kept, sizeof *folder->children, by_name);
}

void
encl_tree_tidy(struct encl_tree *t)
{
	/* nodes are never given back to the system: a folder that went is
	 * clean, or dirty again as another one */
	for (size_t i = 0; i < t->n_dirty; i++)
		if (t->dirty[i]->dirty)
			tidy_folder(t, t->dirty[i]);
	t->n_dirty = 0;
}

/* ---- the whole ---- */

struct encl_tree *
encl_tree_new(struct encl_log *log)
{
	struct encl_tree *t = encl_xcalloc(1, sizeof *t);

	t->log = log;
	t->arena = encl_arena_new();
	t->n_slots = FIRST_SLOTS;
	t->slots = encl_xcalloc(t->n_slots, sizeof(struct encl_node *));
	t->scratch = encl_xmalloc(ENCL_PATH_MAX + 1);
	t->next_origin = &t->origins;
	t->root = take_node(t);
	t->root->name = "";
	t->root->inode = encl_tree_inode(t, ENCL_DIR);
	t->root->inode->mode = 0755;
	t->root->inode->mtime = INT64_MAX; /* clamped by normalise */
	encl_layer_init(t);
	return t;
}

void
encl_tree_free(struct encl_tree *t)
{
	if (!t)
		return;
	encl_layer_clear(t);
	release_below(t, t->root);
	free(t->slots);
	free(t->dirty);
	free(t->scratch);
	encl_arena_free(t->arena);
	free(t);
}

struct encl_node *
encl_tree_root(struct encl_tree *t)
{
	return t->root;
}

size_t
encl_tree_count(const struct encl_tree *t)
{
	return t->count;
}

char *
encl_node_path(const struct encl_node *n)
{
	size_t at = path_length(n);
	char *path = encl_xmalloc(at + 1);

	if (!at) {
		*path = 0;
		return path;
	}
	path[--at] = 0;
	for (; n->parent; n = n->parent) {
		size_t len = strlen(n->name);

		at -= len;
		memcpy(path + at, n->name, len);
		if (at)
			path[--at] = '/';
	}
	return path;
}
