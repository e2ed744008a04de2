/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an image's databases: what its files share. */
#ifndef ENCL_VERIFY_INVENTORY_READER_H
#define ENCL_VERIFY_INVENTORY_READER_H

#include "verify/inventory_internal.h"

struct encl_package_reader {
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

bool encl_ends_with(const char *s, const char *end);
/* By ramdisk, root and path. */
int encl_databases_compare(const struct encl_database *x, const struct encl_database *y);
/* Sorts them; the last one of a path comes first. */
void encl_databases_sort(struct encl_databases *d);
/* The one that holds, in the root that is looked at; NULL: there is none. */
const struct encl_database *encl_database_find(const struct encl_package_reader *r,
					       const char *path);
/* os-release as "debian-12"; the arena's, or NULL. */
const char *encl_database_distribution(const struct encl_package_reader *r);

/* A line of the package's list: n bytes at path, with or without a slash before. */
int encl_package_claim(struct encl_package_reader *r, const char *path, size_t n,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* A new package, whose files are claimed next; NULL: too many. */
struct encl_image_package *encl_package_add(struct encl_package_reader *r,
					    const char *type, const char *name,
					    const char *version, const char *arch,
					    struct encl_err *e);
/* A copy in the arena; NULL for "" too. */
const char *encl_package_text(struct encl_package_reader *r, const char *s);

int encl_packages_apk(struct encl_package_reader *r, const struct encl_database *d,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
