/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first bytes of a kernel file to its kind.  The fields are those of
 * Linux's Documentation/arch/x86/boot.rst and arch/arm64/booting.rst; all of
 * them are little-endian.
 */
#include "sources/kernel_image.h"

#include <string.h>

#include "base/stream.h"

enum { HEAD_SIZE = 1024 };

/* x86 setup header */
enum {
	X86_SETUP_SECTS = 0x1f1,
	X86_SYSSIZE = 0x1f4, /* 16-byte units */
	X86_BOOT_FLAG = 0x1fe,
	X86_MAGIC = 0x202,
	X86_PROTOCOL = 0x206,
	X86_VERSION_STRING = 0x20e, /* offset of it, less 0x200 */
	X86_LOADFLAGS = 0x211,
	X86_XLOADFLAGS = 0x236,	  /* from protocol 2.12 */
	X86_CMDLINE_SIZE = 0x238, /* from protocol 2.06 */
	X86_INIT_SIZE = 0x260,	  /* from protocol 2.10 */
};

/* arm64 header */
enum { ARM64_IMAGE_SIZE = 0x10, ARM64_FLAGS = 0x18, ARM64_MAGIC = 0x38 };

struct source {
	int fd;
	uint64_t offset, size;
	const char *what;
	const uint8_t *head; /* HEAD_SIZE bytes, zero-filled */
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

static const char *
wanted_form(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? "x86_64 boots a bzImage"
					: "aarch64 boots an Image";
}

static const char *
name_of(const uint8_t *h, uint64_t size)
{
	static const struct {
		unsigned offset, n;
		const char *magic, *name;
	} known[] = {
		{4, 4, "zimg", "is a compressed EFI zboot image"},
		{0, 4,
		 "\x7f"
		 "ELF",
		 "is an ELF vmlinux"},
		{0, 2, "\x1f\x8b", "is a gzip file"},
		{0, 6,
		 "\xfd"
		 "7zXZ",
		 "is an xz file"},
		{0, 4, "\x28\xb5\x2f\xfd", "is a zstd file"},
		{0, 4, "\x27\x05\x19\x56", "is a U-Boot uImage"},
		{0, 4, ".eif", "is an enclave image"},
		{0, 7, "!<arch>", "is a Debian package or ar archive"},
		{0, 2, "MZ", "is an EFI program"},
	};

	if (size == 0)
		return "is empty";
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!memcmp(h + known[i].offset, known[i].magic, known[i].n))
			return known[i].name;
	return "is not a kernel image";
}

static bool
is_x86(const uint8_t *h)
{
	return le16(h + X86_BOOT_FLAG) == 0xaa55 && !memcmp(h + X86_MAGIC, "HdrS", 4);
}

static bool
is_arm64(const uint8_t *h)
{
	return !memcmp(h + ARM64_MAGIC, "ARM\x64", 4);
}

/* "6.1.0-40-cloud-amd64 (builder@host) #1 SMP …": the first word. */
static int
read_release(const struct source *s, char *release, struct encl_err *e)
{
	uint32_t at = le16(s->head + X86_VERSION_STRING);
	char text[ENCL_KERNEL_RELEASE_MAX] = {0};
	uint64_t pos = (uint64_t)at + 0x200;
	size_t n = sizeof text - 1;

	*release = 0;
	if (at == 0 || pos >= s->size)
		return 0;
	if (n > s->size - pos)
		n = (size_t)(s->size - pos);
	if (encl_pread_full(s->fd, text, n, s->offset + pos, s->what, e))
		return -1;
	n = strcspn(text, " \t\n");
	for (size_t i = 0; i < n; i++)
		if (text[i] < '!' || text[i] > '~' || text[i] == '/')
			return 0;
	memcpy(release, text, n);
	release[n] = 0;
	return 0;
}

static int
read_x86(const struct source *s, struct encl_kernel_image *out, struct encl_err *e)
{
	const uint8_t *h = s->head;
	uint32_t protocol = le16(h + X86_PROTOCOL);
	uint64_t setup = h[X86_SETUP_SECTS] ? h[X86_SETUP_SECTS] : 4;
	uint64_t need = (setup + 1) * 512 + (uint64_t)le32(h + X86_SYSSIZE) * 16;

	if (protocol < 0x20c)
		return encl_fail(
			e, ENCL_USAGE,
			"%s: its boot protocol %u.%02u is too old (2.12 is needed)",
			s->what, protocol >> 8, protocol & 0xff);
	if (!(h[X86_LOADFLAGS] & 1))
		return encl_fail(e, ENCL_USAGE, "%s is a zImage; x86_64 boots a bzImage",
				 s->what);
	if (!(le16(h + X86_XLOADFLAGS) & 1))
		return encl_fail(e, ENCL_USAGE, "%s is a 32-bit kernel; arch is x86_64",
				 s->what);
	/* The last unit may be a part of 16 bytes. */
	if (s->size + 15 < need)
		return encl_fail(
			e, ENCL_USAGE, "%s is truncated: %llu bytes of a bzImage of %llu",
			s->what, (unsigned long long)s->size, (unsigned long long)need);
	out->cmdline_size = le32(h + X86_CMDLINE_SIZE);
	out->memory = le32(h + X86_INIT_SIZE);
	return read_release(s, out->release, e);
}

static int
read_arm64(const struct source *s, struct encl_kernel_image *out, struct encl_err *e)
{
	uint64_t image_size = le32(s->head + ARM64_IMAGE_SIZE) |
			      (uint64_t)le32(s->head + ARM64_IMAGE_SIZE + 4) << 32;

	if (s->head[ARM64_FLAGS] & 1)
		return encl_fail(e, ENCL_USAGE, "%s is a big-endian arm64 kernel",
				 s->what);
	if (image_size == 0)
		return encl_fail(
			e, ENCL_USAGE,
			"%s: its arm64 header has no image size (older than 3.17)",
			s->what);
	out->memory = image_size;
	return 0;
}

int
encl_kernel_image_read(int fd, uint64_t offset, uint64_t size, const char *what,
		       enum encl_arch arch, bool allow_gzip,
		       struct encl_kernel_image *out, struct encl_err *e)
{
	uint8_t head[HEAD_SIZE] = {0};
	struct source s = {fd, offset, size, what, head};
	struct encl_kernel_image image = {.arch = arch};
	size_t n = size < sizeof head ? (size_t)size : sizeof head;
	enum encl_arch is;

	if (encl_pread_full(fd, head, n, offset, what, e))
		return -1;
	if (!is_x86(head) && !is_arm64(head)) {
		if (!(allow_gzip && arch == ENCL_ARCH_AARCH64 && head[0] == 0x1f &&
		      head[1] == 0x8b))
			return encl_fail(e, ENCL_USAGE, "%s %s; %s", what,
					 name_of(head, size), wanted_form(arch));
		image.gzip = true;
		*out = image;
		return 0;
	}
	is = is_arm64(head) ? ENCL_ARCH_AARCH64 : ENCL_ARCH_X86_64;
	if (is != arch)
		return encl_fail(e, ENCL_USAGE, "%s is %s, but arch is %s", what,
				 is == ENCL_ARCH_AARCH64 ? "an arm64 Image" : "a bzImage",
				 encl_arch_name(arch));
	if (is == ENCL_ARCH_X86_64 ? read_x86(&s, &image, e) : read_arm64(&s, &image, e))
		return -1;
	*out = image;
	return 0;
}
