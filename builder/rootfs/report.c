/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk sums sizes by origin and by folder of the upper two levels, and
 * keeps the largest files: memory is the number of those folders and origins.
 */
#include "rootfs/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "rootfs/internal.h"

struct sum {
	char *path; /* folder or file; NULL for an origin */
	const struct encl_origin *origin;
	uint64_t files, bytes;
};

struct sums {
	struct sum *v;
	size_t n, room;
};

struct reporter {
	struct sums origins; /* in order of index */
	struct sums folders; /* in order of the walk */
	struct sums files;   /* the largest, by size */
	size_t newest[3];    /* of folders: 1 + index of the root's, level 1's, 2's */
	size_t most;
	uint64_t n_files, n_folders, n_symlinks, bytes;
};

static struct sum *
more(struct sums *s)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 32;
		s->v = encl_xrealloc(s->v, s->room, sizeof *s->v);
	}
	s->v[s->n] = (struct sum){0};
	return &s->v[s->n++];
}

static void
sums_clear(struct sums *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
}

static void
reporter_clear(struct reporter *r)
{
	sums_clear(&r->origins);
	sums_clear(&r->folders);
	sums_clear(&r->files);
}
ENCL_AUTO_VAL(struct reporter, reporter_clear);

static int
compare(const struct sum *x, const struct sum *y)
{
	int by_kind;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	if (x->path && y->path)
		return strcmp(x->path, y->path);
	if (!x->origin || !y->origin)
		return 0;
	by_kind = strcmp(x->origin->kind, y->origin->kind);
	return by_kind ? by_kind : strcmp(x->origin->name, y->origin->name);
}

static int
compare_any(const void *a, const void *b)
{
	return compare(a, b);
}

/* Insertion into a list that never grows beyond `most`. */
static void
keep_if_large(struct reporter *r, const char *path, const struct encl_inode *i)
{
	struct sums *s = &r->files;
	struct sum now = {(char *)(uintptr_t)path, i->origin, 1, i->content.size};
	size_t at;

	if (!r->most || (s->n == r->most && compare(&now, &s->v[s->n - 1]) > 0))
		return;
	if (s->n == r->most)
		free(s->v[--s->n].path);
	more(s);
	for (at = s->n - 1; at && compare(&now, &s->v[at - 1]) < 0; at--)
		s->v[at] = s->v[at - 1];
	now.path = encl_xstrdup(path);
	s->v[at] = now;
}

/* Length of the path's part that names a folder of the upper two levels; 0:
 * the file lies in the root. */
static size_t
folder_part(const char *path)
{
	const char *first = strchr(path, '/');
	const char *second = first ? strchr(first + 1, '/') : NULL;

	return (size_t)((second ? second : first ? first : path) - path);
}

/* In the walk's order what lies in one folder's subtree is in one run, so only
 * three sums can still grow: the root's, and the newest of either level. */
static struct sum *
folder_sum(struct reporter *r, const char *path)
{
	size_t n = folder_part(path);
	unsigned level = n == 0 ? 0 : memchr(path, '/', n) ? 2 : 1;
	struct sum *s;

	if (r->newest[level]) {
		s = &r->folders.v[r->newest[level] - 1];
		if (!n || (!strncmp(s->path, path, n) && !s->path[n]))
			return s;
	}
	s = more(&r->folders);
	s->path = n ? encl_xstrndup(path, n) : encl_xstrdup(".");
	r->newest[level] = r->folders.n;
	return s;
}

static int
count_one(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct reporter *r = arg;
	struct encl_inode *i = n->inode;
	struct sum *s;

	(void)e;
	r->n_folders += i->type == ENCL_DIR;
	r->n_symlinks += i->type == ENCL_SYMLINK;
	if (i->type != ENCL_REG || i->tag)
		return 0;
	i->tag = 1;
	r->n_files++;
	r->bytes += i->content.size;
	if (i->origin) {
		const struct encl_tree_origin *o =
			(const struct encl_tree_origin *)(const void *)i->origin;

		r->origins.v[o->index].files++;
		r->origins.v[o->index].bytes += i->content.size;
	}
	s = folder_sum(r, path);
	s->files++;
	s->bytes += i->content.size;
	keep_if_large(r, path, i);
	return 0;
}

/* Names are bytes; JSON takes UTF-8 only. */
static json_t *
text_json(const char *text)
{
	encl_auto(encl_free) char *escaped = NULL;
	json_t *v = json_string(text);

	if (v)
		return v;
	escaped = encl_escape(text, strlen(text));
	return json_string(escaped);
}

static json_t *
sum_json(const struct sum *s, const char *kind, const char *name)
{
	json_t *o = json_object();

	if (s->path)
		json_object_set_new(o, "path", text_json(s->path));
	if (kind) {
		json_object_set_new(o, "kind", text_json(kind));
		json_object_set_new(o, "name", text_json(name));
	}
	if (!s->path || !kind)
		json_object_set_new(o, "files", json_integer((json_int_t)s->files));
	json_object_set_new(o, "bytes", json_integer((json_int_t)s->bytes));
	return o;
}

static json_t *
sums_json(struct sums *s, size_t most)
{
	json_t *list = json_array();
	struct sum other = {0};

	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, compare_any);
	for (size_t i = 0; i < s->n; i++) {
		const struct encl_origin *o = s->v[i].origin;

		if (!s->v[i].files)
			continue;
		if (json_array_size(list) < most) {
			json_array_append_new(list, sum_json(&s->v[i], o ? o->kind : NULL,
							     o ? o->name : NULL));
			continue;
		}
		other.files += s->v[i].files;
		other.bytes += s->v[i].bytes;
	}
	if (other.files && !s->v[0].path)
		json_array_append_new(list, sum_json(&other, "other", ""));
	return list;
}

int
encl_tree_report(struct encl_tree *t, size_t most, json_t **out, struct encl_err *e)
{
	encl_auto(reporter_clear) struct reporter r = {.most = most};
	json_t *o;

	for (const struct encl_tree_origin *at = t->origins; at; at = at->next)
		more(&r.origins)->origin = &at->public;
	encl_tree_clear_tags(t);
	if (encl_tree_walk(t, count_one, &r, e))
		return -1;
	o = json_object();
	json_object_set_new(o, "names", json_integer((json_int_t)t->count));
	json_object_set_new(o, "files", json_integer((json_int_t)r.n_files));
	json_object_set_new(o, "folders", json_integer((json_int_t)r.n_folders));
	json_object_set_new(o, "symlinks", json_integer((json_int_t)r.n_symlinks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)r.bytes));
	json_object_set_new(o, "origins", sums_json(&r.origins, most));
	json_object_set_new(o, "largestFolders", sums_json(&r.folders, most));
	json_object_set_new(o, "largestFiles", sums_json(&r.files, most));
	*out = o;
	return 0;
}
