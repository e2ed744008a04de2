/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's interface (/dev/nitro_enclaves, linux/nitro_enclaves.h), each call
 * with its errors in words: what is wrong, and the way out.  Only ordinary calls of
 * the C library are made (open, ioctl), all from this process: the driver refuses
 * an enclave's calls from another one.
 */
#ifndef ENCL_LAUNCH_NITRO_DEVICE_H
#define ENCL_LAUNCH_NITRO_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum {
	ENCL_NITRO_MIN_MIB = 64, /* an enclave has at least */
	ENCL_NITRO_LOAD_MIB = 8, /* where the image begins in its memory, always so far */
	ENCL_NITRO_ERRNO_MIN = 256, /* the driver's own errors */
	ENCL_NITRO_ERRNO_MAX = 275
};

/*
 * All failures keep the errno in e->sys.  Codes: ENCL_USAGE where a value that the
 * user gave cannot be, ENCL_HOST where this machine lacks something, ENCL_LOST where
 * the hypervisor did not do it, ENCL_FAILED where we asked for something impossible.
 */
int encl_nitro_open(const char *path, int *device, struct encl_err *e) ENCL_MUST_CHECK;
/* The enclave lives as long as its descriptor. */
int encl_nitro_create(int device, int *enclave, struct encl_err *e) ENCL_MUST_CHECK;
/* Where in its memory the image is to be. */
int encl_nitro_load_offset(int enclave, uint64_t *offset,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* The pages are the enclave's afterwards. */
int encl_nitro_add_memory(int enclave, const void *p, uint64_t size,
			  struct encl_err *e) ENCL_MUST_CHECK;
/* *id 0: one of the pool; told in *id. */
int encl_nitro_add_cpu(int enclave, uint32_t *id, struct encl_err *e) ENCL_MUST_CHECK;
/* *cid 0: the driver chooses; told in *cid. */
int encl_nitro_begin(int enclave, bool debug, uint32_t *cid,
		     struct encl_err *e) ENCL_MUST_CHECK;

/*
 * May it work in a second or two?  Right after another enclave ended the
 * hypervisor refuses calls for a moment, with any of the ordinary errors.
 */
bool encl_nitro_passing(int err);

/* The message for an errno of a call; what: "NE_ADD_VCPU 3".  Always -1. */
int encl_nitro_fail(struct encl_err *e, const char *what, int err);

#endif
