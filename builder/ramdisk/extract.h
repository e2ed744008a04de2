/* SPDX-License-Identifier: Apache-2.0 */
/* A ramdisk's files on disk, for people to look at. */
#ifndef ENCL_RAMDISK_EXTRACT_H
#define ENCL_RAMDISK_EXTRACT_H

#include <stdint.h>

#include "base/err.h"

struct encl_log;

/*
 * Makes what stands below `prefix` ("rootfs") in the ramdisk at offset of fd
 * below the folder dir_fd, which should be empty.  No path leaves it: links
 * are made but never followed, not even inside.  Files belong to the caller,
 * without set-id bits; devices and fifos are left out with a warning.
 */
int encl_ramdisk_extract(int fd, uint64_t offset, uint64_t size, const char *prefix,
			 int dir_fd, struct encl_log *log,
			 struct encl_err *e) ENCL_MUST_CHECK;

#endif
