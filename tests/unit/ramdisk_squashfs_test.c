/* SPDX-License-Identifier: Apache-2.0 */
/* Squashfs: the tree as unsquashfs and our own reader see it, and damage. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"
#include "test.h"

enum { BIG = 700001 };

static const uint8_t *
big_content(void)
{
	static uint8_t bytes[BIG];

	for (size_t i = 0; i < BIG; i++)
		bytes[i] = i > 200000 && i < 500000 ? 0 : (uint8_t)(i * i >> 7);
	return bytes;
}

static void
add(struct encl_entry_sink *s, struct encl_entry en)
{
	en.uid = en.uid ? en.uid : 3;
	en.gid = 70000;
	en.mtime = 43200;
	if (!en.mode)
		en.mode = 0644;
	OK(s->add(s, &en, &e));
}

static struct encl_content
text(const char *t)
{
	return (struct encl_content){.data = (const uint8_t *)t, .size = strlen(t)};
}

static struct encl_tree *
sample_tree(enum encl_root_format format)
{
	static const struct encl_xattr xattrs[] = {
		{"security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
		{"user.empty", "", 0},
	};
	struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin o = {"image", "1"};

	OK(s->begin(s, &o, 0, &e));
	add(s, (struct encl_entry){.path = "a", .type = ENCL_DIR, .mode = 01777});
	add(s, (struct encl_entry){.path = "a-b",
				   .mode = 04755,
				   .content = text("setuid"),
				   .xattrs = xattrs,
				   .n_xattrs = format == ENCL_ROOT_SQUASHFS ? 2 : 0});
	add(s, (struct encl_entry){.path = "a/z", .content = text("content of z")});
	add(s, (struct encl_entry){
		       .path = "a/link", .type = ENCL_SYMLINK, .link = "../a-b"});
	add(s, (struct encl_entry){.path = "b/console",
				   .type = ENCL_CHR,
				   .dev_major = 5,
				   .dev_minor = 1});
	add(s, (struct encl_entry){.path = "b/disk",
				   .type = ENCL_BLK,
				   .dev_major = 259,
				   .dev_minor = 70000});
	add(s, (struct encl_entry){.path = "b/pipe", .type = ENCL_FIFO});
	add(s, (struct encl_entry){.path = "big",
				   .content = {.data = big_content(), .size = BIG}});
	add(s, (struct encl_entry){.path = "c", .type = ENCL_HARDLINK, .link = "a/z"});
	add(s, (struct encl_entry){.path = "empty"});
	add(s, (struct encl_entry){.path = "white space \xff", .content = text("1")});
	OK(s->end(s, &e));
	OK(encl_tree_normalise(t, 43201, format, &e));
	return t;
}

/* In memory: as bytes that can be written to a file, listed or damaged. */
static struct encl_buf
pack(struct encl_tree *t, enum encl_compression c, unsigned jobs)
{
	encl_auto(encl_close_fd) int fd = memfd_create("squashfs", MFD_CLOEXEC);
	struct encl_buf b = {.cap = 64 << 20};
	uint64_t size;
	void *p;

	OK(encl_squashfs_write(t, 43201, c, -1, jobs, fd, &size, &e));
	EQ_INT(0, size % 4096);
	p = encl_xmalloc(size);
	OK(encl_pread_full(fd, p, size, 0, "squashfs", &e));
	encl_buf_add(&b, p, size);
	free(p);
	return b;
}

static int
list_ramdisk(const struct encl_ramdisk *r, bool digests, char **out)
{
	encl_auto(encl_close_fd) int fd = memfd_create("ramdisk", MFD_CLOEXEC);
	struct encl_buf b = {.cap = 1 << 20};
	struct encl_sink_fd to;
	struct encl_sink_buf sink;
	int rc;

	encl_sink_fd_init(&to, fd, "memfd");
	OK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &to.sink, &e));
	encl_sink_buf_init(&sink, &b, "list");
	rc = encl_ramdisk_list(fd, 0, encl_ramdisk_size(r), digests, &sink.sink, &e);
	if (rc == 0)
		*out = (char *)encl_buf_steal(&b, NULL);
	encl_buf_clear(&b);
	return rc;
}

static struct encl_ramdisk *
wrap(const struct encl_buf *image)
{
	const struct encl_strings none = {0};
	const struct encl_content c = {.data = image->data, .size = image->len};
	struct encl_ramdisk *r;

	OK(encl_ramdisk_app_squashfs(&c, 64, &none, &none, 43201, &r, &e));
	return r;
}

static void
without_line(char *list, const char *name)
{
	char *at = strstr(list, name);
	char *end;

	CHECK(at != NULL);
	while (at > list && at[-1] != '\n')
		at--;
	end = strchr(at, '\n') + 1;
	memmove(at, end, strlen(end) + 1);
}

TEST(ramdisk_squashfs_lists_as_a_cpio)
{
	encl_auto(encl_tree_free) struct encl_tree *plain = sample_tree(ENCL_ROOT_CPIO);
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	const struct encl_strings none = {0};
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *cpio = NULL;
	encl_auto(encl_free) char *want = NULL;

	OK(encl_ramdisk_app(plain, &none, &none, 43201, &cpio, &e));
	OK(list_ramdisk(cpio, true, &want));
	for (int c = ENCL_COMPRESS_NONE; c <= ENCL_COMPRESS_XZ; c++) {
		encl_auto(encl_buf_clear) struct encl_buf image =
			pack(t, (enum encl_compression)c, 1);
		encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = wrap(&image);
		encl_auto(encl_free) char *got = NULL;
		char *caps;

		OK(list_ramdisk(r, true, &got));
		without_line(got, " rootfs.squashfs ");
		without_line(got, " writable ");
		caps = strstr(got, " security.capability=");
		CHECK(caps != NULL);
		EQ_INT(0,
		       strncmp(caps,
			       " security.capability="
			       "0100000200040000000000000000000000000000 user.empty=\n",
			       74));
		memmove(caps, caps + 73, strlen(caps + 73) + 1);
		EQ_STR(want, got);
	}
}

TEST(ramdisk_squashfs_same_bytes)
{
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	encl_auto(encl_buf_clear) struct encl_buf one = pack(t, ENCL_COMPRESS_ZSTD, 1);

	for (unsigned jobs = 2; jobs < 5; jobs++) {
		encl_auto(encl_buf_clear) struct encl_buf more =
			pack(t, ENCL_COMPRESS_ZSTD, jobs);

		EQ_MEM(one.data, one.len, more.data, more.len);
	}
}

/* The other implementation's view of it. */
TEST(ramdisk_squashfs_unsquashfs)
{
	/* It shows a device's number >> 8; the kernel reads 259,70000. */
	static const char want[] =
		"drwxr-xr-x 0/0                      98 1970-01-01 12:00 squashfs-root\n"
		"drwxrwxrwt 3/70000                  36 1970-01-01 12:00 squashfs-root/a\n"
		"lrwxrwxrwx 3/70000                   6 1970-01-01 12:00 squashfs-root/a/link -> ../a-b\n"
		"-rw-r--r-- 3/70000                  12 1970-01-01 12:00 squashfs-root/a/z\n"
		"-rwsr-xr-x 3/70000                   6 1970-01-01 12:00 squashfs-root/a-b\n"
		"drwxr-xr-x 0/0                      54 1970-01-01 12:00 squashfs-root/b\n"
		"crw-r--r-- 3/70000               5,  1 1970-01-01 12:00 squashfs-root/b/console\n"
		"brw-r--r-- 3/70000             1118467,112 1970-01-01 12:00 squashfs-root/b/disk\n"
		"prw-r--r-- 3/70000                   0 1970-01-01 12:00 squashfs-root/b/pipe\n"
		"-rw-r--r-- 3/70000              700001 1970-01-01 12:00 squashfs-root/big\n"
		"-rw-r--r-- 3/70000                  12 1970-01-01 12:00 squashfs-root/c\n"
		"-rw-r--r-- 3/70000                   0 1970-01-01 12:00 squashfs-root/empty\n"
		"-rw-r--r-- 3/70000                   1 1970-01-01 12:00 squashfs-root/white space "
		"\xff\n";
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	encl_auto(encl_buf_clear) struct encl_buf image = pack(t, ENCL_COMPRESS_ZSTD, 1);
	const char *path = test_path("image");
	const char *const argv[] = {"unsquashfs", "-UTC", "-lln", path, NULL};
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = 1 << 20};
	encl_auto(encl_free) char *program = encl_find_program("unsquashfs");
	int status;

	if (!program)
		return; /* make setup installs it */
	OK(encl_write_file(path, image.data, image.len, 0600, &e));
	OK(encl_spawn(argv, &out, NULL, 60, &status, &e));
	EQ_INT(0, status);
	EQ_STR(want, encl_buf_text(&out));
}

/* ---- what cannot be, and damage ---- */

TEST(ramdisk_squashfs_refuses)
{
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	encl_auto(encl_close_fd) int fd = memfd_create("squashfs", MFD_CLOEXEC);
	struct encl_inode *disk = encl_tree_find(t, "b/disk")->inode;
	uint64_t size;

	disk->dev_minor = 1 << 20;
	FAILS(encl_squashfs_write(t, 0, ENCL_COMPRESS_LZ4, -1, 1, fd, &size, &e),
	      ENCL_FAILED, "squashfs: b/disk: a device number that Linux does not have");
	disk->dev_minor = 0;
	encl_tree_find(t, "big")->inode->content.crc ^= 1;
	FAILS(encl_squashfs_write(t, 0, ENCL_COMPRESS_LZ4, -1, 1, fd, &size, &e),
	      ENCL_FAILED, "squashfs: big: changed while it was read");
}

static int
ignore(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
       struct encl_sink **sink, struct encl_err *err)
{
	(void)v;
	(void)entry;
	(void)sink;
	(void)err;
	return 0;
}

static int
read_bytes(const void *p, size_t n)
{
	encl_auto(encl_close_fd) int fd = memfd_create("squashfs", MFD_CLOEXEC);
	struct encl_cpio_visitor v = {.entry = ignore};

	OK(encl_pwrite_full(fd, p, n, 0, "memfd", &e));
	return encl_squashfs_read(fd, 0, n, "rootfs", &v, &e);
}

TEST(ramdisk_squashfs_damage)
{
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	encl_auto(encl_buf_clear) struct encl_buf image = pack(t, ENCL_COMPRESS_NONE, 1);
	uint8_t *p = image.data;

	OK(read_bytes(p, image.len));
	FAILS(read_bytes(p, image.len - 4096), ENCL_FAILED, "squashfs: it is cut off");
	FAILS(read_bytes(p, 90), ENCL_FAILED,
	      "squashfs: super block: a reference leads outside");
	p[0] ^= 1;
	FAILS(read_bytes(p, image.len), ENCL_FAILED,
	      "squashfs: super block: not a squashfs");
	p[0] ^= 1;
	p[7] = 0x7f; /* inodes */
	FAILS(read_bytes(p, image.len), ENCL_FAILED, "squashfs: too many inodes");
	p[7] = 0;
	p[20] = 99;
	CHECK(read_bytes(p, image.len) == -1);
	p[20] = 1;
	OK(read_bytes(p, image.len));
}

/* Every byte of the tables once: an error or another tree, never a crash. */
TEST(ramdisk_squashfs_any_byte)
{
	encl_auto(encl_tree_free) struct encl_tree *t = sample_tree(ENCL_ROOT_SQUASHFS);
	encl_auto(encl_buf_clear) struct encl_buf image = pack(t, ENCL_COMPRESS_NONE, 1);

	for (size_t i = 0; i < image.len;
	     i += i >= 96 && i < image.len - 6000 ? 997 : 1) {
		image.data[i] ^= 0xff;
		if (read_bytes(image.data, image.len))
			CHECK(*e.msg);
		image.data[i] ^= 0xff;
	}
}
