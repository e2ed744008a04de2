/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree to a squashfs 4.0 and back, by libsquashfs: what stays compressed in
 * the enclave's memory and is mounted there by cmd/init.  Its bytes depend on
 * the tree, the compressor and the libraries' versions only, not on the number
 * of threads.
 */
#ifndef ENCL_RAMDISK_SQUASHFS_H
#define ENCL_RAMDISK_SQUASHFS_H

#include <stdint.h>

#include "base/err.h"
#include "manifest/manifest.h"
#include "rootfs/tree.h"

struct encl_cpio_visitor;

/* Its name in ramdisk 1. */
#define ENCL_SQUASHFS_NAME "rootfs.squashfs"

enum { ENCL_SQUASHFS_BLOCK = 128 * 1024 };

/*
 * Writes the normalised tree to fd, an empty file of the caller's; *size is
 * that of the image, a multiple of 4096.  level -1: the default.  ENCL_FAILED
 * names the path that a squashfs cannot hold.
 */
int encl_squashfs_write(struct encl_tree *t, uint64_t sde, enum encl_compression c,
			int level, unsigned jobs, int fd, uint64_t *size,
			struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The entries below prefix ("rootfs", which is the root folder itself) as a
 * cpio of the same tree has them, in its order.  Strict: nothing that
 * encl_squashfs_write does not make, but for block size and compressor.
 */
int encl_squashfs_read(int fd, uint64_t offset, uint64_t size, const char *prefix,
		       struct encl_cpio_visitor *v, struct encl_err *e) ENCL_MUST_CHECK;

/* "libsquashfs 1.2.0, zstd 1.5.4 -15": what decides the bytes, for the lock. */
const char *encl_squashfs_version(enum encl_compression c);

#endif
