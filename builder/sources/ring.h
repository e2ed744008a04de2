/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A range of a file read once, in order, in chunks; hashed on a thread of its
 * own while the caller works on the same chunks.  SHA-256 is what limits the
 * speed of a scan, so nothing else waits for it.
 */
#ifndef ENCL_SOURCES_RING_H
#define ENCL_SOURCES_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"

struct encl_ring;

/* fd and what are borrowed.  threaded false: hashed by the caller's thread. */
struct encl_ring *encl_ring_new(int fd, uint64_t offset, uint64_t size,
				enum encl_algo algo, bool threaded, const char *what);
void encl_ring_free(struct encl_ring *r); /* NULL is a no-op */
ENCL_AUTO_PTR(struct encl_ring, encl_ring_free);

/* The next chunk, valid until the next call; *n is 0 at the end. */
int encl_ring_next(struct encl_ring *r, const void **p, size_t *n,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* Where n bytes at p lie in the file (from its start), or false where p does
 * not point into the current chunk. */
bool encl_ring_locate(const struct encl_ring *r, const void *p, size_t n, uint64_t *at);

/* Bytes of the range that were read. */
uint64_t encl_ring_done(const struct encl_ring *r);

/* Digest of the whole range; to be called once, after the end was reached. */
void encl_ring_final(struct encl_ring *r, struct encl_digest *out);

#endif
