/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bzImage's setup header (Documentation/arch/x86/boot.rst), an arm64 Image's
 * (booting.rst) and the PE header of either to the byte where the kernel ends.
 * Signed kernels (Debian's) have a certificate table behind it, which the PE
 * header's fifth directory names (Microsoft's PE format, "Attribute Certificate
 * Table").  All fields are little-endian.
 */
#include "verify/kernel_end.h"

#include <inttypes.h>
#include <string.h>

#include "base/stream.h"
#include "sources/kernel_image.h"

enum {
	HEAD_SIZE = 4096,
	X86_SETUP_SECTS = 0x1f1,
	X86_SYSSIZE = 0x1f4,
	ARM64_IMAGE_SIZE = 0x10,
	PE_POINTER = 0x3c,
	PE_SECTIONS = 6, /* of the PE header: their number */
	PE_OPTIONAL_SIZE = 20,
	PE_OPTIONAL = 24,
	PE_N_DIRECTORIES = 108, /* of the optional header, PE32+ */
	PE_CERTIFICATES = 112 + 4 * 8,
	PE_SECTION = 40,
	PE_RAW_SIZE = 16, /* of a section's header */
	PE_RAW_OFFSET = 20,
	CERTIFICATE_HEAD = 8,
	MAX_CERTIFICATES = 16
};

struct kernel {
	int fd;
	uint64_t offset, size;
	size_t n; /* of head that is there */
	uint8_t head[HEAD_SIZE];
};

static uint32_t
le16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
le32(const uint8_t *p)
{
	return le16(p) | le16(p + 2) << 16;
}

/* Where the PE header begins; 0: there is none within head. */
static size_t
pe_header(const struct kernel *k)
{
	const uint8_t *h = k->head;
	uint32_t at = le32(h + PE_POINTER);

	if (memcmp(h, "MZ", 2) != 0 || at < PE_POINTER + 4 ||
	    at > k->n - PE_OPTIONAL - PE_CERTIFICATES - 8 ||
	    memcmp(h + at, "PE\0", 4) != 0 || le16(h + at + PE_OPTIONAL) != 0x20b)
		return 0;
	return at;
}

/* The end of the last section's bytes in the file; 0: not to be told. */
static uint64_t
pe_sections_end(const struct kernel *k, size_t pe)
{
	uint32_t n = le16(k->head + pe + PE_SECTIONS);
	size_t at = pe + PE_OPTIONAL + le16(k->head + pe + PE_OPTIONAL_SIZE);
	uint64_t end = 0;

	for (uint32_t i = 0; i < n; i++, at += PE_SECTION) {
		uint64_t to;

		if (at > k->n - PE_SECTION)
			return 0;
		to = (uint64_t)le32(k->head + at + PE_RAW_SIZE) +
		     le32(k->head + at + PE_RAW_OFFSET);
		if (to > end)
			end = to;
	}
	return end;
}

/* The table is a list of {length, revision, type, bytes}, each at a multiple of 8,
 * that fills it. */
static int
check_certificates(const struct kernel *k, uint64_t from, uint64_t to, struct encl_err *e)
{
	unsigned n = 0;

	while (from < to) {
		uint8_t head[CERTIFICATE_HEAD];
		uint64_t length;

		if (to - from < sizeof head || ++n > MAX_CERTIFICATES)
			return encl_fail(e, ENCL_MISMATCH,
					 "kernel: its EFI signatures are not a list of "
					 "certificates");
		if (encl_pread_full(k->fd, head, sizeof head, k->offset + from,
				    "the kernel", e))
			return -1;
		length = le32(head);
		if (length < sizeof head || length > to - from ||
		    (length + 7) / 8 * 8 > to - from)
			return encl_fail(e, ENCL_MISMATCH,
					 "kernel: its EFI signatures are not a list of "
					 "certificates");
		from += (length + 7) / 8 * 8;
	}
	return 0;
}

static int
not_its_end(const struct kernel *k, uint64_t own, struct encl_err *e)
{
	return encl_fail(e, ENCL_MISMATCH,
			 "kernel: by its own header it ends at byte %" PRIu64
			 ", its section at %" PRIu64,
			 own, k->size);
}

/* own bytes, then nothing but what the certificate table names. */
static int
compare(const struct kernel *k, uint64_t own, struct encl_kernel_end *out,
	struct encl_err *e)
{
	size_t pe = pe_header(k);
	const uint8_t *optional = k->head + pe + PE_OPTIONAL;
	uint64_t at = 0;
	uint64_t size = 0;

	if (pe && le32(optional + PE_N_DIRECTORIES) > 4) {
		at = le32(optional + PE_CERTIFICATES);
		size = le32(optional + PE_CERTIFICATES + 4);
	}
	if (!size && k->size != own)
		return not_its_end(k, own, e);
	if (size && (at != own || at + size != k->size))
		return encl_fail(e, ENCL_MISMATCH,
				 "kernel: it ends at byte %" PRIu64
				 " and its EFI signatures are %" PRIu64
				 " bytes at %" PRIu64 ", its section ends at %" PRIu64,
				 own, size, at, k->size);
	if (size && check_certificates(k, at, at + size, e))
		return -1;
	*out = (struct encl_kernel_end){true, own, size, 0};
	return 0;
}

static uint64_t
x86_end(const struct kernel *k)
{
	uint64_t setup = k->head[X86_SETUP_SECTS] ? k->head[X86_SETUP_SECTS] : 4;

	return (setup + 1) * 512 + (uint64_t)le32(k->head + X86_SYSSIZE) * 16;
}

/* The image's size in memory is all that is told without an EFI header. */
static int
arm64_end(const struct kernel *k, struct encl_kernel_end *out, struct encl_err *e)
{
	uint64_t memory = le32(k->head + ARM64_IMAGE_SIZE) |
			  (uint64_t)le32(k->head + ARM64_IMAGE_SIZE + 4) << 32;
	size_t pe = pe_header(k);
	uint64_t end = pe ? pe_sections_end(k, pe) : 0;

	if (end)
		return compare(k, end, out, e);
	if (k->size > memory)
		return encl_fail(e, ENCL_MISMATCH,
				 "kernel: by its own header it takes %" PRIu64
				 " bytes of memory, its section has %" PRIu64,
				 memory, k->size);
	*out = (struct encl_kernel_end){false, 0, 0, 0};
	return 0;
}

int
encl_kernel_end(int fd, uint64_t offset, uint64_t size, enum encl_arch arch,
		struct encl_kernel_end *out, struct encl_err *e)
{
	struct kernel k = {.fd = fd, .offset = offset, .size = size};
	struct encl_kernel_image image;

	k.n = sizeof k.head; /* zeros behind a short one */
	if (encl_pread_full(fd, k.head, size < k.n ? (size_t)size : k.n, offset,
			    "the kernel", e))
		return -1;
	if (encl_kernel_image_read(fd, offset, size, "kernel", arch, false, &image, e)) {
		e->code = ENCL_MISMATCH;
		return -1;
	}
	if (arch == ENCL_ARCH_X86_64 ? compare(&k, x86_end(&k), out, e)
				     : arm64_end(&k, out, e))
		return -1;
	out->cmdline_size = image.cmdline_size;
	return 0;
}
