/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree, or a ramdisk read back, as text: one name a line, in the byte order
 * of paths.  The format is in docs/3-rootfs.md and does not change.
 */
#ifndef ENCL_ROOTFS_LIST_H
#define ENCL_ROOTFS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"
#include "rootfs/tree.h"

struct encl_buf;

struct encl_list_line {
	const char *path; /* "" is shown as "." */
	uint32_t mode;	  /* with type bits, as in st_mode */
	uint32_t uid, gid;
	int64_t mtime;
	uint64_t size;
	uint32_t dev_major, dev_minor; /* devices */
	const char *link;	       /* symlinks */
	const char *same_as;	       /* further names of a file: its first; or NULL */
	const struct encl_digest *digest; /* of a file's content; or NULL */
	const struct encl_xattr *xattrs;  /* where the image holds them */
	size_t n_xattrs;
};

/* Appends the line, with its newline. */
void encl_list_add(struct encl_buf *b, const struct encl_list_line *line);

/* The same into a buffer that goes to out in large pieces, and the rest of it. */
int encl_list_put(struct encl_buf *b, const struct encl_list_line *line,
		  struct encl_sink *out, struct encl_err *e) ENCL_MUST_CHECK;
int encl_list_flush(struct encl_buf *b, struct encl_sink *out,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* Type bits of st_mode for a tree's type. */
uint32_t encl_type_bits(enum encl_entry_type type);

/* Lists the whole tree, the root first, with digests of files where asked
 * (a file with several names has it at the first). */
int encl_tree_list(struct encl_tree *t, bool digests, struct encl_sink *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

#endif
