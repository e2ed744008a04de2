/* SPDX-License-Identifier: Apache-2.0 */
/* A local file read once: digest, CRC, and a copy where one is wanted. */
#ifndef ENCL_SOURCES_READTHROUGH_H
#define ENCL_SOURCES_READTHROUGH_H

#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"

/* Opens a regular file for reading, never blocking on a fifo or a device.
 * dirfd may be AT_FDCWD; flags may hold O_NOFOLLOW; what names it in errors. */
int encl_open_regular(int dirfd, const char *path, int flags, const char *what, int *fd,
		      uint64_t *size, struct encl_err *e) ENCL_MUST_CHECK;

/* Reads size bytes from offset 0; the end must come exactly there (a file that
 * grows or shrinks meanwhile is an error).  copy may be NULL. */
int encl_read_through(int fd, uint64_t size, const char *what, struct encl_sink *copy,
		      struct encl_digest *sha256, uint32_t *crc,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
