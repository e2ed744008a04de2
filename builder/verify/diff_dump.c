/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs of two images to DIR/A and DIR/B, for diffoscope: contents below
 * ramdiskN/, every changed name as a line of ramdiskN.list (docs/3-rootfs.md), and the
 * sections that differ.  Names are the images': folders are opened one by one without
 * following links, files are made new, links of the images are not made at all (the
 * list has them).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "rootfs/list.h"
#include "verify/diff_internal.h"

enum { CHUNK = 1 << 16, NAME = 48 };

struct dump {
	struct encl_contents_taker taker; /* first */
	struct encl_sink_fd sink;
	int dir;     /* DIR/A or DIR/B */
	int ramdisk; /* below it */
	int file;    /* that is being written */
};

static int
fail_at(const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(path, strlen(path));

	if (errno == ELOOP || errno == ENOTDIR)
		return encl_fail(e, ENCL_FAILED,
				 "dump %s: what it stands in is no folder", shown);
	return encl_fail_sys(e, ENCL_FAILED, "dump %s", shown);
}

/* Opens a folder in dir, which is made where it is not there. */
static int
enter(int dir, const char *name, int *out)
{
	if (mkdirat(dir, name, 0755) && errno != EEXIST)
		return -1;
	*out = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *out < 0 ? -1 : 0;
}

static bool
is_name(const char *s)
{
	return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* The path's last component, which points into copy, and its folder; NULL: failed. */
static char *
enter_parents(int root, char *copy, int *out, const char *shown, struct encl_err *e)
{
	encl_auto(encl_close_fd) int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
	char *name = copy;

	if (at < 0) {
		fail_at(shown, e);
		return NULL;
	}
	for (char *slash = strchr(name, '/'); slash; slash = strchr(name, '/')) {
		int next = -1;

		*slash = 0;
		if (!*name || !strcmp(name, ".")) { /* "./x" */
			name = slash + 1;
			continue;
		}
		if (!is_name(name) || enter(at, name, &next)) {
			errno = is_name(name) ? errno : EINVAL;
			fail_at(shown, e);
			return NULL;
		}
		encl_close_fd(at);
		at = next;
		name = slash + 1;
	}
	if (!is_name(name)) {
		errno = EINVAL;
		fail_at(shown, e);
		return NULL;
	}
	*out = encl_take(at, -1);
	return name;
}

static int
open_content(struct encl_contents_taker *t, const struct encl_item *item,
	     struct encl_sink **sink, struct encl_err *e)
{
	struct dump *d = (struct dump *)t;
	encl_auto(encl_close_fd) int parent = -1;
	encl_auto(encl_free) char *copy = encl_xstrdup(item->path);
	const char *name = enter_parents(d->ramdisk, copy, &parent, item->path, e);

	if (!name)
		return -1;
	d->file = openat(parent, name,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (d->file < 0)
		return fail_at(item->path, e);
	encl_sink_fd_init(&d->sink, d->file, "dump");
	*sink = &d->sink.sink;
	return 0;
}

static int
close_content(struct encl_contents_taker *t, const struct encl_item *item,
	      struct encl_err *e)
{
	struct dump *d = (struct dump *)t;
	int file = encl_take(d->file, -1);

	if (file >= 0 && close(file))
		return fail_at(item->path, e);
	return 0;
}

static int
write_list(int dir, const char *name, const struct encl_item *const *items, size_t n,
	   struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	encl_auto(encl_buf_clear) struct encl_buf lines = {.len = 0};
	struct encl_sink_fd sink;

	if (fd < 0)
		return fail_at(name, e);
	encl_sink_fd_init(&sink, fd, name);
	for (size_t i = 0; i < n; i++) {
		const struct encl_item *item = items[i];
		const struct encl_list_line line = {
			.path = item->path,
			.mode = item->mode,
			.uid = item->uid,
			.gid = item->gid,
			.mtime = item->mtime,
			.size = item->size,
			.dev_major = item->dev_major,
			.dev_minor = item->dev_minor,
			.link = item->link,
			.same_as = item->same_as,
			.digest = item->has_digest ? &item->digest : NULL,
			.xattrs = item->xattrs,
			.n_xattrs = item->n_xattrs,
		};

		if (encl_list_put(&lines, &line, &sink.sink, e))
			return -1;
	}
	return encl_list_flush(&lines, &sink.sink, e);
}

/* The other image does not have this content under this name. */
static bool
is_new(const struct encl_inventory *other, const struct encl_item *item)
{
	const struct encl_item *there =
		encl_inventory_find(other, item->ramdisk, item->path);

	return !there || !there->has_digest ||
	       !encl_digest_equal(&there->digest, &item->digest);
}

/* Names of one ramdisk: the list, and contents (a file's further names are in the
 * list only). */
static int
dump_ramdisk(const struct encl_inventory *i, const struct encl_inventory *other,
	     const struct encl_item *const *items, size_t n, size_t ramdisk,
	     struct dump *d, struct encl_err *e)
{
	encl_auto(encl_free) const struct encl_item **files =
		encl_xcalloc(n + 1, sizeof *files);
	encl_auto(encl_free) const struct encl_item **all =
		encl_xcalloc(n + 1, sizeof *all);
	encl_auto(encl_close_fd) int folder = -1;
	char name[NAME];
	size_t n_files = 0;
	size_t n_all = 0;

	for (size_t k = 0; k < n; k++) {
		if (items[k]->ramdisk != ramdisk)
			continue;
		all[n_all++] = items[k];
		if (S_ISREG(items[k]->mode) && is_new(other, items[k]))
			files[n_files++] = items[k];
	}
	if (!n_all)
		return 0;
	(void)snprintf(name, sizeof name, "ramdisk%zu.list", ramdisk);
	if (write_list(d->dir, name, all, n_all, e))
		return -1;
	(void)snprintf(name, sizeof name, "ramdisk%zu", ramdisk);
	if (enter(d->dir, name, &folder))
		return fail_at(name, e);
	d->ramdisk = folder;
	return encl_inventory_pass(i, files, n_files, &d->taker, e);
}

static int
copy_section(const struct encl_eif *eif, const struct encl_eif_section *s, int dir,
	     const char *name, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	encl_auto(encl_free) uint8_t *chunk = encl_xmalloc(CHUNK);

	if (fd < 0)
		return fail_at(name, e);
	for (uint64_t at = 0; at < s->size;) {
		size_t n = s->size - at < CHUNK ? (size_t)(s->size - at) : CHUNK;

		if (encl_pread_full(eif->fd, chunk, n, s->offset + at, eif->path, e) ||
		    encl_pwrite_full(fd, chunk, n, at, name, e))
			return -1;
		at += n;
	}
	return 0;
}

/* A JSON document over lines, so that they can be compared. */
static int
write_metadata(const struct encl_eif *eif, int dir, struct encl_err *e)
{
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_close_fd) int fd =
		openat(dir, "metadata.json",
		       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return fail_at("metadata.json", e);
	if (encl_json_parse(eif->metadata, strlen(eif->metadata), "metadata", &v, e))
		return -1;
	text = encl_json_pretty(v);
	return encl_pwrite_full(fd, text, strlen(text), 0, "metadata.json", e);
}

/* Whether the row of a section that is one of a kind is in the result. */
static bool
differs(const struct encl_differ *d, enum encl_section_type type)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(d->out, "Sections"), i, row)
		if (!strcmp(json_string_value(json_object_get(row, "Type")),
			    encl_section_name(type)))
			return true;
	return false;
}

static int
dump_sections(const struct encl_differ *d, const struct encl_eif *eif, int dir,
	      struct encl_err *e)
{
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];
		int rc = 0;

		if (s->type == ENCL_SECTION_RAMDISK || !differs(d, s->type))
			continue;
		if (s->type == ENCL_SECTION_METADATA)
			rc = write_metadata(eif, dir, e);
		else
			rc = copy_section(eif, s, dir,
					  s->type == ENCL_SECTION_SIGNATURE
						  ? "signature.cbor"
						  : encl_section_name(s->type),
					  e);
		if (rc)
			return -1;
	}
	return 0;
}

static int
dump_side(const struct encl_differ *d, unsigned side, int root, struct encl_err *e)
{
	const struct encl_inventory *i = side ? d->b : d->a;
	encl_auto(encl_close_fd) int dir = -1;
	struct dump x = {.taker = {open_content, close_content}, .file = -1};

	if (mkdirat(root, side ? "B" : "A", 0755))
		return encl_fail_sys(e, ENCL_FAILED, "%s/%c", d->o->dump,
				     side ? 'B' : 'A');
	if (enter(root, side ? "B" : "A", &dir))
		return fail_at(side ? "B" : "A", e);
	x.dir = dir;
	for (size_t r = 0; r < i->n_ramdisks; r++) {
		int rc = dump_ramdisk(i, side ? d->a : d->b, d->dumped[side],
				      d->n_dumped[side], r, &x, e);

		encl_close_fd(encl_take(x.file, -1));
		if (rc)
			return -1;
	}
	return dump_sections(d, i->eif, dir, e);
}

int
encl_diff_dump(struct encl_differ *d, struct encl_err *e)
{
	encl_auto(encl_close_fd) int root = -1;

	if (encl_make_dirs(d->o->dump, 0755, e))
		return -1;
	root = open(d->o->dump, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", d->o->dump);
	return dump_side(d, 0, root, e) || dump_side(d, 1, root, e) ? -1 : 0;
}
