/* SPDX-License-Identifier: Apache-2.0 */
/* Extracting ramdisks that were made to break out. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "ramdisk/extract.h"
#include "test.h"

struct member {
	const char *path;
	uint32_t mode;
	const char *data;
	uint32_t ino, nlink;
};

static void
add(struct encl_buf *b, const struct member *m)
{
	size_t n = m->data ? strlen(m->data) : 0;

	encl_buf_add_fmt(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
			 m->ino, m->mode, 7u, 7u, m->nlink, 1000000000u, (unsigned)n, 0u,
			 0u, 1u, 3u, (unsigned)strlen(m->path) + 1, 0u);
	encl_buf_add(b, m->path, strlen(m->path) + 1);
	while (b->len % 4)
		encl_buf_add_byte(b, 0);
	encl_buf_add(b, m->data, n);
	while (b->len % 4)
		encl_buf_add_byte(b, 0);
}

#define AT "ramdisk: at byte 0: "

static unsigned warnings;

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	(void)text;
	warnings += level == ENCL_LOG_WARN;
}

/* Extracts the members into test_dir()/out. */
static int
extract(const struct member *members)
{
	static const struct member trailer = {"TRAILER!!!", 0, NULL, 0, 1};
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	encl_auto(encl_close_fd) int archive = -1;
	encl_auto(encl_close_fd) int dir = -1;
	struct encl_log log = {.event = on_event};

	for (; members->path; members++)
		add(&b, members);
	add(&b, &trailer);
	OK(encl_write_file(test_path("cpio"), b.data, b.len, 0600, &e));
	OK(encl_make_dirs(test_path("out"), 0755, &e));
	archive = open(test_path("cpio"), O_RDONLY | O_CLOEXEC);
	dir = open(test_path("out"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	warnings = 0;
	return encl_ramdisk_extract(archive, 0, b.len, "rootfs", dir, &log, &e);
}

static void
has(const char *path, const char *want)
{
	encl_auto(encl_free) char *got = NULL;
	size_t n;

	OK(encl_read_file(test_path("out/%s", path), 4096, &got, &n, &e));
	EQ_STR(want, got);
}

static bool
exists(const char *path)
{
	struct stat st;

	return lstat(test_path("%s", path), &st) == 0;
}

enum { REG = S_IFREG | 0644, DIR = S_IFDIR | 0755, LNK = S_IFLNK | 0777 };

TEST(ramdisk_extract_kinds)
{
	static const struct member members[] = {
		{"init", REG, "not of the root file system", 1, 1},
		{"rootfs", DIR, NULL, 2, 2},
		{"rootfs/etc", S_IFDIR | 0500, NULL, 3, 2},
		{"rootfs/etc/a", S_IFREG | 06755, "A", 4, 1},
		{"rootfs/deep/er/b", REG, "B", 5, 1}, /* folders are not there */
		{"rootfs/link", LNK, "/etc/passwd", 6, 1},
		{"rootfs/null", S_IFCHR | 0666, NULL, 7, 1},
		{"rootfs/fifo", S_IFIFO | 0666, NULL, 8, 1},
		{"rootfs/one", REG, "same", 9, 2},
		{"rootfs/two", REG, NULL, 9, 2},
		{"rootfs/late1", REG, NULL, 10, 2},
		{"rootfs/late2", REG, "late", 10, 2},
		{"rootfs/etc/a", REG, "again", 11, 1}, /* the later one wins */
		{"rootfs/etc", DIR, NULL, 12, 2},
		{"rootfs/empty", REG, NULL, 13, 1},
		{"rootfs/rootfs", REG, "inner", 14, 1},
		{NULL, 0, NULL, 0, 0},
	};
	struct stat st;
	char target[64] = "";

	OK(extract(members));
	EQ_INT(2, warnings);
	has("etc/a", "again");
	has("deep/er/b", "B");
	has("one", "same");
	has("two", "same");
	has("late1", "late");
	has("late2", "late");
	has("empty", "");
	has("rootfs", "inner");
	EQ_INT(11, readlink(test_path("out/link"), target, sizeof target - 1));
	EQ_STR("/etc/passwd", target);
	CHECK(!exists("out/init") && !exists("out/null") && !exists("out/fifo"));
	EQ_INT(0, stat(test_path("out/one"), &st));
	EQ_INT(2, st.st_nlink);
	EQ_INT(0644, st.st_mode & 07777);
	EQ_INT(1000000000, st.st_mtime);
}

TEST(ramdisk_extract_drops_set_id_bits)
{
	static const struct member members[] = {
		{"rootfs/su", S_IFREG | 06755, "su", 1, 1},
		{"rootfs/dir", S_IFDIR | 01000, NULL, 2, 2},
		{NULL, 0, NULL, 0, 0},
	};
	struct stat st;

	OK(extract(members));
	EQ_INT(0, stat(test_path("out/su"), &st));
	EQ_INT(0755, st.st_mode & 07777);
	EQ_INT(0, stat(test_path("out/dir"), &st));
	EQ_INT(0700, st.st_mode & 07777);
}

static void
refuses(const char *link, const char *path, const char *want)
{
	const struct member members[] = {
		{"rootfs/l", LNK, link, 1, 1},
		{path, REG, "x", 2, 1},
		{NULL, 0, NULL, 0, 0},
	};

	FAILS(extract(members), ENCL_FAILED, want);
}

TEST(ramdisk_extract_follows_no_link)
{
	OK(encl_make_dirs(test_path("outside"), 0755, &e));
	OK(encl_make_dirs(test_path("out/inside"), 0755, &e));
	refuses("../outside", "rootfs/l/x",
		AT "rootfs/l/x: its path leads through a symbolic link");
	refuses(test_path("outside"), "rootfs/l/x",
		AT "rootfs/l/x: its path leads through a symbolic link");
	refuses("inside", "rootfs/l/x",
		AT "rootfs/l/x: its path leads through a symbolic link");
	refuses("../outside", "rootfs/l/new/x",
		AT "rootfs/l/new/x: its path leads through a symbolic link");
	CHECK(!exists("outside/x") && !exists("outside/new") && !exists("out/inside/x"));
}

/* A file in place of a link: the link goes, its target stays. */
TEST(ramdisk_extract_replaces_links)
{
	static const struct member members[] = {
		{"rootfs/l", LNK, "../secret", 1, 1},
		{"rootfs/l", REG, "new", 2, 1},
		{"rootfs/h", LNK, "../secret", 3, 1},
		{"rootfs/h", S_IFDIR | 0700, NULL, 4, 2},
		{"rootfs/h/x", REG, "x", 5, 1},
		{NULL, 0, NULL, 0, 0},
	};

	OK(encl_write_file(test_path("secret"), "old", 3, 0600, &e));
	OK(extract(members));
	has("../secret", "old");
	has("l", "new");
	has("h/x", "x");
}

/* A hard link's first name was replaced by a symbolic link meanwhile: data for
 * the second must not go through it. */
TEST(ramdisk_extract_hard_link_to_a_link)
{
	static const struct member members[] = {
		{"rootfs/a", REG, NULL, 9, 2},
		{"rootfs/a", LNK, "../secret", 1, 1},
		{"rootfs/b", REG, "evil", 9, 2},
		{NULL, 0, NULL, 0, 0},
	};

	OK(encl_write_file(test_path("secret"), "old", 3, 0600, &e));
	FAILS(extract(members), ENCL_FAILED,
	      AT "rootfs/b: its path leads through a symbolic link");
	has("../secret", "old");
}

TEST(ramdisk_extract_file_in_the_way)
{
	static const struct member members[] = {
		{"rootfs/d", DIR, NULL, 1, 2},
		{"rootfs/d/x", REG, "x", 2, 1},
		{"rootfs/d", REG, "file", 3, 1},
		{NULL, 0, NULL, 0, 0},
	};

	FAILS(extract(members), ENCL_FAILED, AT "extract rootfs/d: Directory not empty");
}
