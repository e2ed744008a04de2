/* SPDX-License-Identifier: Apache-2.0 */
/* The names of two images, side by side: one row for each that is not the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "ramdisk/squashfs.h"
#include "verify/diff_internal.h"

static const char *
type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "symlink";
	case S_IFCHR:
		return "character device";
	case S_IFBLK:
		return "block device";
	case S_IFIFO:
		return "fifo";
	default:
		return "other";
	}
}

static json_t *
mode_json(const struct encl_item *item)
{
	char text[16];

	(void)snprintf(text, sizeof text, "%04o", item->mode & 07777);
	return json_string(text);
}

static json_t *
numbers_json(uint32_t a, char between, uint32_t b)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%" PRIu32 "%c%" PRIu32, a, between, b);
	return json_string(text);
}

static json_t *
digest_json(const struct encl_item *item)
{
	char text[ENCL_DIGEST_TEXT];

	if (!item->has_digest)
		return NULL;
	encl_digest_format(&item->digest, text);
	return json_string(text);
}

static json_t *
optional_text(const char *s)
{
	return s ? encl_json_text(s) : NULL;
}

/* {"user.x": "hex"} */
static json_t *
xattrs_json(const struct encl_item *item)
{
	json_t *v = json_object();

	for (size_t i = 0; i < item->n_xattrs; i++) {
		const struct encl_xattr *x = &item->xattrs[i];
		encl_auto(encl_free) char *hex = encl_xmalloc(2 * x->size + 1);
		encl_auto(encl_free) char *name = encl_escape(x->name, strlen(x->name));

		encl_hex(x->value, x->size, hex);
		json_object_set_new(v, name, json_string(hex));
	}
	return v;
}

static bool
same_xattrs(const struct encl_item *a, const struct encl_item *b)
{
	if (a->n_xattrs != b->n_xattrs)
		return false;
	for (size_t i = 0; i < a->n_xattrs; i++) {
		const struct encl_xattr *x = &a->xattrs[i];
		const struct encl_xattr *y = &b->xattrs[i];

		if (strcmp(x->name, y->name) != 0 || x->size != y->size ||
		    (x->size && memcmp(x->value, y->value, x->size) != 0))
			return false;
	}
	return true;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool
is_device(const struct encl_item *i)
{
	return S_ISCHR(i->mode) || S_ISBLK(i->mode);
}

static void
set(json_t *fields, const char *name, json_t *a, json_t *b)
{
	json_object_set_new(fields, name, encl_diff_values(a, b));
}

/* What differs between two entries of one name, but for the content. */
static json_t *
compare_fields(const struct encl_item *a, const struct encl_item *b)
{
	json_t *f = json_object();

	if ((a->mode & S_IFMT) != (b->mode & S_IFMT))
		set(f, "type", json_string(type_name(a->mode)),
		    json_string(type_name(b->mode)));
	if ((a->mode & 07777) != (b->mode & 07777))
		set(f, "mode", mode_json(a), mode_json(b));
	if (a->uid != b->uid || a->gid != b->gid)
		set(f, "owner", numbers_json(a->uid, ':', a->gid),
		    numbers_json(b->uid, ':', b->gid));
	if (a->mtime != b->mtime)
		set(f, "mtime", json_integer(a->mtime), json_integer(b->mtime));
	if (!same_text(a->link, b->link))
		set(f, "link", optional_text(a->link), optional_text(b->link));
	if (!same_text(a->same_as, b->same_as))
		set(f, "hardlink", optional_text(a->same_as), optional_text(b->same_as));
	if (is_device(a) && is_device(b) &&
	    (a->dev_major != b->dev_major || a->dev_minor != b->dev_minor))
		set(f, "device", numbers_json(a->dev_major, ',', a->dev_minor),
		    numbers_json(b->dev_major, ',', b->dev_minor));
	if (!same_xattrs(a, b))
		set(f, "xattrs", xattrs_json(a), xattrs_json(b));
	return f;
}

static bool
same_content(const struct encl_item *a, const struct encl_item *b)
{
	return a->has_digest == b->has_digest &&
	       (!a->has_digest || encl_digest_equal(&a->digest, &b->digest));
}

static bool
same_owner(const struct encl_owner *a, const struct encl_owner *b)
{
	return !strcmp(a->kind, b->kind) && !strcmp(a->name, b->name);
}

static void
dump_later(struct encl_differ *d, unsigned side, const struct encl_item *item)
{
	if (!d->o->dump)
		return;
	d->dumped[side] = encl_xrealloc(d->dumped[side], d->n_dumped[side] + 1,
					sizeof *d->dumped[side]);
	d->dumped[side][d->n_dumped[side]++] = item;
}

/* item is B's, or A's where B has none.  NULL where there is no room for more. */
static json_t *
add_row(struct encl_differ *d, const struct encl_item *item, const struct encl_item *a,
	const struct encl_item *b)
{
	json_t *files = json_object_get(d->out, "Files");
	const struct encl_owner *owner = item->owner ? item->owner : a ? a->owner : NULL;
	json_t *row;

	d->in_ramdisk[item->ramdisk]++;
	d->in_squashfs[item->ramdisk] += item->in_squashfs;
	*(!a ? &d->added : !b ? &d->removed : &d->changed) += 1;
	if (json_array_size(files) == ENCL_DIFF_MAX_FILES)
		return NULL;
	if (a)
		dump_later(d, 0, a);
	if (b)
		dump_later(d, 1, b);
	row = json_object();
	json_object_set_new(row, "Path", encl_json_text(item->path));
	json_object_set_new(row, "Ramdisk", json_integer((json_int_t)item->ramdisk));
	json_object_set_new(row, "Change",
			    json_string(!a   ? "added"
					: !b ? "removed"
					     : "changed"));
	json_object_set_new(row, "Fields", json_object());
	json_object_set_new(row, "PCRs",
			    encl_diff_pcrs(d, ENCL_SECTION_RAMDISK, item->ramdisk));
	if (owner)
		json_object_set_new(row, "Owner", encl_owner_json(owner));
	if (owner && a && a->owner && !same_owner(owner, a->owner))
		json_object_set_new(row, "OwnerA", encl_owner_json(a->owner));
	json_array_append_new(files, row);
	return row;
}

/* One that only one image has: all that it is. */
static void
add_alone(struct encl_differ *d, const struct encl_item *item, bool added)
{
	json_t *row = add_row(d, item, added ? NULL : item, added ? item : NULL);
	json_t *f = json_object_get(row, "Fields");
	struct {
		const char *name;
		json_t *value;
	} values[] = {
		{"type", json_string(type_name(item->mode))},
		{"mode", mode_json(item)},
		{"owner", numbers_json(item->uid, ':', item->gid)},
		{"mtime", json_integer(item->mtime)},
		{"size",
		 S_ISREG(item->mode) ? json_integer((json_int_t)item->size) : NULL},
		{"content", digest_json(item)},
		{"link", optional_text(item->link)},
		{"hardlink", optional_text(item->same_as)},
		{"device", is_device(item)
				   ? numbers_json(item->dev_major, ',', item->dev_minor)
				   : NULL},
		{"xattrs", item->n_xattrs ? xattrs_json(item) : NULL},
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		if (row && values[i].value)
			set(f, values[i].name,
			    added ? NULL : json_incref(values[i].value),
			    added ? json_incref(values[i].value) : NULL);
		json_decref(values[i].value);
	}
}

/* Both have it.  packed: a squashfs whose files are told one by one. */
static void
add_changed(struct encl_differ *d, const struct encl_item *a, const struct encl_item *b,
	    bool packed)
{
	encl_auto(json_decref) json_t *f = compare_fields(a, b);
	bool same = same_content(a, b) || packed;
	json_t *row;

	if (!same && a->size != b->size)
		set(f, "size", json_integer((json_int_t)a->size),
		    json_integer((json_int_t)b->size));
	if (!same)
		set(f, "content", digest_json(a), digest_json(b));
	if (!json_object_size(f))
		return;
	row = add_row(d, b, a, b);
	if (!row)
		return;
	json_object_set(row, "Fields", f);
	if (same || !a->has_digest || !b->has_digest)
		return;
	d->pairs = encl_xrealloc(d->pairs, d->n_pairs + 1, sizeof *d->pairs);
	d->pairs[d->n_pairs++] = (struct encl_diff_pair){a, b, row};
}

static int
by_name(const struct encl_item *a, const struct encl_item *b)
{
	if (a->ramdisk != b->ramdisk)
		return a->ramdisk < b->ramdisk ? -1 : 1;
	return strcmp(a->path, b->path);
}

static bool
is_squashfs(const struct encl_item *item)
{
	return !item->in_squashfs && S_ISREG(item->mode) &&
	       !strcmp(item->path, ENCL_SQUASHFS_NAME);
}

static void
add_squashfs(struct encl_differ *d, const struct encl_item *a, const struct encl_item *b)
{
	bool told = d->in_squashfs[a->ramdisk] > 0;
	json_t *files = json_object_get(d->out, "Files");
	size_t n = json_array_size(files);

	add_changed(d, a, b, told);
	if (!told && !same_content(a, b) && json_array_size(files) > n)
		json_object_set_new(json_array_get(files, n), "Text",
				    json_string("the same files, packed in another way"));
}

void
encl_diff_files(struct encl_differ *d)
{
	size_t i = 0;
	size_t k = 0;
	/* told after their files: whether those explain them is known then */
	const struct encl_item *packed[ENCL_EIF_MAX_SECTIONS][2] = {{NULL}};

	for (;;) {
		const struct encl_item *a = i < d->a->n_items ? &d->a->items[i] : NULL;
		const struct encl_item *b = k < d->b->n_items ? &d->b->items[k] : NULL;
		int c;

		if (!a && !b)
			break;
		c = !a ? 1 : !b ? -1 : by_name(a, b);
		i += c <= 0;
		k += c >= 0;
		if (c < 0)
			add_alone(d, a, false);
		else if (c > 0)
			add_alone(d, b, true);
		else if (is_squashfs(a) && is_squashfs(b))
			packed[a->ramdisk][0] = a, packed[a->ramdisk][1] = b;
		else
			add_changed(d, a, b, false);
	}
	for (size_t r = 0; r < ENCL_EIF_MAX_SECTIONS; r++)
		if (packed[r][0] && packed[r][1])
			add_squashfs(d, packed[r][0], packed[r][1]);
}
