/* SPDX-License-Identifier: Apache-2.0 */
/* libsquashfs's view of a descriptor, its compressors, attributes and errors. */
#ifndef ENCL_RAMDISK_SQUASHFS_FILE_H
#define ENCL_RAMDISK_SQUASHFS_FILE_H

#include <stdint.h>

#include <sqfs/compressor.h>
#include <sqfs/io.h>
#include <sqfs/predef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/entry.h"

/* size bytes at start of fd (borrowed); grows when it is written to. */
struct encl_sqfs_file {
	sqfs_file_t base; /* first */
	int fd;
	uint64_t start, size;
};
void encl_sqfs_file_init(struct encl_sqfs_file *f, int fd, uint64_t start, uint64_t size);

/* What packs, and what unpacks for it; released with sqfs_destroy. */
int encl_sqfs_packer(enum encl_compression c, int level, sqfs_compressor_t **packer,
		     sqfs_compressor_t **unpacker, struct encl_err *e) ENCL_MUST_CHECK;
/* By the id in the super block. */
int encl_sqfs_unpacker(unsigned id, sqfs_compressor_t **unpacker,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* Of one inode, sorted by name. */
struct encl_xattr_list {
	struct encl_xattr *v;
	size_t n;
	void **keys, **values; /* what v points into */
};
void encl_xattr_list_clear(struct encl_xattr_list *l);
ENCL_AUTO_VAL(struct encl_xattr_list, encl_xattr_list_clear);
int encl_sqfs_read_xattrs(sqfs_xattr_reader_t *r, const sqfs_inode_generic_t *inode,
			  const char *path, struct encl_xattr_list *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* What the library's negative code means; returns -1. */
int encl_sqfs_fail(struct encl_err *e, int code, const char *what);

#endif
