/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files of an image came from. */
#ifndef ENCL_VERIFY_OWNER_H
#define ENCL_VERIFY_OWNER_H

#include <jansson.h>

#include "base/cleanup.h"

struct encl_owner {
	const char *kind; /* as struct encl_origin, and "kernel", "init", "boot" */
	const char *name; /* "libc6 2.36-9+deb12u10", a layer's digest, a path */
	const char *item; /* the manifest's: "rootfs[1]"; NULL: not known */
	unsigned line;	  /* of it in the manifest; 0: not known */
};
/* {"Kind", "Name", "Item", "Line"}, the last two where they are known. */
json_t *encl_owner_json(const struct encl_owner *o);
/* "package libc6 2.36-9 (rootfs[1], enclave.yaml:12)": for people; malloc'ed. */
char *encl_owner_text(const struct encl_owner *o, const char *manifest);

/*
 * Owners by path ("rootfs/usr/bin/x", as a ramdisk has it; "rootfs" is the root of
 * the tree, "init", "cmd", "env" and the like are the tool's own).  Made from a
 * manifest and its lock (build.h: encl_build_origins) and lent to whoever explains.
 */
struct encl_origins;
struct encl_origins *encl_origins_new(void);
void encl_origins_free(struct encl_origins *o);
ENCL_AUTO_PTR(struct encl_origins, encl_origins_free);
/* Copies.  The last one of a path holds. */
void encl_origins_add(struct encl_origins *o, const char *path,
		      const struct encl_owner *owner);
/* Borrowed, or NULL. */
const struct encl_owner *encl_origins_find(const struct encl_origins *o,
					   const char *path);

#endif
