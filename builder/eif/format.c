/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EIF version 4 headers to bytes and back, by one table of {offset, size} for
 * each kind (docs/5-eif.md).
 */
#include "eif/format.h"

#include <string.h>

struct field {
	size_t offset; /* in the file */
	size_t size;   /* of one value, big-endian */
	size_t member; /* in the struct */
	size_t count;
};

#define FIELD(type, offset, size, name)                                                  \
	{                                                                                \
		offset, size, offsetof(struct type, name), 1                             \
	}
#define TABLE(type, offset, size, name)                                                  \
	{                                                                                \
		offset, size, offsetof(struct type, name), ENCL_EIF_MAX_SECTIONS         \
	}

static const struct field header_fields[] = {
	FIELD(encl_eif_header, 0x004, 2, version),
	FIELD(encl_eif_header, 0x006, 2, flags),
	FIELD(encl_eif_header, 0x008, 8, default_mem),
	FIELD(encl_eif_header, 0x010, 8, default_cpus),
	FIELD(encl_eif_header, 0x018, 2, reserved),
	FIELD(encl_eif_header, 0x01a, 2, n_sections),
	TABLE(encl_eif_header, 0x01c, 8, offsets),
	TABLE(encl_eif_header, 0x11c, 8, sizes),
	FIELD(encl_eif_header, 0x21c, 4, unused),
	FIELD(encl_eif_header, ENCL_EIF_CRC_OFFSET, 4, crc),
};
static const struct field section_fields[] = {
	FIELD(encl_eif_section_header, 0, 2, type),
	FIELD(encl_eif_section_header, 2, 2, flags),
	FIELD(encl_eif_section_header, 4, 8, size),
};
static const uint8_t magic[4] = {'.', 'e', 'i', 'f'};

static uint64_t
load(const void *member, size_t size)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (size) {
	case 2:
		memcpy(&v16, member, sizeof v16);
		return v16;
	case 4:
		memcpy(&v32, member, sizeof v32);
		return v32;
	default:
		memcpy(&v64, member, sizeof v64);
		return v64;
	}
}

static void
store(void *member, size_t size, uint64_t v)
{
	uint16_t v16 = (uint16_t)v;
	uint32_t v32 = (uint32_t)v;

	switch (size) {
	case 2:
		memcpy(member, &v16, sizeof v16);
		break;
	case 4:
		memcpy(member, &v32, sizeof v32);
		break;
	default:
		memcpy(member, &v, sizeof v);
	}
}

static void
encode(const struct field *f, size_t n, const void *in, uint8_t *out)
{
	for (const struct field *end = f + n; f < end; f++)
		for (size_t i = 0; i < f->count; i++) {
			const uint8_t *member = in;
			uint8_t *p = out + f->offset + i * f->size;
			uint64_t v = load(member + f->member + i * f->size, f->size);

			for (size_t b = f->size; b-- > 0; v >>= 8)
				p[b] = (uint8_t)v;
		}
}

static void
decode(const struct field *f, size_t n, const uint8_t *in, void *out)
{
	for (const struct field *end = f + n; f < end; f++)
		for (size_t i = 0; i < f->count; i++) {
			const uint8_t *p = in + f->offset + i * f->size;
			uint8_t *member = out;
			uint64_t v = 0;

			for (size_t b = 0; b < f->size; b++)
				v = v << 8 | p[b];
			store(member + f->member + i * f->size, f->size, v);
		}
}

#define ALL(table) table, sizeof table / sizeof *table

void
encl_eif_header_init(struct encl_eif_header *h, enum encl_arch arch)
{
	memset(h, 0, sizeof *h);
	memcpy(h->magic, magic, sizeof magic);
	h->version = ENCL_EIF_VERSION;
	h->flags = arch == ENCL_ARCH_AARCH64 ? ENCL_EIF_FLAG_AARCH64 : 0;
	h->default_mem = ENCL_EIF_DEFAULT_MEM;
	h->default_cpus = ENCL_EIF_DEFAULT_CPUS;
}

void
encl_eif_header_encode(const struct encl_eif_header *h, uint8_t out[ENCL_EIF_HEADER_SIZE])
{
	memcpy(out, h->magic, sizeof h->magic);
	encode(ALL(header_fields), h, out);
}

void
encl_eif_header_decode(const uint8_t in[ENCL_EIF_HEADER_SIZE],
		       struct encl_eif_header *out)
{
	memset(out, 0, sizeof *out);
	memcpy(out->magic, in, sizeof out->magic);
	decode(ALL(header_fields), in, out);
}

void
encl_eif_section_header_encode(const struct encl_eif_section_header *h,
			       uint8_t out[ENCL_EIF_SECTION_HEADER_SIZE])
{
	encode(ALL(section_fields), h, out);
}

void
encl_eif_section_header_decode(const uint8_t in[ENCL_EIF_SECTION_HEADER_SIZE],
			       struct encl_eif_section_header *out)
{
	memset(out, 0, sizeof *out);
	decode(ALL(section_fields), in, out);
}

const char *
encl_section_name(enum encl_section_type type)
{
	static const char *const names[] = {
		[ENCL_SECTION_KERNEL] = "kernel",
		[ENCL_SECTION_CMDLINE] = "cmdline",
		[ENCL_SECTION_RAMDISK] = "ramdisk",
		[ENCL_SECTION_SIGNATURE] = "signature",
		[ENCL_SECTION_METADATA] = "metadata",
	};

	return type >= ENCL_SECTION_KERNEL && type <= ENCL_SECTION_METADATA ? names[type]
									    : "invalid";
}
