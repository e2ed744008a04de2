/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/kernel_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stream.h"
#include "test.h"

enum { SIZE = 4096 };

static void
put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* A bzImage of 4096 bytes: one setup sector, 3072 bytes of kernel. */
static void
make_bzimage(uint8_t h[SIZE])
{
	memset(h, 0, SIZE);
	memcpy(h, "MZ", 2); /* the EFI stub's */
	h[0x1f1] = 1;
	put(h + 0x1f4, 3072 / 16, 4);
	put(h + 0x1fe, 0xaa55, 2);
	memcpy(h + 0x202, "HdrS", 4);
	put(h + 0x206, 0x20f, 2);
	put(h + 0x20e, 0x300, 2);
	h[0x211] = 1;
	put(h + 0x236, 1, 2);
	put(h + 0x238, 2047, 4);
	memcpy(h + 0x500, "6.1.0-40-cloud-amd64 (a@b) #1 SMP", 33);
}

static void
make_arm64(uint8_t h[SIZE])
{
	memset(h, 0, SIZE);
	memcpy(h, "MZ", 2);
	put(h + 0x10, 8192, 8);
	h[0x18] = 0x0a;
	memcpy(h + 0x38, "ARM\x64", 4);
}

static int
look(const uint8_t *h, size_t n, enum encl_arch arch, struct encl_kernel_image *out)
{
	encl_auto(encl_close_fd) int fd = memfd_create("image", MFD_CLOEXEC);

	/* not at the file's begin: as in a .deb's data */
	OK(encl_pwrite_full(fd, h, n, 100, "image", &e));
	return encl_kernel_image_read(fd, 100, n, "vmlinuz", arch, false, out, &e);
}

TEST(sources_kernel_image_bzimage)
{
	struct encl_kernel_image i;
	uint8_t h[SIZE];

	make_bzimage(h);
	OK(look(h, SIZE, ENCL_ARCH_X86_64, &i));
	EQ_STR("6.1.0-40-cloud-amd64", i.release);
	EQ_INT(2047, i.cmdline_size);
	FAILS(look(h, SIZE, ENCL_ARCH_AARCH64, &i), ENCL_USAGE,
	      "vmlinuz is a bzImage, but arch is aarch64");
	h[0x236] = 0;
	FAILS(look(h, SIZE, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz is a 32-bit kernel; arch is x86_64");
	h[0x211] = 0;
	FAILS(look(h, SIZE, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz is a zImage; x86_64 boots a bzImage");
	put(h + 0x206, 0x206, 2);
	FAILS(look(h, SIZE, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz: its boot protocol 2.06 is too old (2.12 is needed)");
}

TEST(sources_kernel_image_truncated)
{
	struct encl_kernel_image i;
	uint8_t h[SIZE];

	make_bzimage(h);
	FAILS(look(h, SIZE - 16, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz is truncated: 4080 bytes of a bzImage of 4096");
	put(h + 0x1f4, 0xffffffff, 4);
	FAILS(look(h, SIZE, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz is truncated: 4096 bytes of a bzImage of 68719477744");
}

/* A release that leads nowhere or is not one is no release. */
TEST(sources_kernel_image_release)
{
	struct encl_kernel_image i;
	uint8_t h[SIZE];

	make_bzimage(h);
	put(h + 0x20e, 0xffff, 2);
	OK(look(h, SIZE, ENCL_ARCH_X86_64, &i));
	EQ_STR("", i.release);
	make_bzimage(h);
	memcpy(h + 0x500, "../../x ", 8);
	OK(look(h, SIZE, ENCL_ARCH_X86_64, &i));
	EQ_STR("", i.release);
	make_bzimage(h);
	memset(h + 0x500, 'a', SIZE - 0x500);
	OK(look(h, SIZE, ENCL_ARCH_X86_64, &i));
	EQ_INT(ENCL_KERNEL_RELEASE_MAX - 1, strlen(i.release));
}

TEST(sources_kernel_image_arm64)
{
	struct encl_kernel_image i;
	uint8_t h[SIZE];

	make_arm64(h);
	OK(look(h, SIZE, ENCL_ARCH_AARCH64, &i));
	EQ_STR("", i.release);
	FAILS(look(h, SIZE, ENCL_ARCH_X86_64, &i), ENCL_USAGE,
	      "vmlinuz is an arm64 Image, but arch is x86_64");
	put(h + 0x10, 0, 8);
	FAILS(look(h, SIZE, ENCL_ARCH_AARCH64, &i), ENCL_USAGE,
	      "vmlinuz: its arm64 header has no image size (older than 3.17)");
	h[0x18] = 1;
	FAILS(look(h, SIZE, ENCL_ARCH_AARCH64, &i), ENCL_USAGE,
	      "vmlinuz is a big-endian arm64 kernel");
}

TEST(sources_kernel_image_others)
{
	static const struct {
		const char *head;
		size_t n;
		enum encl_arch arch;
		const char *message;
	} rows[] = {
		{"\x7f"
		 "ELF\x02\x01",
		 6, ENCL_ARCH_X86_64,
		 "vmlinuz is an ELF vmlinux; x86_64 boots a bzImage"},
		{"MZ\0\0zimg", 8, ENCL_ARCH_AARCH64,
		 "vmlinuz is a compressed EFI zboot image; aarch64 boots an Image"},
		{"\x1f\x8b\x08\0", 4, ENCL_ARCH_AARCH64,
		 "vmlinuz is a gzip file; aarch64 boots an Image"},
		{".eif", 4, ENCL_ARCH_X86_64,
		 "vmlinuz is an enclave image; x86_64 boots a bzImage"},
		{"!<arch>\n", 8, ENCL_ARCH_X86_64,
		 "vmlinuz is a Debian package or ar archive; x86_64 boots a bzImage"},
		{"MZ\0\0\0\0", 6, ENCL_ARCH_X86_64,
		 "vmlinuz is an EFI program; x86_64 boots a bzImage"},
		{"hello", 5, ENCL_ARCH_X86_64,
		 "vmlinuz is not a kernel image; x86_64 boots a bzImage"},
		{"", 0, ENCL_ARCH_X86_64, "vmlinuz is empty; x86_64 boots a bzImage"},
	};
	struct encl_kernel_image i;

	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		FAILS(look((const uint8_t *)rows[k].head, rows[k].n, rows[k].arch, &i),
		      ENCL_USAGE, rows[k].message);
}
