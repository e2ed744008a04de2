/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a kernel ends, by its own headers: a byte that stands before or behind
 * that belongs to another section.
 */
#ifndef ENCL_VERIFY_KERNEL_END_H
#define ENCL_VERIFY_KERNEL_END_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "eif/eif.h"

struct encl_kernel_end {
	bool known;	       /* false: an arm64 Image without EFI header tells no end */
	uint64_t own;	       /* bytes of the kernel itself */
	uint64_t signature;    /* bytes of the EFI signatures behind it */
	uint32_t cmdline_size; /* longest command line it takes; 0: unknown */
};

/*
 * ENCL_MISMATCH: the size bytes at offset of fd are no kernel of this architecture,
 * or not exactly one; the message begins with "kernel".
 */
int encl_kernel_end(int fd, uint64_t offset, uint64_t size, enum encl_arch arch,
		    struct encl_kernel_end *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
