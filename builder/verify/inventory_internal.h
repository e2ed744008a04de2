/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make an inventory share: databases that went by. */
#ifndef ENCL_VERIFY_INVENTORY_INTERNAL_H
#define ENCL_VERIFY_INVENTORY_INTERNAL_H

#include "base/arena.h"
#include "verify/inventory.h"

/* A file that tells of packages, or of the distribution. */
struct encl_database {
	const char *path; /* below the root: "var/lib/dpkg/status"; the arena's */
	const char *root; /* "rootfs/" or "" */
	size_t ramdisk;
	size_t seq; /* as they came */
	char *text; /* ends in a NUL that n does not count */
	size_t n;
};
struct encl_databases {
	struct encl_database *v;
	size_t n;
	size_t bytes; /* of all texts */
};
void encl_databases_clear(struct encl_databases *d);
ENCL_AUTO_VAL(struct encl_databases, encl_databases_clear);

/* What stands behind a root, where the path is of such a file; or NULL. */
const char *encl_database_path(const char *path, const char **root);
void encl_databases_add(struct encl_databases *d, const struct encl_database *one);

/* The packages and, where there are none yet, the owners of the items of out, which
 * are sorted.  Orders the databases. */
int encl_inventory_packages(struct encl_inventory *out, struct encl_databases *d,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* Who takes contents, one after another. */
struct encl_contents_taker {
	/* sink takes the content; may stay NULL */
	int (*open)(struct encl_contents_taker *t, const struct encl_item *item,
		    struct encl_sink **sink, struct encl_err *e);
	/* It is whole: for the item of open, then for its other names. */
	int (*done)(struct encl_contents_taker *t, const struct encl_item *item,
		    struct encl_err *e);
};
/* As encl_inventory_contents, and nothing is held in memory. */
int encl_inventory_pass(const struct encl_inventory *i,
			const struct encl_item *const *wanted, size_t n,
			struct encl_contents_taker *t,
			struct encl_err *e) ENCL_MUST_CHECK;

/* "6.1.0-40-cloud-amd64" or NULL; malloc'ed. */
char *encl_inventory_release(const struct encl_eif *eif);

#endif
