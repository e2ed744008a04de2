/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel file is: only what the architecture's loader takes goes in. */
#ifndef ENCL_SOURCES_KERNEL_IMAGE_H
#define ENCL_SOURCES_KERNEL_IMAGE_H

#include <stdint.h>

#include "base/err.h"
#include "manifest/manifest.h"

enum { ENCL_KERNEL_RELEASE_MAX = 128 };

struct encl_kernel_image {
	enum encl_arch arch;
	bool gzip;	 /* a gzip file that has to be expanded and looked at again */
	uint64_t memory; /* bytes that it asks for; 0: unknown */
	uint32_t cmdline_size; /* longest command line it takes; 0: unknown */
	char release[ENCL_KERNEL_RELEASE_MAX]; /* "6.1.0-40-cloud-amd64"; "" unknown */
};

/*
 * Recognises a bzImage (x86/boot.rst: 0xAA55 at 0x1fe, "HdrS" at 0x202,
 * loaded high, 64-bit entry, not truncated) or an arm64 Image (arm64/booting.rst:
 * "ARM\x64" at 0x38, little-endian).  ENCL_USAGE where it is something else,
 * naming it, or does not fit arch: "WHAT is an ELF vmlinux; x86_64 boots a
 * bzImage".  With allow_gzip a gzip file of an aarch64 kernel is taken too.
 */
int encl_kernel_image_read(int fd, uint64_t offset, uint64_t size, const char *what,
			   enum encl_arch arch, bool allow_gzip,
			   struct encl_kernel_image *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

#endif
