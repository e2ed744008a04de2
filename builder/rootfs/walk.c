/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree in the byte order of full paths: "a", "a-b", "a/b".  Siblings are
 * sorted by name, but what is below "a" comes after "a-b", as '-' < '/'.  So a
 * folder's inside waits on a stack until the next sibling no longer sorts
 * before it: memory is the depth of the tree and of names that are prefixes of
 * their siblings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/internal.h"

struct frame {
	const struct encl_node *folder;
	size_t next;	 /* child */
	size_t waiting;	 /* where this folder's part of the waiting stack begins */
	size_t path_len; /* with the final slash */
};

struct walker {
	struct frame *frames;
	size_t n_frames, frames_room;
	const struct encl_node **waiting;
	size_t n_waiting, waiting_room;
	char *path; /* 2 * ENCL_PATH_MAX bytes: nodes are no deeper than the limit */
};

static void
walker_clear(struct walker *w)
{
	free(w->frames);
	free(w->waiting);
	free(w->path);
}
ENCL_AUTO_VAL(struct walker, walker_clear);

static void
enter(struct walker *w, const struct encl_node *folder, size_t path_len)
{
	if (w->n_frames == w->frames_room) {
		w->frames_room = w->frames_room ? 2 * w->frames_room : 32;
		w->frames = encl_xrealloc(w->frames, w->frames_room, sizeof *w->frames);
	}
	w->frames[w->n_frames++] = (struct frame){folder, 0, w->n_waiting, path_len};
}

static void
postpone(struct walker *w, const struct encl_node *folder)
{
	if (w->n_waiting == w->waiting_room) {
		w->waiting_room = w->waiting_room ? 2 * w->waiting_room : 32;
		w->waiting =
			encl_xrealloc(w->waiting, w->waiting_room, sizeof(const void *));
	}
	w->waiting[w->n_waiting++] = folder;
}

/* Does "sibling" sort before "folder/"? Siblings come in order, so it is
 * enough to look at those that begin with the folder's name. */
static bool
before_inside(const struct encl_node *sibling, const struct encl_node *folder)
{
	size_t n = strlen(folder->name);

	return !strncmp(sibling->name, folder->name, n) &&
	       (unsigned char)sibling->name[n] < '/';
}

static size_t
put_name(struct walker *w, size_t at, const struct encl_node *n)
{
	size_t len = strlen(n->name);

	memcpy(w->path + at, n->name, len + 1);
	return at + len;
}

/* The next step in the topmost frame; node is NULL where it was no node. */
static const struct encl_node *
step(struct walker *w)
{
	struct frame *f = &w->frames[w->n_frames - 1];
	const struct encl_node *n =
		f->next < f->folder->n_children ? f->folder->children[f->next] : NULL;

	if (w->n_waiting > f->waiting) {
		const struct encl_node *inside = w->waiting[w->n_waiting - 1];

		if (!n || !before_inside(n, inside)) {
			size_t end = put_name(w, f->path_len, inside);

			w->path[end] = '/';
			w->n_waiting--;
			enter(w, inside, end + 1);
			return NULL;
		}
	}
	if (!n) {
		w->n_frames--;
		return NULL;
	}
	f->next++;
	put_name(w, f->path_len, n);
	if (n->n_children)
		postpone(w, n);
	return n;
}

int
encl_tree_walk(struct encl_tree *t,
	       int (*fn)(void *arg, const struct encl_node *n, const char *path,
			 struct encl_err *e),
	       void *arg, struct encl_err *e)
{
	encl_auto(walker_clear) struct walker w = {0};

	encl_tree_tidy(t);
	w.path = encl_xmalloc((size_t)2 * (ENCL_PATH_MAX + 1));
	enter(&w, t->root, 0);
	while (w.n_frames) {
		const struct encl_node *n = step(&w);

		if (n && fn(arg, n, w.path, e))
			return -1;
	}
	return 0;
}

static int
clear_tag(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	(void)arg;
	(void)path;
	(void)e;
	n->inode->tag = 0;
	return 0;
}

void
encl_tree_clear_tags(struct encl_tree *t)
{
	struct encl_err e;

	t->root->inode->tag = 0;
	if (encl_tree_walk(t, clear_tag, NULL, &e))
		abort(); /* clear_tag does not fail */
}
