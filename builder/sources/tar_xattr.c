/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pax records SCHILY.xattr.NAME and LIBARCHIVE.xattr.NAME (one attribute is
 * often in both) to a sorted list.  Kept is what means the same in an enclave:
 * security.capability and user.*; labels of a security module, ACLs and the
 * marks of an overlay belong to the machine that they come from.
 */
#include "sources/tar_xattr.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255 };

static bool
is_kept(const char *name)
{
	if (!strcmp(name, "security.capability"))
		return true;
	return !strncmp(name, "user.", 5) && name[5] &&
	       strncmp(name, "user.overlay.", 13) != 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_xattr *x = a;
	const struct encl_xattr *y = b;

	return strcmp(x->name, y->name);
}

static int
keep(struct encl_tar_xattrs *out, const struct encl_xattr *x, size_t *bytes,
     struct encl_err *e)
{
	for (size_t i = 0; i < out->n; i++) {
		const struct encl_xattr *old = &out->v[i];

		if (strcmp(old->name, x->name) != 0)
			continue;
		if (old->size != x->size || memcmp(old->value, x->value, x->size) != 0)
			return encl_fail(e, ENCL_FAILED,
					 "an extended attribute is there twice");
		return 0;
	}
	*bytes += strlen(x->name) + x->size;
	if (out->n == ENCL_XATTR_MAX_COUNT || strlen(x->name) > NAME_MAX_BYTES ||
	    x->size > ENCL_XATTR_MAX_BYTES || *bytes > ENCL_XATTR_MAX_BYTES)
		return encl_fail(e, ENCL_FAILED,
				 "more than %d extended attributes, or %d bytes of them",
				 ENCL_XATTR_MAX_COUNT, ENCL_XATTR_MAX_BYTES);
	out->v[out->n++] = *x;
	return 0;
}

int
encl_tar_xattrs_read(struct archive_entry *ae, struct encl_tar_xattrs *out,
		     struct encl_err *e)
{
	struct encl_xattr x;
	size_t bytes = 0;

	out->n = 0;
	out->lost = NULL;
	archive_entry_xattr_reset(ae);
	while (archive_entry_xattr_next(ae, &x.name, &x.value, &x.size) == ARCHIVE_OK) {
		if (!x.size)
			x.value = "";
		if (is_kept(x.name)) {
			if (keep(out, &x, &bytes, e))
				return -1;
		} else if (!out->lost || strcmp(x.name, out->lost) < 0) {
			out->lost = x.name;
		}
	}
	qsort(out->v, out->n, sizeof *out->v, by_name);
	if (!out->lost && archive_entry_acl_types(ae))
		out->lost = "system.posix_acl_access";
	return 0;
}
