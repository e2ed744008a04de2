/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enclave's memory before it is one: huge pages of the pool's node, all of them
 * there (a shortage shows here, never as SIGBUS), in as few pieces as can be.  They
 * are private to this process, so that none is left when it ends in whatever way.
 */
#ifndef ENCL_LAUNCH_NITRO_MEMORY_H
#define ENCL_LAUNCH_NITRO_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/host.h"

struct encl_nitro_region {
	uint8_t *p;
	uint64_t size; /* bytes */
	uint64_t page; /* bytes of one page; 0: not from mmap (tests) */
};

/* The enclave sees the regions one after the other, from address 0. */
struct encl_nitro_memory {
	struct encl_nitro_region regions[ENCL_HOST_SIZES];
	size_t n;
	uint64_t size;
};
void encl_nitro_memory_clear(struct encl_nitro_memory *m); /* a zeroed one is fine */
ENCL_AUTO_VAL(struct encl_nitro_memory, encl_nitro_memory_clear);

/* From the node of h's pool.  ENCL_HOST: the pages do not suffice. */
int encl_nitro_memory_take(const struct encl_host *h, uint64_t mib,
			   struct encl_nitro_memory *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* The bytes at an offset, *n of them without a gap; NULL: past the end. */
uint8_t *encl_nitro_memory_at(const struct encl_nitro_memory *m, uint64_t offset,
			      uint64_t *n);

#endif
