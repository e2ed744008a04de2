/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an image that tell of packages and of the distribution, by where they
 * stand. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "verify/inventory_reader.h"

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

bool
encl_ends_with(const char *s, const char *end)
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
	    (encl_ends_with(p, ".list") || encl_ends_with(p, ".md5sums")))
		return p;
	return NULL;
}

int
encl_databases_compare(const struct encl_database *x, const struct encl_database *y)
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
	int c = encl_databases_compare(x, y);

	if (c)
		return c;
	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

void
encl_databases_sort(struct encl_databases *d)
{
	qsort(d->v, d->n, sizeof *d->v, by_place);
}

const struct encl_database *
encl_database_find(const struct encl_package_reader *r, const char *path)
{
	const struct encl_database key = {
		.path = path, .root = r->root, .ramdisk = r->ramdisk};
	size_t low = 0;
	size_t high = r->databases->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (encl_databases_compare(&r->databases->v[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == r->databases->n ||
	    encl_databases_compare(&r->databases->v[low], &key) != 0)
		return NULL;
	return &r->databases->v[low];
}

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

const char *
encl_database_distribution(const struct encl_package_reader *r)
{
	const struct encl_database *d = encl_database_find(r, "etc/os-release");
	encl_auto(encl_free) char *id = NULL;
	encl_auto(encl_free) char *version = NULL;
	encl_auto(encl_free) char *both = NULL;

	if (!d)
		d = encl_database_find(r, "usr/lib/os-release");
	if (d) {
		id = release_value(d, "ID");
		version = release_value(d, "VERSION_ID");
	}
	if (!id)
		return NULL;
	both = version ? encl_xasprintf("%s-%s", id, version) : encl_xstrdup(id);
	return encl_arena_strdup(r->out->arena, both);
}
