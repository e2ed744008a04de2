/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Globs against the tree.  A glob is a list of components, matched one a
 * level; the set of components that may come next is a bit mask handed down
 * the tree, so "**" costs no backtracking.  Symlinks are not followed.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/internal.h"

enum { MAX_COMPONENTS = 63, MAX_DEPTH = ENCL_PATH_MAX / 2 + 2 };

struct glob {
	char *text; /* components, NUL-separated */
	const char *v[MAX_COMPONENTS];
	unsigned n;
};

struct frame {
	struct encl_node *folder;
	size_t next;
	uint64_t mask; /* bit i: component i may match a child's name */
};

static void
glob_clear(struct glob *g)
{
	free(g->text);
}
ENCL_AUTO_VAL(struct glob, glob_clear);

static int
compile(const char *text, struct glob *g, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_tree_shown(text);
	char *save = NULL;

	g->text = encl_xstrdup(text);
	for (char *c = strtok_r(g->text, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
		if (!strcmp(c, "."))
			continue;
		if (!strcmp(c, ".."))
			return encl_fail(e, ENCL_USAGE, "remove: %s has a \"..\"", shown);
		if (g->n == MAX_COMPONENTS)
			return encl_fail(e, ENCL_USAGE,
					 "remove: %s has more than %d components", shown,
					 MAX_COMPONENTS);
		g->v[g->n++] = c;
	}
	if (!g->n)
		return encl_fail(e, ENCL_USAGE, "remove: \"%s\" is the root", text);
	return 0;
}

static bool
is_any_depth(const struct glob *g, unsigned i)
{
	return i < g->n && !strcmp(g->v[i], "**");
}

/* "**" may match no folder at all, unless it is the last component. */
static uint64_t
with_skips(const struct glob *g, uint64_t mask)
{
	for (unsigned i = 0; i + 1 < g->n; i++)
		if (mask >> i & 1 && is_any_depth(g, i))
			mask |= UINT64_C(2) << i;
	return mask;
}

/* The mask below a child of that name; bit g->n: the child itself matches. */
static uint64_t
descend(const struct glob *g, uint64_t mask, const char *name)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < g->n; i++) {
		if (!(mask >> i & 1))
			continue;
		if (!is_any_depth(g, i))
			below |= fnmatch(g->v[i], name, 0) ? 0 : UINT64_C(2) << i;
		else
			below |= i + 1 == g->n ? UINT64_C(2) << i : UINT64_C(1) << i;
	}
	return with_skips(g, below);
}

static size_t
remove_glob(struct encl_tree *t, const struct glob *g)
{
	encl_auto(encl_free) struct frame *frames =
		encl_xcalloc(MAX_DEPTH + 1, sizeof *frames);
	size_t depth = 1;
	size_t matched = 0;

	frames[0] = (struct frame){t->root, 0, with_skips(g, 1)};
	while (depth) {
		struct frame *f = &frames[depth - 1];
		struct encl_node *c;
		uint64_t mask;

		if (f->next == f->folder->n_children) {
			depth--;
			continue;
		}
		c = f->folder->children[f->next++];
		if (encl_tree_is_dropped(c))
			continue;
		mask = descend(g, f->mask, c->name);
		if (mask >> g->n & 1) {
			encl_tree_drop(t, c);
			matched++;
		} else if (mask && c->n_children && depth <= MAX_DEPTH) {
			frames[depth++] = (struct frame){c, 0, mask};
		}
	}
	return matched;
}

int
encl_tree_remove(struct encl_tree *t, const char *const *globs, size_t n, size_t *matched,
		 struct encl_err *e)
{
	for (size_t i = 0; i < n; i++) {
		encl_auto(glob_clear) struct glob g = {0};
		size_t count;

		if (compile(globs[i], &g, e))
			return -1;
		count = remove_glob(t, &g);
		encl_tree_tidy(t);
		if (matched)
			matched[i] = count;
	}
	return 0;
}
