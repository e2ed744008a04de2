/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The databases of an image to packages and to owners of its files: dpkg's
 * (var/lib/dpkg/status and info, or status.d as distroless images have it) and apk's
 * (lib/apk/db/installed).  They say /bin/x where a tree has usr/bin/x: folders that
 * are links are followed, inside the tree only.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "rootfs/tree.h"
#include "sources/deb822.h"
#include "verify/inventory_internal.h"

enum {
	MAX_PACKAGES = 100000,
	/* of a name when databases' paths are looked up, for all of them together: a
	 * hundred thousand files take less than a million */
	MAX_STEPS = 20000000
};

struct reader {
	struct encl_inventory *out;
	struct encl_databases *databases;
	uint8_t *shared; /* an item each: a folder that several packages list */
	size_t room;	 /* of out->packages */
	size_t steps;
	/* the root that is looked at */
	size_t ramdisk;
	const char *root;
	const char *distribution;
	/* the package */
	size_t package;
	const struct encl_owner *owner;
};

/* ---- databases ---- */

void
encl_databases_clear(struct encl_databases *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].text);
	free(d->v);
	memset(d, 0, sizeof *d);
}

void
encl_databases_add(struct encl_databases *d, const struct encl_database *one)
{
	d->v = encl_xrealloc(d->v, d->n + 1, sizeof *d->v);
	d->v[d->n] = *one;
	d->v[d->n].seq = d->n;
	d->bytes += one->n;
	d->n++;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s);
	size_t m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

const char *
encl_database_path(const char *path, const char **root)
{
	static const char *const files[] = {"var/lib/dpkg/status", "lib/apk/db/installed",
					    "usr/lib/apk/db/installed", "etc/os-release",
					    "usr/lib/os-release"};
	static const char info[] = "var/lib/dpkg/info/";
	static const char status[] = "var/lib/dpkg/status.d/";
	bool below = !strncmp(path, "rootfs/", 7);
	const char *p = below ? path + 7 : path;

	*root = below ? "rootfs/" : "";
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (!strcmp(p, files[i]))
			return p;
	if (!strncmp(p, status, sizeof status - 1))
		return p;
	if (!strncmp(p, info, sizeof info - 1) &&
	    (ends_with(p, ".list") || ends_with(p, ".md5sums")))
		return p;
	return NULL;
}

static int
compare(const struct encl_database *x, const struct encl_database *y)
{
	int c;

	if (x->ramdisk != y->ramdisk)
		return x->ramdisk < y->ramdisk ? -1 : 1;
	c = strcmp(x->root, y->root);
	return c ? c : strcmp(x->path, y->path);
}

/* The last one of a path comes first. */
static int
by_place(const void *a, const void *b)
{
	const struct encl_database *x = a;
	const struct encl_database *y = b;
	int c = compare(x, y);

	if (c)
		return c;
	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

/* The one that holds; NULL: there is none, in the root that is looked at. */
static const struct encl_database *
find(const struct reader *r, const char *path)
{
	const struct encl_database key = {
		.path = path, .root = r->root, .ramdisk = r->ramdisk};
	size_t low = 0;
	size_t high = r->databases->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&r->databases->v[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->databases->n || compare(&r->databases->v[low], &key) != 0)
		return NULL;
	return &r->databases->v[low];
}

/* ---- paths ---- */

struct walk {
	char done[ENCL_PATH_MAX + 16]; /* below root, links followed */
	char todo[2 * ENCL_PATH_MAX + 16];
	unsigned hops;
};

static void
up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	if (slash)
		*slash = 0;
	else
		*w->done = 0;
}

static const struct encl_item *
item_at(struct reader *r, const char *path)
{
	char full[ENCL_PATH_MAX + 32];
	size_t n = strlen(r->root);

	r->steps++;
	if (n + strlen(path) >= sizeof full)
		return NULL;
	memcpy(full, r->root, n);
	memcpy(full + n, path, strlen(path) + 1);
	return encl_inventory_find(r->out, r->ramdisk, full);
}

/* The first component of todo goes to done; false where that cannot be. */
static bool
step(struct reader *r, struct walk *w, const struct encl_item **item)
{
	char rest[sizeof w->todo];
	size_t n = strcspn(w->todo, "/");
	size_t have = strlen(w->done);
	bool last = !w->todo[n];

	r->steps++;
	memcpy(rest, w->todo + n, strlen(w->todo + n) + 1);
	if (!n || (n == 1 && *w->todo == '.')) {
		memmove(w->todo, rest + !last, strlen(rest + !last) + 1);
		return true;
	}
	if (n == 2 && !memcmp(w->todo, "..", 2)) {
		up(w);
		memmove(w->todo, rest + !last, strlen(rest + !last) + 1);
		return true;
	}
	if (have + n + 2 > sizeof w->done)
		return false;
	if (have)
		w->done[have++] = '/';
	memcpy(w->done + have, w->todo, n);
	w->done[have + n] = 0;
	memcpy(w->todo, rest + !last, strlen(rest + !last) + 1);
	*item = item_at(r, w->done);
	if (last || !*item || !S_ISLNK((*item)->mode))
		return true;
	n = strlen((*item)->link);
	if (++w->hops > ENCL_SYMLINK_HOPS || n + strlen(rest) >= sizeof w->todo)
		return false;
	memcpy(w->todo, (*item)->link, n);
	memcpy(w->todo + n, rest, strlen(rest) + 1);
	if (*(*item)->link == '/')
		*w->done = 0;
	else
		up(w);
	return true;
}

/* The item of a path of a database, folders followed; NULL: there is none. */
static const struct encl_item *
resolve(struct reader *r, const char *path)
{
	struct walk w = {.hops = 0};
	const struct encl_item *item = item_at(r, path);

	if (item || strlen(path) > ENCL_PATH_MAX)
		return item;
	memcpy(w.todo, path, strlen(path) + 1);
	while (*w.todo && r->steps < MAX_STEPS)
		if (!step(r, &w, &item))
			return NULL;
	return item;
}

/* ---- owners ---- */

/* A line of a package's list: n bytes at path, with or without a slash before. */
static int
claim(struct reader *r, const char *path, size_t n, struct encl_err *e)
{
	char text[ENCL_PATH_MAX + 1];
	struct encl_image_package *p = &r->out->packages[r->package];
	const struct encl_item *found;
	struct encl_item *item;

	while (n && *path == '/') {
		path++;
		n--;
	}
	if (!n || n > ENCL_PATH_MAX || (n == 1 && *path == '.') || memchr(path, 0, n))
		return 0;
	memcpy(text, path, n);
	text[n] = 0;
	found = resolve(r, text);
	if (r->steps >= MAX_STEPS)
		return encl_fail(e, ENCL_FAILED,
				 "the packages' databases name too many paths");
	if (!found)
		return 0;
	item = &r->out->items[found - r->out->items];
	if (S_ISDIR(item->mode)) {
		if (item->owner && item->owner != r->owner)
			r->shared[found - r->out->items] = 1;
		item->owner = r->owner;
	} else if (!item->owner) {
		item->owner = r->owner;
		p->n_files++;
		p->bytes += item->same_as ? 0 : item->size;
	}
	return 0;
}

/* skip: bytes before the path in each line, a digest and two blanks. */
static int
claim_list(struct reader *r, const struct encl_database *list, size_t skip,
	   struct encl_err *e)
{
	const char *at = list->text;
	const char *end = list->text + list->n;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);

		if (n > skip && claim(r, at + skip, n - skip, e))
			return -1;
		at += n + 1;
	}
	return 0;
}

/* ---- packages ---- */

static const char *
keep(struct reader *r, const char *s)
{
	return s && *s ? encl_arena_strdup(r->out->arena, s) : NULL;
}

static struct encl_image_package *
add_package(struct reader *r, const char *type, const char *name, const char *version,
	    const char *arch, struct encl_err *e)
{
	struct encl_arena *a = r->out->arena;
	encl_auto(encl_free) char *title = encl_xasprintf("%s %s", name, version);
	struct encl_owner *owner;
	struct encl_image_package *p;

	if (r->out->n_packages == MAX_PACKAGES) {
		encl_fail(e, ENCL_FAILED, "more than %d packages", MAX_PACKAGES);
		return NULL;
	}
	if (r->out->n_packages == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->out->packages = encl_xrealloc(r->out->packages, r->room, sizeof *p);
	}
	owner = encl_arena_alloc(a, sizeof *owner);
	*owner = (struct encl_owner){"package", encl_arena_strdup(a, title), NULL, 0};
	r->owner = owner;
	r->package = r->out->n_packages++;
	p = &r->out->packages[r->package];
	*p = (struct encl_image_package){
		.type = type,
		.name = encl_arena_strdup(a, name),
		.version = encl_arena_strdup(a, version),
		.arch = encl_arena_strdup(a, arch ? arch : ""),
		.distribution = r->distribution,
	};
	return p;
}

/* "glibc (2.36-9)" */
static void
set_source(struct reader *r, struct encl_image_package *p, char *source)
{
	char *open = source ? strstr(source, " (") : NULL;

	if (open && open[strlen(open) - 1] == ')') {
		*open = 0;
		open[strlen(open + 1)] = 0; /* the closing one */
		p->source_version = keep(r, open + 2);
	}
	p->source = keep(r, source);
}

/* "install ok installed", or not said as in status.d. */
static bool
is_installed(const char *status)
{
	const char *state = status ? strrchr(status, ' ') : NULL;

	return !status || !state ||
	       (strcmp(state, " not-installed") != 0 &&
		strcmp(state, " config-files") != 0);
}

static int
claim_info(struct reader *r, const char *name, const char *arch, struct encl_err *e)
{
	static const struct {
		const char *end;
		size_t skip;
	} kinds[] = {{".list", 0}, {".md5sums", 34}};
	const struct encl_database *list;

	for (size_t i = 0; i < 2; i++) {
		encl_auto(encl_free) char *plain =
			encl_xasprintf("var/lib/dpkg/info/%s%s", name, kinds[i].end);
		encl_auto(encl_free) char *with_arch =
			encl_xasprintf("var/lib/dpkg/info/%s:%s%s", name,
				       arch ? arch : "", kinds[i].end);

		list = find(r, with_arch);
		if (!list)
			list = find(r, plain);
		if (list)
			return claim_list(r, list, kinds[i].skip, e);
	}
	return 0;
}

/* One stanza; file: of status.d, or NULL. */
static int
read_stanza(struct reader *r, const char *text, size_t n, const char *file,
	    struct encl_err *e)
{
	encl_auto(encl_free) char *name = encl_deb822_field(text, n, "Package");
	encl_auto(encl_free) char *version = encl_deb822_field(text, n, "Version");
	encl_auto(encl_free) char *arch = encl_deb822_field(text, n, "Architecture");
	encl_auto(encl_free) char *status = encl_deb822_field(text, n, "Status");
	encl_auto(encl_free) char *source = encl_deb822_field(text, n, "Source");
	encl_auto(encl_free) char *maintainer = encl_deb822_field(text, n, "Maintainer");
	encl_auto(encl_free) char *homepage = encl_deb822_field(text, n, "Homepage");
	encl_auto(encl_free) char *summary = encl_deb822_field(text, n, "Description");
	encl_auto(encl_free) char *sums =
		file ? encl_xasprintf("%s.md5sums", file) : NULL;
	const struct encl_database *list = sums ? find(r, sums) : NULL;
	struct encl_image_package *p;

	if (!name || !*name || !version || !*version || !is_installed(status))
		return 0;
	p = add_package(r, "deb", name, version, arch, e);
	if (!p)
		return -1;
	set_source(r, p, source);
	p->maintainer = keep(r, maintainer);
	p->homepage = keep(r, homepage);
	if (summary)
		summary[strcspn(summary, "\n")] = 0;
	p->summary = keep(r, summary);
	return file ? (list ? claim_list(r, list, 34, e) : 0)
		    : claim_info(r, name, arch, e);
}

static int
read_status(struct reader *r, const struct encl_database *d, bool alone,
	    struct encl_err *e)
{
	struct encl_deb822 all = {d->text, d->text + d->n};
	const char *text;
	size_t n;

	while (encl_deb822_next(&all, &text, &n))
		if (read_stanza(r, text, n, alone ? d->path : NULL, e))
			return -1;
	return 0;
}

/* ---- apk ---- */

/* "F:usr/bin" is the folder of the "R:name" that follow. */
static int
claim_apk(struct reader *r, const char *text, size_t n, struct encl_err *e)
{
	char path[ENCL_PATH_MAX + 1] = "";
	size_t n_folder = 0;
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((stop ? stop : end) - text);
		const char *at = text;
		size_t n_value = line < 2 ? 0 : line - 2;

		text += line + 1;
		if (line < 2 || at[1] != ':' || n_value >= sizeof path / 2)
			continue;
		if (*at == 'F') {
			memcpy(path, at + 2, n_value);
			n_folder = n_value;
			if (claim(r, path, n_folder, e))
				return -1;
		} else if (*at == 'R') {
			path[n_folder] = '/';
			memcpy(path + n_folder + 1, at + 2, n_value);
			if (claim(r, path, n_folder + 1 + n_value, e))
				return -1;
		}
	}
	return 0;
}

static int
read_apk_package(struct reader *r, const char *text, size_t n, struct encl_err *e)
{
	static const char letters[] = "PVAomULT";
	char *v[sizeof letters - 1] = {NULL};
	struct encl_image_package *p = NULL;
	const char *end = text + n;
	int rc = 0;

	for (const char *at = text; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((stop ? stop : end) - at);
		const char *letter =
			line > 2 && at[1] == ':' ? strchr(letters, *at) : NULL;

		if (letter && *letter && !v[letter - letters])
			v[letter - letters] = encl_xstrndup(at + 2, line - 2);
		at += line + 1;
	}
	if (v[0] && v[1])
		p = add_package(r, "apk", v[0], v[1], v[2], e);
	if (p) {
		p->source = keep(r, v[3]);
		p->maintainer = keep(r, v[4]);
		p->homepage = keep(r, v[5]);
		p->license = keep(r, v[6]);
		p->summary = keep(r, v[7]);
		rc = claim_apk(r, text, n, e);
	} else if (v[0] && v[1]) {
		rc = -1;
	}
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		free(v[i]);
	return rc;
}

static int
read_apk(struct reader *r, const struct encl_database *d, struct encl_err *e)
{
	struct encl_deb822 all = {d->text, d->text + d->n}; /* parted the same way */
	const char *text;
	size_t n;

	while (encl_deb822_next(&all, &text, &n))
		if (read_apk_package(r, text, n, e))
			return -1;
	return 0;
}

/* ---- the distribution ---- */

/* Value of a line of os-release; NULL where it is not there or is no plain word. */
static char *
release_value(const struct encl_database *d, const char *key)
{
	size_t n_key = strlen(key);

	for (const char *at = d->text; *at;
	     at += strcspn(at, "\n") + !!strchr(at, '\n')) {
		const char *v = at + n_key + 1;
		size_t n;

		if (strncmp(at, key, n_key) != 0 || at[n_key] != '=')
			continue;
		n = strcspn(v, "\n");
		if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v) {
			v++;
			n -= 2;
		}
		if (!n || n > 64 ||
		    strspn(v, "abcdefghijklmnopqrstuvwxyz0123456789._-") < n)
			return NULL;
		return encl_xstrndup(v, n);
	}
	return NULL;
}

static const char *
distribution(struct reader *r)
{
	const struct encl_database *d = find(r, "etc/os-release");
	encl_auto(encl_free) char *id = NULL;
	encl_auto(encl_free) char *version = NULL;
	encl_auto(encl_free) char *both = NULL;

	if (!d)
		d = find(r, "usr/lib/os-release");
	if (d) {
		id = release_value(d, "ID");
		version = release_value(d, "VERSION_ID");
	}
	if (!id)
		return NULL;
	both = version ? encl_xasprintf("%s-%s", id, version) : encl_xstrdup(id);
	return keep(r, both);
}

/* ---- all of it ---- */

static int
read_one(struct reader *r, const struct encl_database *d, struct encl_err *e)
{
	static const char alone[] = "var/lib/dpkg/status.d/";

	if (!strcmp(d->path, "var/lib/dpkg/status"))
		return read_status(r, d, false, e);
	if (!strncmp(d->path, alone, sizeof alone - 1))
		return ends_with(d->path, ".md5sums") ? 0 : read_status(r, d, true, e);
	if (ends_with(d->path, "lib/apk/db/installed") ||
	    !strcmp(d->path, "lib/apk/db/installed"))
		return read_apk(r, d, e);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_image_package *x = a;
	const struct encl_image_package *y = b;
	int c = strcmp(x->name, y->name);

	if (!c)
		c = strcmp(x->version, y->version);
	if (!c)
		c = strcmp(x->arch, y->arch);
	return c ? c : strcmp(x->type, y->type);
}

/* The same package of two databases is one. */
static void
merge(struct encl_inventory *out)
{
	struct encl_image_package *v = out->packages;
	size_t n = 0;

	if (out->n_packages)
		qsort(v, out->n_packages, sizeof *v, by_name);
	for (size_t i = 0; i < out->n_packages; i++) {
		if (n && !by_name(&v[n - 1], &v[i])) {
			v[n - 1].n_files += v[i].n_files;
			v[n - 1].bytes += v[i].bytes;
		} else {
			v[n++] = v[i];
		}
	}
	out->n_packages = n;
}

int
encl_inventory_packages(struct encl_inventory *out, struct encl_databases *d,
			struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *shared = encl_xcalloc(out->n_items + 1, 1);
	struct reader r = {.out = out, .databases = d, .shared = shared};
	const struct encl_database *v = d->v;

	if (!d->v || !d->n)
		return 0;
	qsort(d->v, d->n, sizeof *d->v, by_place);
	for (size_t i = 0; i < d->n; i++) {
		if (i && !compare(&v[i - 1], &v[i]))
			continue; /* one that something else has replaced */
		if (!i || v[i - 1].ramdisk != v[i].ramdisk ||
		    strcmp(v[i - 1].root, v[i].root) != 0) {
			r.ramdisk = v[i].ramdisk;
			r.root = v[i].root;
			r.distribution = distribution(&r);
		}
		if (read_one(&r, &v[i], e))
			return -1;
	}
	for (size_t i = 0; i < out->n_items; i++)
		if (shared[i])
			out->items[i].owner = NULL;
	merge(out);
	return 0;
}
