/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that two readers would read differently, each made by hand: what the
 * verifier says of them, and that PCR0 does not tell them apart where it does not.
 */
#include <lz4.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/tmpfile.h"
#include "eif.h"
#include "eif/format.h"
#include "test.h"
#include "verify/image.h"

enum { REG = S_IFREG | 0644, DIR = S_IFDIR | 0755, LNK = S_IFLNK | 0777, ROOM = 1 << 20 };
enum { KERNEL = 0xe00, MAX_RAMDISKS = 3 };

struct member {
	const char *path;
	uint32_t mode;
	const char *data;
	uint32_t ino, nlink;
};

struct image {
	enum encl_arch arch;
	struct encl_buf kernel, cmdline, ramdisks[MAX_RAMDISKS];
	size_t n;
	bool cmdline_first;
};

static void
image_clear(struct image *i)
{
	encl_buf_clear(&i->kernel);
	encl_buf_clear(&i->cmdline);
	for (size_t k = 0; k < MAX_RAMDISKS; k++)
		encl_buf_clear(&i->ramdisks[k]);
}
ENCL_AUTO_VAL(struct image, image_clear);

/* ---- parts ---- */

static void
put_le(struct encl_buf *b, size_t at, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		b->data[at + i] = (uint8_t)(v >> 8 * i);
}

/* A bzImage of KERNEL bytes that ends in "k". */
static void
x86_kernel(struct encl_buf *b)
{
	for (size_t i = 0; i < KERNEL; i++)
		encl_buf_add_byte(b, 0);
	put_le(b, 0x1f1, 4, 1);
	put_le(b, 0x1f4, (KERNEL - 5 * 512) / 16, 4);
	put_le(b, 0x1fe, 0xaa55, 2);
	memcpy(b->data + 0x202, "HdrS", 4);
	put_le(b, 0x206, 0x20f, 2);
	put_le(b, 0x211, 1, 1);
	put_le(b, 0x236, 1, 2);
	put_le(b, 0x238, 2047, 4);
	b->data[KERNEL - 1] = 'k';
}

/* Its PE header says that certificates of size bytes are at `at`. */
static void
efi(struct encl_buf *b, uint64_t at, uint64_t size)
{
	memcpy(b->data, "MZ", 2);
	put_le(b, 0x3c, 0x240 + 0x40, 4);
	memcpy(b->data + 0x280, "PE\0", 4);
	put_le(b, 0x280 + 24, 0x20b, 2);
	put_le(b, 0x280 + 24 + 108, 6, 4);
	put_le(b, 0x280 + 24 + 112 + 32, at, 4);
	put_le(b, 0x280 + 24 + 112 + 36, size, 4);
}

static void
certificate(struct encl_buf *b, uint32_t length)
{
	size_t at = b->len;

	for (uint32_t i = 0; i < (length + 7) / 8 * 8; i++)
		encl_buf_add_byte(b, 's');
	put_le(b, at, length, 4);
}

static void
add_member(struct encl_buf *b, const struct member *m)
{
	size_t n = m->data ? strlen(m->data) : 0;

	encl_buf_add_fmt(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
			 m->ino, m->mode, 0u, 0u, m->nlink, 0u, (unsigned)n, 0u, 0u, 0u,
			 0u, (unsigned)strlen(m->path) + 1, 0u);
	encl_buf_add(b, m->path, strlen(m->path) + 1);
	while (b->len % 4)
		encl_buf_add_byte(b, 0);
	encl_buf_add(b, m->data ? m->data : "", n);
	while (b->len % 4)
		encl_buf_add_byte(b, 0);
}

static void
archive(struct encl_buf *b, const struct member *members)
{
	static const struct member trailer = {"TRAILER!!!", 0, NULL, 0, 1};

	b->len = 0;
	for (; members->path; members++)
		add_member(b, members);
	add_member(b, &trailer);
	while (b->len % 512)
		encl_buf_add_byte(b, 0);
}

static const struct member boot[] = {
	{"dev", DIR, NULL, 1, 2}, {"init", REG, "init", 2, 1}, {NULL, 0, NULL, 0, 0}};
static const struct member app[] = {{"rootfs", DIR, NULL, 1, 2},
				    {"rootfs/app", REG, "app", 2, 1},
				    {"rootfs/link", LNK, "app", 3, 1},
				    {NULL, 0, NULL, 0, 0}};

static void
image_init(struct image *i)
{
	memset(i, 0, sizeof *i);
	i->kernel.cap = i->cmdline.cap = ROOM;
	for (size_t k = 0; k < MAX_RAMDISKS; k++)
		i->ramdisks[k].cap = ROOM;
	i->arch = ENCL_ARCH_X86_64;
	i->n = 2;
	x86_kernel(&i->kernel);
	encl_buf_add_str(&i->cmdline, "console=ttyS0");
	archive(&i->ramdisks[0], boot);
	archive(&i->ramdisks[1], app);
}

/* ---- the file ---- */

static void
section(struct encl_buf *b, struct encl_eif_header *h, enum encl_section_type type,
	const void *p, size_t n)
{
	h->offsets[h->n_sections] = b->len;
	h->sizes[h->n_sections++] = n;
	encl_buf_be16(b, (uint16_t)type);
	encl_buf_be16(b, 0);
	encl_buf_be64(b, n);
	encl_buf_add(b, p, n);
}

static const char *
write_eif(const struct image *i)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 8 << 20};
	const struct encl_eif_bytes *metadata = vector("metadata.json");
	const char *path = test_path("made.eif");
	uint8_t head[ENCL_EIF_HEADER_SIZE] = {0};
	struct encl_eif_header h;
	const struct encl_buf *first = i->cmdline_first ? &i->cmdline : &i->kernel;
	const struct encl_buf *second = i->cmdline_first ? &i->kernel : &i->cmdline;

	encl_eif_header_init(&h, i->arch);
	encl_buf_add(&b, head, sizeof head);
	section(&b, &h, i->cmdline_first ? ENCL_SECTION_CMDLINE : ENCL_SECTION_KERNEL,
		first->data, first->len);
	section(&b, &h, i->cmdline_first ? ENCL_SECTION_KERNEL : ENCL_SECTION_CMDLINE,
		second->data, second->len);
	section(&b, &h, ENCL_SECTION_METADATA, metadata->p, metadata->n);
	for (size_t k = 0; k < i->n; k++)
		section(&b, &h, ENCL_SECTION_RAMDISK, i->ramdisks[k].data,
			i->ramdisks[k].len);
	encl_eif_header_encode(&h, head);
	h.crc = encl_crc32(encl_crc32(0, head, ENCL_EIF_CRC_OFFSET),
			   b.data + ENCL_EIF_HEADER_SIZE, b.len - ENCL_EIF_HEADER_SIZE);
	encl_eif_header_encode(&h, head);
	memcpy(b.data, head, sizeof head);
	OK(encl_write_file(path, b.data, b.len, 0644, &e));
	return path;
}

/* The last image's result: failures as "name: text" lines, and its PCR0. */
static char said[8192];
static char pcr0[2 * ENCL_PCR_SIZE + 1];

static const char *
verify_as(const struct image *i, bool nitro_cli)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state state = {.crc = 0};
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	const struct encl_verify_options o = {.nitro_cli = nitro_cli};
	size_t at = 0;

	OK(encl_eif_open(write_eif(i), &eif, &e));
	OK(encl_verify_image(&eif, 1, &o, &state, &checks, &e));
	memcpy(pcr0, pcr_hex(&state.measurements.pcr0), sizeof pcr0);
	*said = 0;
	for (size_t k = 0; k < checks.n; k++)
		if (checks.v[k].verdict == ENCL_CHECK_FAIL)
			at += (size_t)snprintf(said + at, sizeof said - at, "%s%s: %s",
					       at ? "\n" : "", checks.v[k].name,
					       checks.v[k].text);
	return said;
}
#define VERIFY(i) verify_as(i, false)

/* n bytes of the end of one section to the beginning of the next. */
static void
move_on(struct encl_buf *from, struct encl_buf *to, size_t n)
{
	encl_auto(encl_buf_clear) struct encl_buf all = {.cap = ROOM};

	from->len -= n;
	encl_buf_add(&all, from->data + from->len, n);
	encl_buf_add(&all, to->data, to->len);
	to->len = 0;
	encl_buf_add(to, all.data, all.len);
}

/* The other way. */
static void
move_back(struct encl_buf *to, struct encl_buf *from, size_t n)
{
	encl_buf_add(to, from->data, n);
	memmove(from->data, from->data + n, from->len - n);
	from->len -= n;
}

#define IMAGE                                                                            \
	encl_auto(image_clear) struct image i;                                           \
	image_init(&i)
/* What the untouched image's PCR0 is: a byte that moved leaves it. */
#define SAME_PCR0(call, want)                                                            \
	do {                                                                             \
		char was[sizeof pcr0];                                                   \
		EQ_STR("", VERIFY(&i));                                                  \
		memcpy(was, pcr0, sizeof was);                                           \
		call;                                                                    \
		EQ_STR(want, VERIFY(&i));                                                \
		EQ_STR(was, pcr0);                                                       \
	} while (0)

/* ---- bytes moved across a boundary ---- */

TEST(verify_image_good)
{
	IMAGE;

	EQ_STR("", VERIFY(&i));
	i.n = 1;
	EQ_STR("", VERIFY(&i));
}

TEST(verify_boundary_kernel_to_cmdline)
{
	IMAGE;

	SAME_PCR0(
		move_on(&i.kernel, &i.cmdline, 1),
		"boundaries: kernel: by its own header it ends at byte 3584, its section "
		"at 3583");
	CHECK(i.cmdline.data[0] == 'k'); /* "kconsole=ttyS0" */
}

TEST(verify_boundary_cmdline_to_kernel)
{
	IMAGE;

	SAME_PCR0(
		move_back(&i.kernel, &i.cmdline, 4),
		"boundaries: kernel: by its own header it ends at byte 3584, its section "
		"at 3588");
}

TEST(verify_boundary_cmdline_to_ramdisk)
{
	IMAGE;

	SAME_PCR0(move_on(&i.cmdline, &i.ramdisks[0], 4),
		  "boundaries: ramdisk 0: ramdisk: at byte 0: neither a cpio archive nor "
		  "compressed by gzip, zstd, lz4 or xz");
}

TEST(verify_boundary_ramdisk_to_cmdline)
{
	IMAGE;

	SAME_PCR0(move_back(&i.cmdline, &i.ramdisks[0], 6),
		  "boundaries: command line: has a \"070701\", which could be the "
		  "beginning of the ramdisk\n"
		  "boundaries: ramdisk 0: ramdisk: at byte 0: cpio: header at byte 0: it "
		  "does not begin with 070701");
}

TEST(verify_boundary_zeros_to_next_ramdisk)
{
	IMAGE;

	SAME_PCR0(move_on(&i.ramdisks[0], &i.ramdisks[1], 4),
		  "boundaries: ramdisk 1: begins with zeros, which are the end of what "
		  "stands before it");
}

TEST(verify_boundary_archive_to_other_ramdisk)
{
	IMAGE;

	i.n = 3;
	archive(&i.ramdisks[2], (const struct member[]){{"late", REG, "x", 1, 1}, {0}});
	SAME_PCR0(
		(encl_buf_add(&i.ramdisks[0], i.ramdisks[1].data, i.ramdisks[1].len),
		 i.ramdisks[1].len = 0,
		 encl_buf_add(&i.ramdisks[1], i.ramdisks[2].data, i.ramdisks[2].len),
		 i.n = 2),
		"boundaries: ramdisk 0: a second archive begins at byte 512, behind the "
		"end of the first");
}

TEST(verify_boundary_order)
{
	IMAGE;

	i.cmdline_first = true;
	EQ_STR("boundaries: the measured sections are not in the order kernel, command "
	       "line, ramdisks",
	       VERIFY(&i));
}

TEST(verify_boundary_cmdline_text)
{
	IMAGE;

	encl_buf_add_str(&i.cmdline, "\nroot=/dev/x");
	EQ_STR("boundaries: command line: byte 13 is 0x0a and no printable ASCII "
	       "character",
	       VERIFY(&i));
	i.cmdline.len = 0;
	for (size_t k = 0; k < 2048; k++)
		encl_buf_add_byte(&i.cmdline, 'a');
	EQ_STR("boundaries: command line: 2048 bytes, the kernel takes 2047 and drops "
	       "the rest",
	       VERIFY(&i));
	i.cmdline.len = 256;
	EQ_STR("", VERIFY(&i));
	put_le(&i.kernel, 0x238, 255, 4);
	EQ_STR("boundaries: command line: 256 bytes, the kernel takes 255 and drops the "
	       "rest",
	       VERIFY(&i));
}

/* One member's head in the command line: without it, and with it in the ramdisk, where
 * its name is the head of the next one, there is a second image of the same bytes. */
TEST(verify_boundary_archive_in_cmdline)
{
	char was[sizeof pcr0];
	IMAGE;

	encl_buf_add_fmt(&i.cmdline,
			 " 070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
			 7u, (unsigned)DIR, 0u, 0u, 2u, 0u, 0u, 0u, 0u, 0u, 0u,
			 (unsigned)(2 + 110 + sizeof "dev"), 0u);
	encl_buf_add_str(&i.cmdline, "xx");
	EQ_STR("boundaries: command line: has a \"070701\", which could be the beginning "
	       "of the ramdisk",
	       VERIFY(&i));
	memcpy(was, pcr0, sizeof was);
	move_on(&i.cmdline, &i.ramdisks[0], 112);
	VERIFY(&i);
	EQ_STR(was, pcr0);
	EQ_STR("", said); /* the other one, which no file by itself gives away */
}

TEST(verify_boundary_ramdisk_size)
{
	IMAGE;

	encl_buf_add_byte(&i.ramdisks[1], 0);
	EQ_STR("", VERIFY(&i)); /* of the last one nobody minds */
	encl_buf_add_byte(&i.ramdisks[0], 0);
	EQ_STR("boundaries: ramdisk 0: its size is not a multiple of 4, so the kernel "
	       "would not find the next one",
	       VERIFY(&i));
	i.ramdisks[0].len = 0;
	for (size_t k = 0; k < 512; k++)
		encl_buf_add_byte(&i.ramdisks[0], 0);
	EQ_STR("boundaries: ramdisk 0: has no archive in it", VERIFY(&i));
}

TEST(verify_boundary_truncated_archive)
{
	IMAGE;

	i.ramdisks[1].len = 300;
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: the archive ends early, "
	       "without TRAILER!!!",
	       VERIFY(&i));
}

/* ---- kernels ---- */

TEST(verify_kernel_efi_signatures)
{
	IMAGE;

	efi(&i.kernel, KERNEL, 24 + 1000);
	EQ_STR("boundaries: kernel: it ends at byte 3584 and its EFI signatures are 1024 "
	       "bytes at 3584, its section ends at 3584",
	       VERIFY(&i));
	certificate(&i.kernel, 20); /* takes 24 */
	certificate(&i.kernel, 1000);
	EQ_STR("", VERIFY(&i));
	move_back(&i.kernel, &i.cmdline, 1);
	EQ_STR("boundaries: kernel: it ends at byte 3584 and its EFI signatures are 1024 "
	       "bytes at 3584, its section ends at 4609",
	       VERIFY(&i));
	i.kernel.len--;
	put_le(&i.kernel, KERNEL, 4, 4);
	EQ_STR("boundaries: kernel: its EFI signatures are not a list of certificates",
	       VERIFY(&i));
	put_le(&i.kernel, KERNEL, 1025, 4);
	EQ_STR("boundaries: kernel: its EFI signatures are not a list of certificates",
	       VERIFY(&i));
	put_le(&i.kernel, KERNEL, 0xffffffff, 4);
	EQ_STR("boundaries: kernel: its EFI signatures are not a list of certificates",
	       VERIFY(&i));
}

/* What stands behind a kernel without being named by its PE header. */
TEST(verify_kernel_efi_unnamed_tail)
{
	IMAGE;

	efi(&i.kernel, 0, 0);
	EQ_STR("", VERIFY(&i));
	certificate(&i.kernel, 64);
	EQ_STR("boundaries: kernel: by its own header it ends at byte 3584, its section "
	       "at 3648",
	       VERIFY(&i));
	efi(&i.kernel, KERNEL + 8, 56); /* 8 bytes that nobody names */
	EQ_STR("boundaries: kernel: it ends at byte 3584 and its EFI signatures are 56 "
	       "bytes at 3592, its section ends at 3648",
	       VERIFY(&i));
	put_le(&i.kernel, 0x3c, 0xfffffff0, 4); /* a PE header far away is none */
	EQ_STR("boundaries: kernel: by its own header it ends at byte 3584, its section "
	       "at 3648",
	       VERIFY(&i));
}

static void
arm64_kernel(struct encl_buf *b)
{
	b->len = 0;
	for (size_t i = 0; i < KERNEL; i++)
		encl_buf_add_byte(b, 0);
	put_le(b, 0x10, 2 * KERNEL, 8);
	memcpy(b->data + 0x38, "ARM\x64", 4);
}

TEST(verify_kernel_arm64)
{
	IMAGE;

	i.arch = ENCL_ARCH_AARCH64;
	EQ_STR("boundaries: kernel is a bzImage, but arch is aarch64", VERIFY(&i));
	arm64_kernel(&i.kernel);
	EQ_STR("", VERIFY(&i)); /* a note: nothing tells its end */
	efi(&i.kernel, 0, 0);
	put_le(&i.kernel, 0x280 + 6, 1, 2);
	put_le(&i.kernel, 0x280 + 20, 160, 2);
	put_le(&i.kernel, 0x280 + 24 + 160 + 16, KERNEL - 512, 4);
	put_le(&i.kernel, 0x280 + 24 + 160 + 20, 512, 4);
	EQ_STR("", VERIFY(&i));
	move_back(&i.kernel, &i.cmdline, 1);
	EQ_STR("boundaries: kernel: by its own header it ends at byte 3584, its section "
	       "at 3585",
	       VERIFY(&i));
	arm64_kernel(&i.kernel);
	put_le(&i.kernel, 0x10, KERNEL - 1, 8);
	EQ_STR("boundaries: kernel: by its own header it takes 3583 bytes of memory, its "
	       "section has 3584",
	       VERIFY(&i));
}

/* ---- names ---- */

/* The app ramdisk has these members. */
#define MEMBERS(...) archive(&i.ramdisks[1], (const struct member[]){__VA_ARGS__, {0}})

TEST(verify_ramdisk_name_twice)
{
	IMAGE;

	MEMBERS({"a", REG, "good", 1, 1}, {"a", REG, "bad", 2, 1});
	EQ_STR("ramdisks: ramdisk 1: a: stands twice in it; the kernel would take the "
	       "last one",
	       VERIFY(&i));
	CHECK(*verify_as(&i, true)); /* nor with --compat nitro-cli */
}

TEST(verify_ramdisk_name_in_both)
{
	IMAGE;

	MEMBERS({"init", REG, "other", 1, 1});
	EQ_STR("ramdisks: ramdisk 1: init: stands in ramdisk 0 too; the kernel would take "
	       "the last one",
	       VERIFY(&i));
}

TEST(verify_ramdisk_folder_twice)
{
	IMAGE;

	MEMBERS({"rootfs", DIR, NULL, 1, 2}, {"rootfs/tmp", S_IFDIR | 01777, NULL, 2, 2},
		{"rootfs/tmp/", DIR, NULL, 3, 2});
	EQ_STR("ramdisks: ramdisk 1: rootfs/tmp: stands twice in it; the kernel would "
	       "take the last one",
	       VERIFY(&i));
	EQ_STR("", verify_as(&i, true));
	MEMBERS({"rootfs", DIR, NULL, 1, 2}, {"rootfs", LNK, "/", 2, 1});
	CHECK(*verify_as(&i, true));
}

TEST(verify_ramdisk_parent)
{
	IMAGE;

	MEMBERS({"a/b", REG, "x", 1, 1}, {"a", DIR, NULL, 2, 2});
	EQ_STR("ramdisks: ramdisk 1: a/b: its folder does not stand before it; the kernel "
	       "would drop it",
	       VERIFY(&i));
	MEMBERS({"a", LNK, "/dev", 1, 1}, {"a/b", REG, "x", 2, 1});
	EQ_STR("ramdisks: ramdisk 1: a/b: its folder is a symlink; the kernel would write "
	       "to where it leads",
	       VERIFY(&i));
	MEMBERS({"a", REG, "x", 1, 1}, {"a/b", REG, "x", 2, 1});
	EQ_STR("ramdisks: ramdisk 1: a/b: its folder is none; the kernel would drop it",
	       VERIFY(&i));
	MEMBERS({"dev/x", REG, "x", 1, 1}); /* of the first one */
	EQ_STR("", VERIFY(&i));
}

TEST(verify_ramdisk_spelling)
{
	static const char *const bad[] = {"./a", "a//b", "a/./b", "a//", "a/."};
	IMAGE;

	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		MEMBERS({bad[k], DIR, NULL, 1, 2});
		CHECK(strstr(VERIFY(&i), ": is not the one spelling of a path") != NULL);
	}
	MEMBERS({".", DIR, NULL, 1, 2}, {"a", REG, "x", 2, 1});
	EQ_STR("", VERIFY(&i));
	MEMBERS({".", REG, "x", 1, 1});
	EQ_STR("ramdisks: ramdisk 1: .: is not the one spelling of a path", VERIFY(&i));
	MEMBERS({"a/../b", REG, "x", 1, 1});
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: a/../b: the path has a "
	       "\"..\"",
	       VERIFY(&i));
	MEMBERS({"a\n\x1b[2Jb/c", REG, "x", 1, 1});
	EQ_STR("ramdisks: ramdisk 1: a\\x0a\\x1b[2Jb/c: its folder does not stand before "
	       "it; the kernel would drop it",
	       VERIFY(&i));
}

TEST(verify_ramdisk_hard_links)
{
	IMAGE;

	MEMBERS({"a", REG, "same", 9, 2}, {"b", REG, NULL, 9, 2});
	EQ_STR("", VERIFY(&i));
	MEMBERS({"a", REG, NULL, 9, 2}, {"b", REG, "late", 9, 2}); /* as cpio writes */
	EQ_STR("", VERIFY(&i));
	MEMBERS({"a", REG, "good", 9, 2}, {"b", REG, "bad", 9, 2});
	EQ_STR("ramdisks: ramdisk 1: b: is a further name of a file with a content of its "
	       "own; the kernel would write it into both",
	       VERIFY(&i));
	MEMBERS({"a", REG, NULL, 9, 3}, {"b", REG, "x", 9, 3}, {"c", REG, "y", 9, 3});
	CHECK(strstr(VERIFY(&i), ": c: is a further name") != NULL);
	MEMBERS({"a", REG, "x", 9, 2}, {"b", S_IFREG | 04755, NULL, 9, 2});
	EQ_STR("ramdisks: ramdisk 1: b: is a further name of a file with another mode, "
	       "owner or time",
	       VERIFY(&i));
	MEMBERS({"a", REG, "x", 9, 1},
		{"b", REG, "y", 9, 1}); /* one link each: two files */
	EQ_STR("", VERIFY(&i));
}

/* A folder or a symlink for the kernel, which goes on behind it. */
TEST(verify_ramdisk_false_trailer)
{
	IMAGE;

	MEMBERS({"TRAILER!!!/", DIR, NULL, 1, 2}, {"hidden", REG, "x", 2, 1});
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: TRAILER!!!: a trailer "
	       "with a type",
	       VERIFY(&i));
	MEMBERS({"TRAILER!!!", S_IFLNK, NULL, 1, 1}, {"hidden", REG, "x", 2, 1});
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: TRAILER!!!: a trailer "
	       "with a type",
	       VERIFY(&i));
	MEMBERS({"a/", REG, "x", 1, 1}); /* the kernel cannot open it */
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: a: a slash behind the "
	       "name of what is not a folder",
	       VERIFY(&i));
	MEMBERS({"a/", LNK, "x", 1, 1});
	EQ_STR("boundaries: ramdisk 1: ramdisk: at byte 0: cpio: a: a slash behind the "
	       "name of what is not a folder",
	       VERIFY(&i));
}

TEST(verify_ramdisk_second_archive)
{
	encl_auto(encl_free) char *want = NULL;
	IMAGE;

	want = encl_xasprintf("boundaries: ramdisk 1: a second archive begins at byte "
			      "%zu, behind the end of the first",
			      i.ramdisks[1].len);
	archive(&i.ramdisks[2], (const struct member[]){{"late", REG, "x", 1, 1}, {0}});
	encl_buf_add(&i.ramdisks[1], i.ramdisks[2].data, i.ramdisks[2].len);
	EQ_STR(want, VERIFY(&i));
}

TEST(verify_ramdisk_many_problems)
{
	struct member members[21] = {{NULL, 0, NULL, 0, 0}};
	IMAGE;

	for (size_t k = 0; k < 20; k++)
		members[k] = (struct member){"same", REG, "x", (uint32_t)k, 1};
	archive(&i.ramdisks[1], members);
	CHECK(strstr(VERIFY(&i), "ramdisks: and 11 more") != NULL);
}

/* ---- compressed ---- */

static void
gzip(struct encl_buf *b, bool extra)
{
	encl_auto(encl_free) uint8_t *out = encl_xmalloc(ROOM);
	gz_header head = {.os = 255};
	z_stream z = {0};

	if (extra) {
		head.extra = (Bytef *)(uintptr_t) "\7\1\4\0abcd";
		head.extra_len = 8;
	} else {
		head.name = (Bytef *)(uintptr_t) "name";
	}
	EQ_INT(Z_OK, deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY));
	deflateSetHeader(&z, &head);
	z.next_in = b->data;
	z.avail_in = (uInt)b->len;
	z.next_out = out;
	z.avail_out = ROOM;
	EQ_INT(Z_STREAM_END, deflate(&z, Z_FINISH));
	b->len = 0;
	encl_buf_add(b, out, ROOM - z.avail_out);
	deflateEnd(&z);
}

TEST(verify_gzip_header)
{
	IMAGE;

	gzip(&i.ramdisks[1], false);
	EQ_STR("", VERIFY(&i));
	archive(&i.ramdisks[1], app);
	gzip(&i.ramdisks[1], true);
	EQ_STR("boundaries: ramdisk 1: its gzip header has fields that the kernel does "
	       "not pass over",
	       VERIFY(&i));
}

static void
zstd(struct encl_buf *b)
{
	encl_auto(encl_free) uint8_t *out = encl_xmalloc(ROOM);
	size_t n = ZSTD_compress(out, ROOM, b->data, b->len, 1);

	CHECK(!ZSTD_isError(n));
	b->len = 0;
	encl_buf_add(b, out, n);
}

TEST(verify_compressed_tail)
{
	encl_auto(encl_free) char *want = NULL;
	size_t n;
	IMAGE;

	zstd(&i.ramdisks[1]);
	EQ_STR("", VERIFY(&i));
	n = i.ramdisks[1].len;
	encl_buf_add_str(&i.ramdisks[1], "\1tail");
	want = encl_xasprintf("boundaries: ramdisk 1: ramdisk: at byte %zu: neither a "
			      "cpio archive nor compressed by gzip, zstd, lz4 or xz",
			      n);
	EQ_STR(want, VERIFY(&i));
	free(encl_take(want, NULL));
	i.ramdisks[1].len = n;
	while (i.ramdisks[1].len % 4)
		encl_buf_add_byte(&i.ramdisks[1], 0);
	n = i.ramdisks[1].len;
	archive(&i.ramdisks[2], (const struct member[]){{"late", REG, "x", 1, 1}, {0}});
	zstd(&i.ramdisks[2]);
	encl_buf_add(&i.ramdisks[1], i.ramdisks[2].data, i.ramdisks[2].len);
	want = encl_xasprintf("boundaries: ramdisk 1: a second archive begins at byte "
			      "%zu, behind the end of the first",
			      n);
	EQ_STR(want, VERIFY(&i));
}

TEST(verify_compressed_two_archives)
{
	IMAGE;

	archive(&i.ramdisks[2], (const struct member[]){{"late", REG, "x", 1, 1}, {0}});
	encl_buf_add(&i.ramdisks[1], i.ramdisks[2].data, i.ramdisks[2].len);
	zstd(&i.ramdisks[1]);
	EQ_STR("boundaries: ramdisk 1: several archives are compressed into one",
	       VERIFY(&i));
}

/* The kernel's lz4 reader takes what follows for the next block's size. */
TEST(verify_lz4_end)
{
	char out[8192];
	IMAGE;
	struct encl_buf *b = &i.ramdisks[0];
	int n = LZ4_compress_default((const char *)b->data, out, (int)b->len, sizeof out);

	CHECK(n > 0);
	b->len = 0;
	encl_buf_add(b, "\2\x21\x4c\x18", 4);
	encl_buf_add(b, (const uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8), 0, 0}, 4);
	encl_buf_add(b, out, (size_t)n);
	while (b->len % 4)
		encl_buf_add_byte(b, 0);
	EQ_STR("boundaries: ramdisk 0: no zeros end its lz4 data, so the kernel would "
	       "take the next one for more of it",
	       VERIFY(&i));
	encl_buf_add(b, "\0\0\0", 4);
	EQ_STR("", VERIFY(&i));
}
