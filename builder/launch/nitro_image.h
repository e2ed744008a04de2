/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image into an enclave's memory, hashed there: what the enclave starts is what
 * the strict reader saw, or it does not start.
 */
#ifndef ENCL_LAUNCH_NITRO_IMAGE_H
#define ENCL_LAUNCH_NITRO_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct encl_eif;
struct encl_nitro_memory;
struct encl_pcr;

struct encl_nitro_load {
	const struct encl_eif *eif;
	const struct encl_pcr *want;  /* its PCR0 as somebody knows it already, or NULL */
	bool (*cancelled)(void *arg); /* or NULL */
	void *arg;
};

/*
 * Copies the file to offset of the memory and tells its PCR0.  ENCL_MISMATCH: what
 * was copied is not what eif was when it was opened (table, CRC, signature, PCR0):
 * the file is damaged, or changed meanwhile.  ENCL_FAILED: it cannot be read.
 */
int encl_nitro_load(const struct encl_nitro_load *l, const struct encl_nitro_memory *m,
		    uint64_t offset, struct encl_pcr *pcr0,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
