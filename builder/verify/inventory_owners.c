/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of databases to items of the image.  They say /bin/x where a tree has
 * usr/bin/x: folders that are links are followed, inside the tree only.
 */
#include <string.h>
#include <sys/stat.h>

#include "rootfs/tree.h"
#include "verify/inventory_reader.h"

/* Names that are looked up for databases' paths, all of them together: a hundred
 * thousand files take less than a million. */
enum { MAX_STEPS = 20000000 };

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
item_at(struct encl_package_reader *r, const char *path)
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
step(struct encl_package_reader *r, struct walk *w, const struct encl_item **item)
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
resolve(struct encl_package_reader *r, const char *path)
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

int
encl_package_claim(struct encl_package_reader *r, const char *path, size_t n,
		   struct encl_err *e)
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
