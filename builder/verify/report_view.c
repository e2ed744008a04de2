/* SPDX-License-Identifier: Apache-2.0 */
/* An inventory with its shares to the three trees of a report. */
#include "verify/report_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"

enum { FOLDERS_DEEP = ENCL_AREA_DEPTH - 4, LABEL = 96 };

#define ROOT_FOLDER "rootfs/"

enum encl_moves
encl_section_moves(enum encl_section_type type, size_t ramdisk)
{
	switch (type) {
	case ENCL_SECTION_KERNEL:
	case ENCL_SECTION_CMDLINE:
		return ENCL_MOVES_BOOT;
	case ENCL_SECTION_RAMDISK:
		return ramdisk ? ENCL_MOVES_APP : ENCL_MOVES_BOOT;
	case ENCL_SECTION_SIGNATURE:
		return ENCL_MOVES_SIGNER;
	default:
		return ENCL_MOVES_NONE;
	}
}

const char *
encl_moves_name(enum encl_moves m)
{
	static const char *const names[] = {"no PCR", "PCR0, PCR1", "PCR0, PCR2", "PCR8"};

	return names[m];
}

const char *
encl_moves_class(enum encl_moves m)
{
	static const char *const names[] = {"none", "boot", "app", "signer"};

	return names[m];
}

const char *
encl_item_package(const struct encl_item *item)
{
	const struct encl_owner *o = item->package ? item->package : item->owner;

	return o && !strcmp(o->kind, "package") ? o->name : NULL;
}

static struct encl_area *
add_leaf(struct encl_arena *arena, struct encl_area *parent, const char *name,
	 uint64_t bytes, enum encl_moves moves, bool overhead)
{
	struct encl_area *a = encl_area_add(arena, parent, name, name);

	a->bytes = bytes;
	a->moves = moves;
	a->overhead = overhead;
	return a;
}

/* ---- by two names ---- */

struct row {
	const char *group, *part; /* part may be NULL: files stand in the group */
	const struct encl_item *item;
	uint64_t bytes;
	enum encl_moves moves;
};

static int
by_names(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;
	int order = strcmp(x->group, y->group);

	order = order ? order : strcmp(x->part ? x->part : "", y->part ? y->part : "");
	return order ? order
	       : x->item->ramdisk != y->item->ramdisk
		       ? (x->item->ramdisk < y->item->ramdisk ? -1 : 1)
		       : strcmp(x->item->path, y->item->path);
}

/* Where the manifest says which item of it, that; else the kind. */
static void
name_origin(struct row *r)
{
	const struct encl_owner *o = r->item->owner;

	if (o) {
		r->group = o->item ? o->item : o->kind;
		r->part = o->name;
	} else {
		r->group = r->item->ramdisk ? "of unknown origin" : "boot ramdisk";
		r->part = NULL;
	}
}

static void
name_package(struct row *r)
{
	const char *package = encl_item_package(r->item);

	r->group = package	      ? package
		   : r->item->ramdisk ? "of no package"
				      : "boot ramdisk";
	r->part = NULL;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void
add_rows(struct encl_arena *arena, struct encl_area *root, const struct row *rows,
	 size_t n)
{
	struct encl_area *group = NULL;
	struct encl_area *part = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		bool new_group = !i || strcmp(r->group, rows[i - 1].group) != 0;
		const char *before = i ? rows[i - 1].part : NULL;
		struct encl_area *leaf;

		if (new_group) {
			group = encl_area_add(arena, root, r->group, r->group);
			group->moves = r->moves;
		}
		if (new_group || !r->part || !before || strcmp(r->part, before) != 0) {
			part = r->part ? encl_area_add(arena, group, r->part, r->part)
				       : group;
			part->moves = r->moves;
		}
		leaf = encl_area_add(arena, part, last_part(r->item->path),
				     r->item->path);
		leaf->bytes = r->bytes;
		leaf->moves = r->moves;
		leaf->files = 1;
	}
}

static void
add_named(struct encl_arena *arena, struct encl_area *root, enum encl_view view,
	  const struct encl_inventory *i, const struct encl_shares *s)
{
	encl_auto(encl_free) struct row *rows =
		encl_xcalloc(i->n_items + 1, sizeof *rows);
	size_t n = 0;

	for (size_t k = 0; k < i->n_items; k++) {
		struct row *r = &rows[n];

		if (!s->v[k])
			continue;
		r->item = &i->items[k];
		r->bytes = s->v[k];
		r->moves = encl_section_moves(ENCL_SECTION_RAMDISK, r->item->ramdisk);
		if (view == ENCL_VIEW_ORIGIN)
			name_origin(r);
		else
			name_package(r);
		n++;
	}
	if (n)
		qsort(rows, n, sizeof *rows, by_names);
	add_rows(arena, root, rows, n);
}

/* ---- by folder ---- */

/* The folders that are open: paths come in byte order, those of one folder together. */
struct folders {
	struct encl_arena *arena;
	struct encl_area *v[FOLDERS_DEEP + 1];
	size_t ends[FOLDERS_DEEP + 1]; /* of the folder's path, with its slash */
	size_t n;
	const char *path; /* the last one */
	enum encl_moves moves;
};

static void
open_folders(struct folders *f, const char *path)
{
	while (f->n > 1 && strncmp(f->path, path, f->ends[f->n - 1]) != 0)
		f->n--;
	while (f->n <= FOLDERS_DEEP) {
		size_t from = f->ends[f->n - 1];
		const char *slash = strchr(path + from, '/');
		char *name;
		char *about;

		if (!slash || !slash[1])
			return;
		name = encl_arena_strndup(f->arena, path + from,
					  (size_t)(slash + 1 - path) - from);
		about = encl_arena_strndup(f->arena, path, (size_t)(slash + 1 - path));
		f->v[f->n] = encl_area_add(f->arena, f->v[f->n - 1], name, about);
		f->v[f->n]->moves = f->moves;
		f->ends[f->n] = (size_t)(slash + 1 - path);
		f->n++;
	}
}

static void
add_folder_file(struct folders *f, const struct encl_item *item, uint64_t bytes)
{
	struct encl_area *leaf;

	open_folders(f, item->path);
	leaf = encl_area_add(f->arena, f->v[f->n - 1], item->path + f->ends[f->n - 1],
			     item->path);
	leaf->bytes = bytes;
	leaf->moves = f->moves;
	leaf->files = 1;
	f->path = item->path;
}

static void
add_folders(struct encl_arena *arena, struct encl_area *group, size_t ramdisk,
	    const struct encl_inventory *i, const struct encl_shares *s)
{
	const struct encl_ramdisk_share *r = &s->ramdisks[ramdisk];
	struct folders f = {.arena = arena, .v = {group}, .n = 1, .path = ""};

	f.moves = encl_section_moves(ENCL_SECTION_RAMDISK, ramdisk);
	for (size_t k = r->first; k < r->end; k++)
		if (s->v[k])
			add_folder_file(&f, &i->items[k], s->v[k]);
}

/* ---- all ---- */

static const char *
ramdisk_label(struct encl_arena *arena, const struct encl_ramdisk_share *r, size_t number)
{
	char text[LABEL];

	(void)snprintf(text, sizeof text, "ramdisk %zu%s%s", number,
		       number ? "" : " (boot)",
		       r->packed	 ? ", compressed"
		       : r->has_squashfs ? ", squashfs"
					 : "");
	return encl_arena_strdup(arena, text);
}

static const char *
overhead_label(struct encl_arena *arena, size_t number)
{
	char text[LABEL];

	(void)snprintf(text, sizeof text, "headers and padding of ramdisk %zu", number);
	return encl_arena_strdup(arena, text);
}

/* "kernel: package linux-image-… (boot.kernel)", where it is known. */
static const char *
section_about(struct encl_arena *arena, const char *name, const struct encl_owner *owner)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char *all = NULL;

	if (!owner)
		return name;
	text = encl_owner_text(owner, NULL);
	all = encl_xasprintf("%s: %s", name, text);
	return encl_arena_strdup(arena, all);
}

static void
add_sections(struct encl_arena *arena, struct encl_area *root,
	     const struct encl_inventory *i, const struct encl_shares *s)
{
	static const char *const names[] = {
		[ENCL_SECTION_KERNEL] = "kernel",
		[ENCL_SECTION_CMDLINE] = "command line",
		[ENCL_SECTION_SIGNATURE] = "signature",
		[ENCL_SECTION_METADATA] = "metadata",
	};

	for (size_t k = 0; k < i->eif->n_sections; k++) {
		const struct encl_eif_section *x = &i->eif->sections[k];

		if (x->type != ENCL_SECTION_RAMDISK)
			add_leaf(arena, root, names[x->type], x->size,
				 encl_section_moves(x->type, 0), false)
				->about = section_about(arena, names[x->type],
							i->sections[x->type]);
	}
	add_leaf(arena, root, "headers of the image and its sections", s->headers,
		 ENCL_MOVES_NONE, true);
}

struct encl_area *
encl_view_tree(struct encl_arena *arena, enum encl_view view,
	       const struct encl_inventory *i, const struct encl_shares *s)
{
	struct encl_area *root = encl_arena_alloc(arena, sizeof *root);

	root->name = root->about = "image";
	add_sections(arena, root, i, s);
	for (size_t k = 0; k < s->n_ramdisks; k++) {
		const char *label = ramdisk_label(arena, &s->ramdisks[k], k);
		struct encl_area *group =
			view == ENCL_VIEW_FOLDER
				? encl_area_add(arena, root, label, label)
				: root;

		if (view == ENCL_VIEW_FOLDER) {
			group->moves = encl_section_moves(ENCL_SECTION_RAMDISK, k);
			add_folders(arena, group, k, i, s);
		}
		add_leaf(arena, group, overhead_label(arena, k), s->ramdisks[k].overhead,
			 encl_section_moves(ENCL_SECTION_RAMDISK, k), true);
	}
	if (view != ENCL_VIEW_FOLDER)
		add_named(arena, root, view, i, s);
	encl_area_sum(root);
	return root;
}
