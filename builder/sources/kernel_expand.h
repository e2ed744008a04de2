/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of a kernel: digests, and what is in a compressed file. */
#ifndef ENCL_SOURCES_KERNEL_EXPAND_H
#define ENCL_SOURCES_KERNEL_EXPAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "sources/entry.h"

/* Reads a content that is in a blob; crc and digest may be NULL. */
int encl_kernel_hash(const struct encl_content *c, const char *what, uint32_t *crc,
		     struct encl_digest *sha256, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * gzip, xz and zstd (by magic) are expanded into the cache; anything else is
 * passed on.  *out holds a reference of its own and has its crc.  More than
 * max bytes are ENCL_FAILED.
 */
int encl_kernel_expand(struct encl_env *env, const struct encl_content *in, uint64_t max,
		       const char *what, struct encl_content *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* A local file as a content with its crc; at most max bytes. */
int encl_kernel_open_file(const char *path, const char *what, uint64_t max,
			  struct encl_content *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
