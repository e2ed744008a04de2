/* SPDX-License-Identifier: Apache-2.0 */
/* Owners as text, and a table of them by path (libc's hash tables). */
#include "verify/owner.h"

#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"

struct row {
	const char *path;
	const struct encl_owner *owner;
};

/* The owner of the last path that was added: a layer's paths come one by one. */
struct encl_origins {
	struct encl_arena *arena;
	void *root; /* tsearch */
	const struct encl_owner *last;
};

static json_t *
text_json(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

json_t *
encl_owner_json(const struct encl_owner *o)
{
	json_t *v = json_object();

	json_object_set_new(v, "Kind", text_json(o->kind));
	json_object_set_new(v, "Name", text_json(o->name));
	if (o->item)
		json_object_set_new(v, "Item", text_json(o->item));
	if (o->line)
		json_object_set_new(v, "Line", json_integer((json_int_t)o->line));
	return v;
}

char *
encl_owner_text(const struct encl_owner *o, const char *manifest)
{
	if (!o->item && !o->line)
		return encl_xasprintf("%s %s", o->kind, o->name);
	if (!o->line || !manifest)
		return encl_xasprintf("%s %s (%s)", o->kind, o->name,
				      o->item ? o->item : "?");
	if (!o->item)
		return encl_xasprintf("%s %s (%s:%u)", o->kind, o->name, manifest,
				      o->line);
	return encl_xasprintf("%s %s (%s, %s:%u)", o->kind, o->name, o->item, manifest,
			      o->line);
}

struct encl_origins *
encl_origins_new(void)
{
	struct encl_origins *o = encl_xcalloc(1, sizeof *o);

	o->arena = encl_arena_new();
	return o;
}

static void
keep(void *entry)
{
	(void)entry; /* the arena's */
}

void
encl_origins_free(struct encl_origins *o)
{
	if (!o)
		return;
	tdestroy(o->root, keep);
	encl_arena_free(o->arena);
	free(o);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->path, ((const struct row *)b)->path);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static const struct encl_owner *
owner_of(struct encl_origins *o, const struct encl_owner *from)
{
	struct encl_owner *copy;

	if (o->last && same_text(o->last->kind, from->kind) &&
	    same_text(o->last->name, from->name) &&
	    same_text(o->last->item, from->item) && o->last->line == from->line)
		return o->last;
	copy = encl_arena_alloc(o->arena, sizeof *copy);
	copy->kind = encl_arena_strdup(o->arena, from->kind);
	copy->name = encl_arena_strdup(o->arena, from->name);
	copy->item = from->item ? encl_arena_strdup(o->arena, from->item) : NULL;
	copy->line = from->line;
	return o->last = copy;
}

void
encl_origins_add(struct encl_origins *o, const char *path, const struct encl_owner *owner)
{
	const struct encl_owner *copy = owner_of(o, owner);
	struct row *entry = encl_arena_alloc(o->arena, sizeof *entry);
	struct row **found;

	entry->path = encl_arena_strdup(o->arena, path);
	found = tsearch(entry, &o->root, compare);
	if (!found)
		abort();
	(*found)->owner = copy;
}

const struct encl_owner *
encl_origins_find(const struct encl_origins *o, const char *path)
{
	const struct row key = {.path = path};
	struct row *const *found = tfind(&key, &o->root, compare);

	return found ? (*found)->owner : NULL;
}
