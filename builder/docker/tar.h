/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tars, the same for the same tree: ustar, a pax header only where a value
 * does not fit (POSIX 1003.1, pax interchange format).
 */
#ifndef ENCL_DOCKER_TAR_H
#define ENCL_DOCKER_TAR_H

#include "base/stream.h"
#include "rootfs/tree.h"

struct encl_tar_member {
	const char *path; /* without leading slash */
	enum encl_entry_type type;
	uint32_t mode, uid, gid;
	uint64_t mtime;
	uint64_t size;	  /* REG */
	const char *link; /* SYMLINK, HARDLINK */
	uint32_t dev_major, dev_minor;
	const struct encl_xattr *xattrs; /* with any name */
	size_t n_xattrs;
};
/* The header; the content is the caller's to write, then its padding. */
int encl_tar_header(struct encl_sink *out, const struct encl_tar_member *m,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_tar_pad(struct encl_sink *out, uint64_t size,
		 struct encl_err *e) ENCL_MUST_CHECK;
int encl_tar_end(struct encl_sink *out, struct encl_err *e) ENCL_MUST_CHECK;

/* All of a normalised tree but its root, in the byte order of paths. */
int encl_tar_write(struct encl_tree *t, struct encl_sink *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

#endif
