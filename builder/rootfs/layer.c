/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to tree: one layer applied to what is there, by the rules of OCI's
 * image-spec (layer.md), made strict where extractors differ
 * (docs/3-rootfs.md).  A node knows the layer that stated it, so whiteouts act
 * on lower layers only, wherever they stand in the layer.
 */
#include "rootfs/layer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/parse.h"
#include "rootfs/internal.h"

/* A chain of links to links is resolved from both ends in turn. */
enum { MAX_LINK_PASSES = 64 };

char *
encl_tree_shown(const char *text)
{
	enum { HALF = 120 };
	size_t n = strlen(text);
	char *all = n ? encl_escape(text, n) : encl_xstrdup("/");

	n = strlen(all);
	if (n > 2 * HALF + 3) {
		memset(all + HALF, '.', 3);
		memmove(all + HALF + 3, all + n - HALF, HALF + 1);
	}
	return all;
}

static int
wrap(const struct encl_tree *t, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_tree_shown(path);
	const struct encl_origin *o = &t->origin->public;

	return encl_wrap(e, "%s %s: %s", o->kind, o->name, shown);
}

/* ---- whiteouts ---- */

enum white { WHITE_NONE, WHITE_SKIP, WHITE_OPAQUE, WHITE_NAME };

static int
classify(const char *path, enum white *out, struct encl_err *e)
{
	*out = WHITE_NONE;
	while (*path) {
		size_t len = strcspn(path, "/");
		bool last = !path[len];

		if (!strncmp(path, ".wh.", 4)) {
			if (last && !strcmp(path, ".wh..wh..opq"))
				*out = WHITE_OPAQUE;
			else if (!strncmp(path, ".wh..wh.", 8))
				*out = WHITE_SKIP; /* what aufs keeps for itself */
			else if (!last)
				return encl_fail(e, ENCL_FAILED,
						 "a whiteout cannot be a folder");
			else if (len == 4 || !strcmp(path + 4, ".") ||
				 !strcmp(path + 4, ".."))
				return encl_fail(
					e, ENCL_FAILED,
					"a whiteout of nothing, \".\" or \"..\"");
			else
				*out = WHITE_NAME;
			return 0;
		}
		path += len + !last;
	}
	return 0;
}

static int
apply_whiteout(struct encl_tree *t, const char *path, enum white white,
	       struct encl_err *e)
{
	struct encl_node *parent;
	struct encl_node *c;
	const char *name;

	if (white == WHITE_SKIP)
		return 0;
	if (encl_tree_parent(t, path, false, &parent, &name, e))
		return -1;
	if (!parent || parent->inode->type != ENCL_DIR)
		return 0;
	if (white == WHITE_OPAQUE) {
		encl_tree_prune_below(t, parent);
		return 0;
	}
	name += strlen(".wh.");
	c = encl_tree_child(t, parent, name, strlen(name));
	if (c)
		(void)encl_tree_prune(t, c);
	return 0;
}

/* ---- entries ---- */

static struct encl_content
keep_content(struct encl_tree *t, const struct encl_content *c)
{
	struct encl_content kept = *c;

	if (!c->size)
		return (struct encl_content){0};
	if (c->blob) {
		kept.blob = encl_blob_ref(c->blob);
		return kept;
	}
	kept.data = encl_arena_memdup(t->arena, c->data, (size_t)c->size);
	kept.crc = encl_crc32(0, kept.data, (size_t)c->size);
	return kept;
}

static const char *
intern_xattr(struct encl_tree *t, const char *name)
{
	static const char *const usual[] = {"security.capability", "security.selinux",
					    "system.posix_acl_access",
					    "system.posix_acl_default", "user.overlay"};

	for (size_t i = 0; name && i < sizeof usual / sizeof *usual; i++)
		if (!strcmp(name, usual[i]))
			return usual[i];
	return name ? encl_arena_strdup(t->arena, name) : NULL;
}

static void
keep_xattrs(struct encl_tree *t, const struct encl_entry *entry, struct encl_inode *i)
{
	struct encl_xattr *kept;

	if (!entry->n_xattrs)
		return;
	kept = encl_arena_alloc(t->arena, entry->n_xattrs * sizeof *kept);
	for (size_t n = 0; n < entry->n_xattrs; n++) {
		const struct encl_xattr *x = &entry->xattrs[n];

		kept[n] = (struct encl_xattr){
			intern_xattr(t, x->name),
			encl_arena_memdup(t->arena, x->value, x->size), x->size};
	}
	i->xattrs = kept;
	i->n_xattrs = entry->n_xattrs;
}

static int
check_entry(const struct encl_entry *entry, struct encl_err *e)
{
	if (entry->type == ENCL_CHR && !entry->dev_major && !entry->dev_minor)
		return encl_fail(e, ENCL_FAILED,
				 "a character device 0:0 (a whiteout of overlayfs, which "
				 "layers do not have)");
	if (entry->type == ENCL_SYMLINK && (!entry->link || !*entry->link))
		return encl_fail(e, ENCL_FAILED, "a symlink without a target");
	if (entry->type == ENCL_SYMLINK && strlen(entry->link) > ENCL_PATH_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "the symlink's target is longer than %d bytes",
				 ENCL_PATH_MAX);
	return 0;
}

struct encl_inode *
encl_tree_inode_of(struct encl_tree *t, const struct encl_entry *entry)
{
	struct encl_inode *i = encl_tree_inode(t, entry->type);

	i->mode = entry->mode & 07777;
	i->uid = entry->uid;
	i->gid = entry->gid;
	i->mtime = entry->mtime;
	i->lost_xattr = intern_xattr(t, entry->lost_xattr);
	keep_xattrs(t, entry, i);
	if (entry->type == ENCL_CHR || entry->type == ENCL_BLK) {
		i->dev_major = entry->dev_major;
		i->dev_minor = entry->dev_minor;
	}
	if (entry->type == ENCL_SYMLINK) {
		i->mode = 0777; /* what the kernel shows of any symlink */
		i->link = encl_arena_strdup(t->arena, entry->link);
	}
	if (entry->type == ENCL_REG)
		i->content = keep_content(t, &entry->content);
	return i;
}

static bool
leads_to_folder(struct encl_tree *t, const struct encl_node *link)
{
	encl_auto(encl_free) char *path = encl_node_path(link);
	const struct encl_node *to = encl_tree_find(t, path);

	return to && to->inode->type == ENCL_DIR;
}

/* Puts an inode under a name; takes over one count of it. */
static int
place(struct encl_tree *t, struct encl_node *parent, const char *name,
      struct encl_inode *inode, struct encl_err *e)
{
	struct encl_node *old = encl_tree_child(t, parent, name, strlen(name));

	if (!old) {
		if (!encl_tree_insert(t, parent, name, strlen(name), inode, &old, e))
			return 0;
		encl_tree_inode_unref(t, inode);
		return -1;
	}
	if (inode->type == ENCL_DIR && old->inode->type == ENCL_DIR) {
		encl_tree_inode_unref(t, old->inode);
		old->inode = inode;
		old->layer = t->layer & 0x7fffffff;
		return 0;
	}
	if (inode->type == ENCL_DIR && old->inode->type == ENCL_SYMLINK &&
	    !t->whiteouts && leads_to_folder(t, old)) {
		encl_tree_inode_unref(t, inode);
		return 0;
	}
	if (old->layer == t->layer)
		encl_debug(t->log, "%s %s: two entries are named %s; the last one counts",
			   t->origin->public.kind, t->origin->public.name, name);
	encl_tree_replace(t, old, inode);
	return 0;
}

static bool
is_folder(struct encl_tree *t, const char *path)
{
	const struct encl_node *n = encl_tree_find(t, path);

	return n && n->inode->type == ENCL_DIR;
}

static int
state_root(struct encl_tree *t, const struct encl_entry *entry, struct encl_err *e)
{
	if (entry->type != ENCL_DIR)
		return encl_fail(e, ENCL_FAILED, "the root can only be a folder");
	encl_tree_inode_unref(t, t->root->inode);
	t->root->inode = encl_tree_inode_of(t, entry);
	return 0;
}

/* ---- hard links ---- */

/* found is false where the target is not there. */
static int
apply_link(struct encl_tree *t, const char *path, const char *target,
	   const struct encl_content *content, bool *found, struct encl_err *e)
{
	struct encl_node *parent, *from, *to = NULL;
	const char *name, *to_name;

	if (encl_tree_parent(t, path, true, &parent, &name, e) ||
	    encl_tree_parent(t, target, false, &from, &to_name, e))
		return -1;
	if (from && from->inode->type == ENCL_DIR)
		to = encl_tree_child(t, from, to_name, strlen(to_name));
	*found = to != NULL;
	if (!to)
		return 0;
	if (to->inode->type == ENCL_DIR)
		return encl_fail(e, ENCL_FAILED, "a hard link to a folder");
	if (content->size && to->inode->type != ENCL_REG)
		return encl_fail(e, ENCL_FAILED,
				 "a hard link with content to what is not a file");
	if (content->size) {
		struct encl_content kept = keep_content(t, content);

		encl_blob_unref(to->inode->content.blob);
		to->inode->content = kept;
	}
	if (to == encl_tree_child(t, parent, name, strlen(name)))
		return 0; /* a link to itself */
	to->inode->nlink++;
	return place(t, parent, name, to->inode, e);
}

static int
defer_link(struct encl_tree *t, const char *path, const char *target,
	   const struct encl_content *content, struct encl_err *e)
{
	struct encl_tree_link *l;
	struct encl_node *parent, *old;
	const char *name;

	/* the entry replaces what was there now, not at the end of the layer */
	if (encl_tree_parent(t, path, true, &parent, &name, e))
		return -1;
	old = encl_tree_child(t, parent, name, strlen(name));
	if (old)
		encl_tree_drop(t, old);
	l = encl_xcalloc(1, sizeof *l);
	l->path = encl_xstrdup(path);
	l->target = encl_xstrdup(target);
	l->content = keep_content(t, content);
	l->next = t->links;
	t->links = l;
	return 0;
}

static int
add_link(struct encl_tree *t, const char *path, const struct encl_entry *entry,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *target = encl_xmalloc(ENCL_PATH_MAX + 1);
	bool found;

	if (!entry->link || !*entry->link)
		return encl_fail(e, ENCL_FAILED, "a hard link without a target");
	if (encl_tree_clean_path(entry->link, target, e))
		return encl_wrap(e, "hard link");
	if (!*target)
		return encl_fail(e, ENCL_FAILED, "a hard link to a folder");
	if (apply_link(t, path, target, &entry->content, &found, e))
		return -1;
	return found ? 0 : defer_link(t, path, target, &entry->content, e);
}

static void
free_link(struct encl_tree_link *l)
{
	encl_blob_unref(l->content.blob);
	free(l->path);
	free(l->target);
	free(l);
}

/* One pass over the deferred links; what stays is in reverse order. */
static int
link_pass(struct encl_tree *t, size_t *done, struct encl_err *e)
{
	struct encl_tree_link *todo = encl_take(t->links, NULL);
	int rc = 0;

	while (todo) {
		struct encl_tree_link *l = todo;
		bool found = true;

		todo = l->next;
		/* a name that has come since counts more than the link */
		if (rc == 0 && !encl_tree_find_nofollow(t, l->path)) {
			rc = apply_link(t, l->path, l->target, &l->content, &found, e);
			if (rc)
				wrap(t, l->path, e);
		}
		if (found) {
			(*done)++;
			free_link(l);
			continue;
		}
		l->next = t->links;
		t->links = l;
	}
	return rc;
}

static int
finish_links(struct encl_tree *t, struct encl_err *e)
{
	for (unsigned pass = 0; t->links; pass++) {
		encl_auto(encl_free) char *target = NULL;
		size_t done = 0;

		if (link_pass(t, &done, e))
			return -1;
		if (!t->links || (done && pass < MAX_LINK_PASSES))
			continue;
		target = encl_tree_shown(t->links->target);
		encl_fail(e, ENCL_FAILED, "hard link to %s, which is not there", target);
		return wrap(t, t->links->path, e);
	}
	return 0;
}

/* ---- the sink ---- */

void
encl_tree_set_item(struct encl_tree *t, const char *item, const struct encl_pos *pos)
{
	t->item = (struct encl_tree_item){0};
	if (item)
		t->item.item = encl_arena_strdup(t->arena, item);
	if (item && !pos->file)
		t->item.line = pos->line;
}

struct encl_tree_item
encl_tree_item_of(const struct encl_origin *o)
{
	return ((const struct encl_tree_origin *)(const void *)o)->item;
}

struct encl_tree_origin *
encl_tree_add_origin(struct encl_tree *t, const struct encl_origin *origin,
		     const struct encl_tree_item *item)
{
	struct encl_tree_origin *o = encl_arena_alloc(t->arena, sizeof *o);

	o->public.kind = encl_arena_strdup(t->arena, origin->kind);
	o->public.name = encl_arena_strdup(t->arena, origin->name);
	o->item.item = item->item ? encl_arena_strdup(t->arena, item->item) : NULL;
	o->item.line = item->line;
	o->index = t->n_origins++;
	*t->next_origin = o;
	t->next_origin = &o->next;
	t->origin = o;
	return o;
}

static int
begin(struct encl_entry_sink *s, const struct encl_origin *origin, int whiteouts,
      struct encl_err *e)
{
	struct encl_tree *t = (struct encl_tree *)s;

	if (t->layer == 0x7fffffff)
		return encl_fail(e, ENCL_FAILED, "too many layers");
	t->layer++;
	encl_tree_add_origin(t, origin, &t->item);
	t->whiteouts = whiteouts != 0;
	encl_layer_clear(t);
	return 0;
}

static int
add_clean(struct encl_tree *t, const char *path, const struct encl_entry *entry,
	  struct encl_err *e)
{
	enum white white = WHITE_NONE;
	struct encl_node *parent;
	const char *name;

	if (t->whiteouts && classify(path, &white, e))
		return -1;
	if (white != WHITE_NONE)
		return apply_whiteout(t, path, white, e);
	if (entry->merge && is_folder(t, path))
		return 0;
	if (!*path)
		return state_root(t, entry, e);
	if (entry->type == ENCL_HARDLINK)
		return add_link(t, path, entry, e);
	if (check_entry(entry, e) || encl_tree_parent(t, path, true, &parent, &name, e))
		return -1;
	return place(t, parent, name, encl_tree_inode_of(t, entry), e);
}

static int
add(struct encl_entry_sink *s, const struct encl_entry *entry, struct encl_err *e)
{
	struct encl_tree *t = (struct encl_tree *)s;

	if (encl_tree_clean_path(entry->path, t->scratch, e) ||
	    add_clean(t, t->scratch, entry, e))
		return wrap(t, entry->path, e);
	return 0;
}

/* Images are meant to state every folder; files that are laid over are not. */
static void
tell_implicit(const struct encl_tree *t)
{
	const struct encl_origin *o = &t->origin->public;
	encl_auto(encl_free) char *shown = NULL;
	encl_auto(encl_free) char *text = NULL;

	if (!t->n_implicit)
		return;
	shown = encl_tree_shown(t->first_implicit);
	text = encl_xasprintf("%s %s: %zu folders that it does not state were made with "
			      "0755 0:0: %s%s",
			      o->kind, o->name, t->n_implicit, shown,
			      t->n_implicit > 1 ? " …" : "");
	if (t->whiteouts)
		encl_warn(t->log, "%s", text);
	else
		encl_debug(t->log, "%s", text);
}

static int
end(struct encl_entry_sink *s, struct encl_err *e)
{
	struct encl_tree *t = (struct encl_tree *)s;

	if (finish_links(t, e))
		return -1;
	encl_tree_tidy(t);
	tell_implicit(t);
	encl_layer_clear(t);
	return 0;
}

void
encl_layer_init(struct encl_tree *t)
{
	t->sink = (struct encl_entry_sink){begin, add, end};
}

void
encl_layer_clear(struct encl_tree *t)
{
	while (t->links) {
		struct encl_tree_link *l = t->links;

		t->links = l->next;
		free_link(l);
	}
	free(t->first_implicit);
	t->first_implicit = NULL;
	t->n_implicit = 0;
}

struct encl_entry_sink *
encl_tree_sink(struct encl_tree *t)
{
	return &t->sink;
}
