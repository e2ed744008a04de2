/* SPDX-License-Identifier: Apache-2.0 */
/* The extended attributes of a tar's entry: kept, or named as lost. */
#ifndef ENCL_SOURCES_TAR_XATTR_H
#define ENCL_SOURCES_TAR_XATTR_H

#include <stddef.h>

#include "base/err.h"
#include "sources/entry.h"

struct archive_entry;

struct encl_tar_xattrs {
	struct encl_xattr v[ENCL_XATTR_MAX_COUNT]; /* into the entry; sorted by name */
	size_t n;
	const char *lost; /* the first of those that are not kept, or NULL */
};

/* ENCL_FAILED where they are over a limit or one is there twice, not the same. */
int encl_tar_xattrs_read(struct archive_entry *ae, struct encl_tar_xattrs *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

#endif
