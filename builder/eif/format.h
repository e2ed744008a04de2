/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and section header of an EIF, version 4, as bytes: encoded and
 * decoded field by field, big-endian.  Decoding checks nothing: read.c does.
 */
#ifndef ENCL_EIF_FORMAT_H
#define ENCL_EIF_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "eif/eif.h"

enum {
	ENCL_EIF_CRC_OFFSET = 544, /* the CRC covers all bytes of the file but its own */
	ENCL_EIF_FIXED_SECTIONS = 3, /* kernel, command line, metadata */
	ENCL_EIF_FLAG_AARCH64 = 1
};
#define ENCL_EIF_DEFAULT_MEM  UINT64_C(0x40000000) /* what every writer puts there */
#define ENCL_EIF_DEFAULT_CPUS UINT64_C(2)

struct encl_eif_header {
	uint8_t magic[4];
	uint16_t version, flags;
	uint64_t default_mem, default_cpus;
	uint16_t reserved, n_sections;
	uint64_t offsets[ENCL_EIF_MAX_SECTIONS]; /* of the section headers */
	uint64_t sizes[ENCL_EIF_MAX_SECTIONS];	 /* of the payloads */
	uint32_t unused, crc;
};
struct encl_eif_section_header {
	uint16_t type, flags;
	uint64_t size; /* of the payload */
};

/* An empty header for arch: magic, version, flag, the defaults. */
void encl_eif_header_init(struct encl_eif_header *h, enum encl_arch arch);
void encl_eif_header_encode(const struct encl_eif_header *h,
			    uint8_t out[ENCL_EIF_HEADER_SIZE]);
void encl_eif_header_decode(const uint8_t in[ENCL_EIF_HEADER_SIZE],
			    struct encl_eif_header *out);
void encl_eif_section_header_encode(const struct encl_eif_section_header *h,
				    uint8_t out[ENCL_EIF_SECTION_HEADER_SIZE]);
void encl_eif_section_header_decode(const uint8_t in[ENCL_EIF_SECTION_HEADER_SIZE],
				    struct encl_eif_section_header *out);

#endif
