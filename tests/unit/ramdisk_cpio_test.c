/* SPDX-License-Identifier: Apache-2.0 */
/* Archives as bytes: both styles, hard links, sums that are known before. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/stream.h"
#include "ramdisk/ramdisk.h"
#include "sources/source.h"
#include "test.h"

static void
write_to(const struct encl_ramdisk *r, struct encl_buf *b)
{
	struct encl_sink_buf sink;

	encl_buf_init(b, 64 << 20);
	encl_sink_buf_init(&sink, b, "test");
	OK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e));
	EQ_INT(b->len, encl_ramdisk_size(r));
	EQ_INT(encl_crc32(0, b->data, b->len), encl_ramdisk_crc(r));
}

/* A header as text, padded name included; fields as in the file. */
static void
eq_head(const struct encl_buf *b, size_t at, const char *want)
{
	char got[256];

	CHECK(at + 110 < b->len);
	snprintf(got, sizeof got, "%.110s %s", (const char *)b->data + at,
		 (const char *)b->data + at + 110);
	EQ_STR(want, got);
}

TEST(ramdisk_cpio_ours)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	struct encl_entry en = {
		.path = "l", .type = ENCL_SYMLINK, .mode = 0777, .link = "d/f"};

	OK(encl_ramdisk_add_dir(r, "d", 01755, 0xabcdef, &e));
	OK(encl_ramdisk_add_data(r, "d/f", 0640, 1, "hello", 5, &e));
	OK(encl_ramdisk_add(r, &en, &e));
	en = (struct encl_entry){.path = "null",
				 .type = ENCL_CHR,
				 .mode = 0666,
				 .uid = 1000,
				 .gid = 0xfffffffe,
				 .dev_major = 1,
				 .dev_minor = 3};
	OK(encl_ramdisk_add(r, &en, &e));
	write_to(r, &b);
	EQ_INT(4096, b.len);
	eq_head(&b, 0,
		"070701"
		"00000001"
		"000043ED"
		"00000000"
		"00000000"
		"00000002"
		"00ABCDEF"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000002"
		"00000000 d");
	eq_head(&b, 112,
		"070701"
		"00000002"
		"000081A0"
		"00000000"
		"00000000"
		"00000001"
		"00000001"
		"00000005"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000004"
		"00000000 d/f");
	EQ_MEM("d/f\0\0\0hello\0\0\0", 14, b.data + 112 + 110, 14);
	eq_head(&b, 236,
		"070701"
		"00000003"
		"0000A1FF"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000003"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000002"
		"00000000 l");
	EQ_MEM("l\0d/f\0", 6, b.data + 236 + 110, 6);
	eq_head(&b, 352,
		"070701"
		"00000004"
		"000021B6"
		"000003E8"
		"FFFFFFFE"
		"00000001"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000001"
		"00000003"
		"00000005"
		"00000000 null");
	eq_head(&b, 468,
		"070701"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"00000000"
		"0000000B"
		"00000000 "
		"TRAILER!!!");
	for (size_t i = 468 + 110 + 10; i < b.len; i++)
		EQ_INT(0, b.data[i]);
}

TEST(ramdisk_cpio_linuxkit)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = NULL;
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	const struct encl_content init = {.data = (const uint8_t *)"INIT", .size = 4};
	struct encl_kernel_files k = {
		.nsm_ko = {.data = (const uint8_t *)"nsm", .size = 3}};

	OK(encl_ramdisk_boot(&k, true, &init, 7, &r, &e));
	write_to(r, &b);
	EQ_INT(512, b.len);
	eq_head(&b, 0,
		"070701"
		"000002d1"
		"000041ed"
		"00000000"
		"00000000"
		"00000002"
		"58f63f08"
		"00000000"
		"00000003"
		"00000001"
		"00000000"
		"00000000"
		"00000004"
		"00000000 dev");
	eq_head(&b, 116,
		"070701"
		"000002d2"
		"000081ed"
		"00000000"
		"00000000"
		"00000001"
		"58f63f08"
		"00000004"
		"00000003"
		"00000001"
		"00000000"
		"00000000"
		"00000005"
		"00000000 init");
	EQ_MEM("init\0\0INIT070701", 16, b.data + 116 + 110, 16);
	eq_head(&b, 236,
		"070701"
		"000002d3"
		"000081ed"
		"00000000"
		"00000000"
		"00000001"
		"58f63f08"
		"00000003"
		"00000003"
		"00000001"
		"00000000"
		"00000000"
		"00000007"
		"00000000 nsm.ko");
	eq_head(&b, 360,
		"070701"
		"000002d4"
		"00000000"
		"00000000"
		"00000000"
		"00000001"
		"00000000"
		"00000000"
		"00000003"
		"00000001"
		"00000000"
		"00000000"
		"0000000b"
		"00000000 "
		"TRAILER!!!");
}

/* The sizes of the ramdisks that linuxkit makes of AWS's own blobs. */
TEST(ramdisk_cpio_aws_sizes)
{
	static const struct {
		uint64_t init, nsm, want;
	} rows[] = {{742968, 20504, 764416}, {738616, 23208, 762368}};
	encl_auto(encl_free) uint8_t *zeros = encl_xcalloc(1, 1 << 20);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = NULL;
		const struct encl_content init = {.data = zeros, .size = rows[i].init};
		struct encl_kernel_files k = {
			.nsm_ko = {.data = zeros, .size = rows[i].nsm}};

		OK(encl_ramdisk_boot(&k, true, &init, 0, &r, &e));
		EQ_INT(rows[i].want, encl_ramdisk_size(r));
	}
}

static void
add(struct encl_entry_sink *s, const char *path, enum encl_entry_type type,
    const char *arg)
{
	struct encl_entry en = {.path = path, .type = type, .mode = 0755, .link = arg};

	if (type == ENCL_REG) {
		en.content.data = (const uint8_t *)arg;
		en.content.size = strlen(arg);
	}
	OK(s->add(s, &en, &e));
}

static struct encl_tree *
small_tree(void)
{
	struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin o = {"image", "1"};

	OK(s->begin(s, &o, 1, &e));
	add(s, "b/two", ENCL_REG, "same");
	add(s, "a/one", ENCL_HARDLINK, "b/two");
	add(s, "three", ENCL_HARDLINK, "b/two");
	add(s, "single", ENCL_REG, "1");
	add(s, "s1", ENCL_SYMLINK, "x");
	add(s, "s2", ENCL_HARDLINK, "s1");
	OK(s->end(s, &e));
	OK(encl_tree_normalise(t, 9, ENCL_ROOT_CPIO, &e));
	return t;
}

/* "PATH ino nlink size" of every header. */
static char *
heads(const struct encl_buf *b)
{
	struct encl_buf out = {.cap = 1 << 20};
	size_t at = 0;

	while (at + 110 < b->len) {
		const char *h = (const char *)b->data + at;
		unsigned v[13];

		for (int i = 0; i < 13; i++)
			CHECK(sscanf(h + 6 + 8 * i, "%8x", &v[i]) == 1);
		encl_buf_add_fmt(&out, "%s %u %u %u\n", h + 110, v[0], v[4], v[6]);
		at = (at + 110 + v[11] + 3) / 4 * 4;
		at = (at + v[6] + 3) / 4 * 4;
		if (!strcmp(h + 110, "TRAILER!!!"))
			break;
	}
	return (char *)encl_buf_steal(&out, NULL);
}

TEST(ramdisk_cpio_hard_links)
{
	encl_auto(encl_tree_free) struct encl_tree *t = small_tree();
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	encl_auto(encl_free) char *got = NULL;

	OK(encl_ramdisk_add_tree(r, "rootfs", t, &e));
	write_to(r, &b);
	got = heads(&b);
	EQ_STR("rootfs 1 2 0\n"
	       "rootfs/a 2 2 0\n"
	       "rootfs/a/one 3 3 4\n"
	       "rootfs/b 4 2 0\n"
	       "rootfs/b/two 3 3 0\n"
	       "rootfs/s1 5 1 1\n"
	       "rootfs/s2 6 1 1\n"
	       "rootfs/single 7 1 1\n"
	       "rootfs/three 3 3 0\n"
	       "TRAILER!!! 0 1 0\n",
	       got);
}

TEST(ramdisk_cpio_hard_links_as_symlinks)
{
	encl_auto(encl_tree_free) struct encl_tree *t = small_tree();
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_LINUXKIT);
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	encl_auto(encl_free) char *got = NULL;

	OK(encl_ramdisk_add_tree(r, "rootfs", t, &e));
	write_to(r, &b);
	got = heads(&b);
	EQ_STR("rootfs 721 2 0\n"
	       "rootfs/a 722 2 0\n"
	       "rootfs/a/one 723 1 4\n"
	       "rootfs/b 724 2 0\n"
	       "rootfs/b/two 725 1 8\n"
	       "rootfs/s1 726 1 1\n"
	       "rootfs/s2 727 1 1\n"
	       "rootfs/single 728 1 1\n"
	       "rootfs/three 729 1 5\n"
	       "TRAILER!!! 730 1 0\n",
	       got);
	CHECK(memmem(b.data, b.len, "two\0\0../a/one0", 14) != NULL);
	CHECK(memmem(b.data, b.len, "three\0\0a/one", 12) != NULL);
}

TEST(ramdisk_cpio_app)
{
	encl_auto(encl_tree_free) struct encl_tree *t = small_tree();
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = NULL;
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *none = NULL;
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	encl_auto(encl_free) char *got = NULL;
	const char *words[] = {"/bin/sh", "-c", "a b"};
	const char *bad[] = {"x", "a\nb"};
	const struct encl_strings cmd = {words, 3}, env = {NULL, 0}, broken = {bad, 2};

	OK(encl_ramdisk_app(t, &cmd, &env, 9, &r, &e));
	write_to(r, &b);
	got = heads(&b);
	CHECK(strstr(got, "cmd 1 1 15\nenv 2 1 0\nrootfs 3 2 0\n") == got);
	CHECK(strstr(got, "rootfs/three 5 3 0\n~complete 10 1 0\nTRAILER!!!") != NULL);
	CHECK(memmem(b.data, b.len, "cmd\0\0\0/bin/sh\n-c\na b\n", 21) != NULL);
	FAILS(encl_ramdisk_app(t, &broken, &env, 9, &none, &e), ENCL_USAGE,
	      "cmd: item 2 has a newline, but the file has one a line");
}

TEST(ramdisk_cpio_boot)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = NULL;
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	encl_auto(encl_free) char *got = NULL;
	const struct encl_content some = {.data = (const uint8_t *)"123", .size = 3};
	char zram[] = "zram", abc[] = "abc", vsock[] = "vsock";
	struct encl_module modules[] = {{zram, some}, {abc, some}, {vsock, some}};
	struct encl_kernel_files k = {.modules = modules, .n_modules = 3, .nsm_ko = some};

	OK(encl_ramdisk_boot(&k, false, &some, 7, &r, &e));
	write_to(r, &b);
	got = heads(&b);
	EQ_STR("dev 1 2 0\n"
	       "init 2 1 3\n"
	       "modules 3 2 0\n"
	       "modules/abc.ko 4 1 3\n"
	       "modules/order 5 1 24\n"
	       "modules/vsock.ko 6 1 3\n"
	       "modules/zram.ko 7 1 3\n"
	       "nsm.ko 8 1 3\n"
	       "TRAILER!!! 0 1 0\n",
	       got);
	CHECK(memmem(b.data, b.len, "zram.ko\nabc.ko\nvsock.ko\n", 24) != NULL);
}

/* What a file was scanned as must be what is written. */
TEST(ramdisk_cpio_changed_content)
{
	const char *path = test_path("f");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	encl_auto(encl_blob_unref) struct encl_blob *blob = encl_blob_new(fd, 8, path);
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	struct encl_entry en = {.path = "f",
				.type = ENCL_REG,
				.content = {.blob = blob,
					    .offset = 2,
					    .size = 4,
					    .crc = encl_crc32(0, "cdef", 4)}};
	struct encl_sink_buf sink;

	EQ_INT(8, pwrite(fd, "abcdefgh", 8, 0));
	OK(encl_ramdisk_add(r, &en, &e));
	write_to(r, &b);
	CHECK(memmem(b.data, b.len, "f\0cdef", 6) != NULL);
	encl_buf_clear(&b);
	encl_sink_buf_init(&sink, &b, "test");
	EQ_INT(1, pwrite(fd, "X", 1, 3));
	FAILS(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e),
	      ENCL_FAILED, "f changed while it was read");
	EQ_INT(0, ftruncate(fd, 4));
	CHECK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e) == -1);
	CHECK(strstr(e.msg, "unexpected end of ") != NULL);
}

TEST(ramdisk_cpio_refuses)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_free) char *name = encl_xcalloc(1, 5000);
	const struct encl_entry large = {
		.path = "x", .type = ENCL_REG, .content = {.size = UINT64_C(1) << 32}};
	const struct encl_entry link = {.path = "x", .type = ENCL_HARDLINK, .link = "y"};

	FAILS(encl_ramdisk_add(r, &large, &e), ENCL_FAILED,
	      "ramdisk: x: the file has 4 GiB or more");
	FAILS(encl_ramdisk_add(r, &link, &e), ENCL_FAILED,
	      "ramdisk: x: a hard link on its own");
	FAILS(encl_ramdisk_add_dir(r, "d", 0755, -1, &e), ENCL_FAILED,
	      "ramdisk: d: the time does not fit 32 bits");
	FAILS(encl_ramdisk_add_dir(r, "d", 0755, INT64_C(1) << 32, &e), ENCL_FAILED,
	      "ramdisk: d: the time does not fit 32 bits");
	FAILS(encl_ramdisk_add_dir(r, "/d", 0755, 0, &e), ENCL_FAILED,
	      "ramdisk: /d: not a path inside a ramdisk");
	FAILS(encl_ramdisk_add_dir(r, "TRAILER!!!", 0755, 0, &e), ENCL_FAILED,
	      "ramdisk: TRAILER!!!: this name ends an archive");
	OK(encl_ramdisk_add_dir(r, "b", 0755, 0, &e));
	FAILS(encl_ramdisk_add_dir(r, "b", 0755, 0, &e), ENCL_FAILED,
	      "ramdisk: b: out of order");
	FAILS(encl_ramdisk_add_dir(r, "a", 0755, 0, &e), ENCL_FAILED,
	      "ramdisk: a: out of order");
	memset(name, 'x', 4095);
	OK(encl_ramdisk_add_dir(r, name, 0755, 0, &e));
	name[4095] = 'x';
	CHECK(encl_ramdisk_add_dir(r, name, 0755, 0, &e) == -1);
	EQ_STR(": the path is longer than 4095 bytes in the ramdisk",
	       strrchr(e.msg, ':'));
}
