/* SPDX-License-Identifier: Apache-2.0 */
/* Small images with ramdisks that the tests of verify/ fill. */
#ifndef ENCL_TEST_MADE_H
#define ENCL_TEST_MADE_H

#include "base/buf.h"
#include "eif/eif.h"
#include "ramdisk/ramdisk.h"

/* One line an entry, "TYPE MODE UID:GID MTIME PATH [ARGUMENT]": f (content; \n is
 * a newline), d, l (target), h (path), c (MAJOR,MINOR); below the root. */
struct encl_tree *made_tree(const char *lines, enum encl_root_format format);

/* The tree as ramdisk 1 would have it, below rootfs/. */
void made_ramdisk(struct encl_tree *t, enum encl_compression c, struct encl_buf *out);
void made_squashfs(struct encl_tree *t, struct encl_buf *out);

/* A file below test_dir() of the vectors' kernel, command line and metadata, and
 * these ramdisks; opened. */
void made_image(const char *name, const struct encl_buf *ramdisks, size_t n,
		struct encl_eif *out);
/* The same with a ramdisk 0 of one file "init" and the tree of lines as ramdisk 1. */
void made_of(const char *name, const char *lines, struct encl_eif *out);

#endif
