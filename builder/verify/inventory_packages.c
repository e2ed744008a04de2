/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The databases of an image to its packages: dpkg's (var/lib/dpkg/status and info, or
 * status.d as distroless images have it) and apk's (inventory_apk.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/deb822.h"
#include "verify/inventory_reader.h"

enum { MAX_PACKAGES = 100000 };

/* skip: bytes before the path in each line, a digest and two blanks. */
static int
claim_list(struct encl_package_reader *r, const struct encl_database *list, size_t skip,
	   struct encl_err *e)
{
	const char *at = list->text;
	const char *end = list->text + list->n;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);

		if (n > skip && encl_package_claim(r, at + skip, n - skip, e))
			return -1;
		at += n + 1;
	}
	return 0;
}

const char *
encl_package_text(struct encl_package_reader *r, const char *s)
{
	return s && *s ? encl_arena_strdup(r->out->arena, s) : NULL;
}

struct encl_image_package *
encl_package_add(struct encl_package_reader *r, const char *type, const char *name,
		 const char *version, const char *arch, struct encl_err *e)
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
set_source(struct encl_package_reader *r, struct encl_image_package *p, char *source)
{
	char *open = source ? strstr(source, " (") : NULL;

	if (open && open[strlen(open) - 1] == ')') {
		*open = 0;
		open[strlen(open + 1)] = 0; /* the closing one */
		p->source_version = encl_package_text(r, open + 2);
	}
	p->source = encl_package_text(r, source);
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
claim_info(struct encl_package_reader *r, const char *name, const char *arch,
	   struct encl_err *e)
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

		list = encl_database_find(r, with_arch);
		if (!list)
			list = encl_database_find(r, plain);
		if (list)
			return claim_list(r, list, kinds[i].skip, e);
	}
	return 0;
}

/* One stanza; file: of status.d, or NULL. */
static int
read_stanza(struct encl_package_reader *r, const char *text, size_t n, const char *file,
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
	const struct encl_database *list = sums ? encl_database_find(r, sums) : NULL;
	struct encl_image_package *p;

	if (!name || !*name || !version || !*version || !is_installed(status))
		return 0;
	p = encl_package_add(r, "deb", name, version, arch, e);
	if (!p)
		return -1;
	set_source(r, p, source);
	p->maintainer = encl_package_text(r, maintainer);
	p->homepage = encl_package_text(r, homepage);
	if (summary)
		summary[strcspn(summary, "\n")] = 0;
	p->summary = encl_package_text(r, summary);
	return file ? (list ? claim_list(r, list, 34, e) : 0)
		    : claim_info(r, name, arch, e);
}

static int
read_status(struct encl_package_reader *r, const struct encl_database *d, bool alone,
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

/* ---- all of it ---- */

static int
read_one(struct encl_package_reader *r, const struct encl_database *d, struct encl_err *e)
{
	static const char alone[] = "var/lib/dpkg/status.d/";

	if (!strcmp(d->path, "var/lib/dpkg/status"))
		return read_status(r, d, false, e);
	if (!strncmp(d->path, alone, sizeof alone - 1))
		return encl_ends_with(d->path, ".md5sums") ? 0
							   : read_status(r, d, true, e);
	if (encl_ends_with(d->path, "lib/apk/db/installed") ||
	    !strcmp(d->path, "lib/apk/db/installed"))
		return encl_packages_apk(r, d, e);
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
	struct encl_package_reader r = {.out = out, .databases = d, .shared = shared};
	const struct encl_database *v = d->v;

	if (!d->v || !d->n)
		return 0;
	encl_databases_sort(d);
	for (size_t i = 0; i < d->n; i++) {
		if (i && !encl_databases_compare(&v[i - 1], &v[i]))
			continue; /* one that something else has replaced */
		if (!i || v[i - 1].ramdisk != v[i].ramdisk ||
		    strcmp(v[i - 1].root, v[i].root) != 0) {
			r.ramdisk = v[i].ramdisk;
			r.root = v[i].root;
			r.distribution = encl_database_distribution(&r);
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
