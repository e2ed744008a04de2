/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/tar.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "recorder.h"
#include "sources/cache.h"
#include "tarmake.h"
#include "test.h"

struct fixture {
	struct encl_cache *cache;
	struct encl_env env;
	struct encl_buf tar;
	struct encl_tar how;
	struct encl_digest digest;
	struct recorder r;
};

static void
fixture_clear(struct fixture *f)
{
	encl_cache_free(f->cache);
	encl_buf_clear(&f->tar);
	recorder_clear(&f->r);
}
ENCL_AUTO_VAL(struct fixture, fixture_clear);

static void
set_up(struct fixture *f)
{
	OK(encl_cache_open(test_path("c"), &f->cache, &e));
	f->env = (struct encl_env){.cache = f->cache, .jobs = 2};
	encl_buf_init(&f->tar, 1 << 26);
	recorder_init(&f->r);
	f->how.what = "layer x";
}

/* The tar lies behind 512 bytes of something else, as in an archive. */
static int
scan(struct fixture *f)
{
	encl_auto(encl_buf_clear) struct encl_buf file = {.cap = 1 << 27};
	encl_auto(encl_free) char *path = encl_xstrdup(test_path("tar"));
	int rc;

	encl_buf_add(&file, (uint8_t[512]){7}, 512);
	encl_buf_add(&file, f->tar.data, f->tar.len);
	OK(encl_write_file(path, file.data, file.len, 0644, &e));
	f->how.blob = encl_blob_new(open(path, O_RDONLY | O_CLOEXEC), file.len, "t");
	f->how.offset = 512;
	f->how.size = f->tar.len;
	recorder_clear(&f->r);
	recorder_init(&f->r);
	rc = encl_tar_scan(&f->env, &f->how, &f->r.sink, &f->digest, &e);
	encl_blob_unref(f->how.blob);
	return rc;
}

static void
digest_is_right(const struct fixture *f)
{
	struct encl_digest want;

	encl_digest_of(ENCL_SHA256, f->tar.data, f->tar.len, &want);
	CHECK(encl_digest_equal(&want, &f->digest));
}

TEST(sources_tar_types)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_add(&f.tar, (struct tar_member){.name = "./", .type = '5', .mode = 0755});
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "hello", .mtime = 12});
	tar_add(&f.tar, (struct tar_member){.name = "s/", .type = '5', .mode = 01777});
	tar_add(&f.tar,
		(struct tar_member){.name = "su", .mode = 04755, .uid = 7, .gid = 8});
	tar_add(&f.tar, (struct tar_member){
				.name = "l", .type = '2', .mode = 0777, .link = "../a"});
	tar_add(&f.tar, (struct tar_member){.name = "h", .type = '1', .link = "a"});
	tar_add(&f.tar,
		(struct tar_member){
			.name = "c", .type = '3', .mode = 0666, .major = 1, .minor = 3});
	tar_add(&f.tar,
		(struct tar_member){.name = "b", .type = '4', .major = 8, .minor = 1});
	tar_add(&f.tar, (struct tar_member){.name = "p", .type = '6'});
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "again"});
	tar_add(&f.tar, (struct tar_member){.name = "d/.wh.x"});
	tar_add(&f.tar, (struct tar_member){.name = "../esc", .data = "the tree judges"});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("d 0755 0:0 0 .\n"
	       "f 0644 0:0 12 a 5 \"hello\"\n"
	       "d 1777 0:0 0 s\n"
	       "f 4755 7:8 0 su 0\n"
	       "l 0777 0:0 0 l -> ../a\n"
	       "h h = a\n"
	       "c 0666 0:0 0 c 1,3\n"
	       "b 0644 0:0 0 b 8,1\n"
	       "p 0644 0:0 0 p\n"
	       "f 0644 0:0 0 a 5 \"again\"\n"
	       "f 0644 0:0 0 d/.wh.x 0\n"
	       "f 0644 0:0 0 ../esc 15 \"the\\x20tree\\x20judges\"\n",
	       recorded(&f.r));
	digest_is_right(&f);
}

TEST(sources_tar_numbers)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_add(&f.tar,
		(struct tar_member){
			.name = "big", .uid = 4294967294, .gid = 3000000, .mtime = -5});
	tar_pax(&f.tar, (const char *const[]){"mtime=1.999999999", "uid=4000000000",
					      "gid=5", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "pax"});
	tar_pax(&f.tar, (const char *const[]){"mtime=-1.5", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "neg"});
	tar_pax(&f.tar, (const char *const[]){"mtime=9223372036854775807", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "huge"});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("f 0644 4294967294:3000000 -5 big 0\n"
	       "f 0644 4000000000:5 1 pax 0\n"
	       "f 0644 0:0 -1 neg 0\n"
	       "f 0644 0:0 9223372036854775807 huge 0\n",
	       recorded(&f.r));
	encl_buf_clear(&f.tar);
	tar_add(&f.tar, (struct tar_member){.name = "id", .uid = 4294967295});
	tar_end(&f.tar);
	FAILS(scan(&f), ENCL_FAILED,
	      "layer x: id: owner is not a number from 0 to 4294967294");
	encl_buf_clear(&f.tar);
	tar_pax(&f.tar, (const char *const[]){"gid=-1", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "e\x1b[31m"});
	tar_end(&f.tar);
	FAILS(scan(&f), ENCL_FAILED,
	      "layer x: e\\x1b[31m: owner is not a number from 0 to 4294967294");
}

TEST(sources_tar_names)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *name = encl_xcalloc(1, 3001);
	encl_auto(encl_free) char *record = NULL;
	encl_auto(encl_buf_clear) struct encl_buf want = {.cap = 1 << 20};

	set_up(&f);
	memset(name, 'n', 3000);
	record = encl_xasprintf("path=%s", name);
	tar_pax(&f.tar, (const char *const[]){record, "linkpath=caf\xc3\xa9", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "short", .type = '2', .link = "x"});
	tar_gnu_long(&f.tar, 'L', name);
	tar_gnu_long(&f.tar, 'K', name);
	tar_add(&f.tar, (struct tar_member){.name = "short", .type = '1', .link = "x"});
	/* bytes stay what they are: decomposed é, Latin-1, not UTF-8 at all */
	tar_pax(&f.tar,
		(const char *const[]){"path=e\xcc\x81", "uname=caf\xc3\xa9", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "x", .data = "1"});
	tar_pax(&f.tar, (const char *const[]){"path=\xe9\xff", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "x", .data = "2"});
	tar_add(&f.tar, (struct tar_member){.name = "\xe9", .data = "3"});
	tar_pax(&f.tar, (const char *const[]){"path=a\nb", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "x", .data = "4"});
	tar_end(&f.tar);
	OK(scan(&f));
	encl_buf_add_fmt(&want, "l 0644 0:0 0 %s -> caf\xc3\xa9\nh %s = %s\n", name, name,
			 name);
	encl_buf_add_str(&want, "f 0644 0:0 0 e\xcc\x81 1 \"1\"\n"
				"f 0644 0:0 0 \xe9\xff 1 \"2\"\n"
				"f 0644 0:0 0 \xe9 1 \"3\"\n"
				"f 0644 0:0 0 a\nb 1 \"4\"\n");
	EQ_STR(encl_buf_text(&want), recorded(&f.r));
}

TEST(sources_tar_xattrs)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_pax(&f.tar,
		(const char *const[]){"SCHILY.xattr.user.x=1",
				      "SCHILY.xattr.security.capability=cap", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "ping", .data = "bin"});
	tar_pax(&f.tar, (const char *const[]){"SCHILY.xattr.user.b=1",
					      "SCHILY.xattr.user.a=1", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "u"});
	tar_pax(&f.tar,
		(const char *const[]){"SCHILY.xattr.user.c=", "LIBARCHIVE.xattr.user.c=",
				      "SCHILY.xattr.user.overlay.opaque=y",
				      "SCHILY.xattr.trusted.x=y",
				      "SCHILY.xattr.security.selinux=y", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "l"});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("f 0644 0:0 0 ping security.capability=\"cap\" user.x=\"1\" 3 \"bin\"\n"
	       "f 0644 0:0 0 u user.a=\"1\" user.b=\"1\" 0\n"
	       "f 0644 0:0 0 l user.c=\"\" xattr security.selinux 0\n",
	       recorded(&f.r));
}

TEST(sources_tar_xattr_limits)
{
	static char big[ENCL_XATTR_MAX_BYTES + 100] = "SCHILY.xattr.user.big=";
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(fixture_clear) struct fixture twice = {0};

	memset(big + strlen(big), 'x', sizeof big - 1 - strlen(big));
	set_up(&f);
	tar_pax(&f.tar, (const char *const[]){big, NULL});
	tar_add(&f.tar, (struct tar_member){.name = "a"});
	tar_end(&f.tar);
	FAILS(scan(&f), ENCL_FAILED,
	      "layer x: a: more than 64 extended attributes, or 65536 bytes of them");
	set_up(&twice);
	tar_pax(&twice.tar, (const char *const[]){"SCHILY.xattr.user.a=1",
						  "SCHILY.xattr.user.a=2", NULL});
	tar_add(&twice.tar, (struct tar_member){.name = "a"});
	tar_end(&twice.tar);
	FAILS(scan(&twice), ENCL_FAILED,
	      "layer x: a: an extended attribute is there twice");
}

TEST(sources_tar_hardlink_with_data)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "first"});
	tar_pax(&f.tar, (const char *const[]){"size=6", NULL});
	tar_add(&f.tar, (struct tar_member){
				.name = "b", .type = '1', .link = "a", .data = "second"});
	tar_add(&f.tar, (struct tar_member){.name = "c", .data = "third"});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("f 0644 0:0 0 a 5 \"first\"\n"
	       "h b = a 6 \"second\"\n"
	       "f 0644 0:0 0 c 5 \"third\"\n",
	       recorded(&f.r));
}

/* Contents that span many chunks, at every alignment of 512. */
TEST(sources_tar_offsets)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *data = encl_xmalloc(3000000);

	set_up(&f);
	for (size_t i = 0; i < 3000000; i++)
		data[i] = (char)('A' + (i * 7 + i / 997) % 53);
	for (uint64_t size = 1; size < 3000000; size = size * 3 + 1) {
		encl_auto(encl_free) char *name = encl_xasprintf("f%d", (int)size);

		tar_add(&f.tar,
			(struct tar_member){.name = name, .data = data, .size = size});
	}
	tar_end(&f.tar);
	for (unsigned jobs = 1; jobs < 3; jobs++) {
		f.env.jobs = jobs;
		OK(scan(&f));
		CHECK(!strstr(recorded(&f.r), "BAD CRC"));
		CHECK(strstr(recorded(&f.r), " f2391484 2391484 ") != NULL);
		digest_is_right(&f);
	}
}

TEST(sources_tar_trailing_bytes)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "x"});
	tar_end(&f.tar);
	encl_buf_add_str(&f.tar, "garbage that a digest has to cover");
	OK(scan(&f));
	EQ_STR("f 0644 0:0 0 a 1 \"x\"\n", recorded(&f.r));
	digest_is_right(&f);
}

TEST(sources_tar_empty)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	OK(scan(&f));
	EQ_STR("", recorded(&f.r));
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("", recorded(&f.r));
	digest_is_right(&f);
}

TEST(sources_tar_damaged)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	encl_buf_add_str(&f.tar, "this is not a tar at all, but a line of text");
	FAILS(scan(&f), ENCL_FAILED, "layer x: Unrecognized archive format");
	encl_buf_clear(&f.tar);
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "hello"});
	f.tar.len = 514;
	FAILS(scan(&f), ENCL_FAILED, "layer x: a: Truncated tar archive");
	f.tar.len = 300;
	CHECK(scan(&f) == -1);
	encl_buf_clear(&f.tar);
	tar_add(&f.tar, (struct tar_member){.name = "a", .data = "hello"});
	tar_add(&f.tar, (struct tar_member){.name = "b", .data = "hello"});
	f.tar.data[1024] = 'X';
	FAILS(scan(&f), ENCL_FAILED, "layer x: Damaged tar archive");
}

TEST(sources_tar_strip_and_at)
{
	encl_auto(fixture_clear) struct fixture f = {.how = {.at = "/opt/app",
							     .strip = 1,
							     .set_owner = true,
							     .uid = 5,
							     .gid = 6,
							     .set_mtime = true,
							     .mtime = 42}};

	set_up(&f);
	tar_add(&f.tar, (struct tar_member){.name = "top/", .type = '5', .mode = 0700});
	tar_add(&f.tar,
		(struct tar_member){.name = "./top//bin/x", .data = "x", .mtime = 9});
	tar_add(&f.tar,
		(struct tar_member){.name = "/top/y", .type = '1', .link = "top/bin/x"});
	tar_add(&f.tar, (struct tar_member){.name = "other", .data = "gone"});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("f 0644 5:6 42 opt/app/bin/x 1 \"x\"\n"
	       "h opt/app/y = opt/app/bin/x\n",
	       recorded(&f.r));
	f.how.strip = 0;
	f.how.set_owner = f.how.set_mtime = false;
	f.how.at = "/";
	encl_buf_clear(&f.tar);
	tar_add(&f.tar, (struct tar_member){.name = "./", .type = '5', .mode = 0700});
	tar_add(&f.tar, (struct tar_member){.name = "./sub/", .type = '5', .mode = 0700});
	tar_end(&f.tar);
	OK(scan(&f));
	EQ_STR("d 0700 0:0 0 . merge\nd 0700 0:0 0 sub\n", recorded(&f.r));
	f.how.strip = 1;
	encl_buf_clear(&f.tar);
	tar_add(&f.tar, (struct tar_member){.name = "a/../../x", .data = "x"});
	tar_end(&f.tar);
	FAILS(scan(&f), ENCL_FAILED, "layer x: a/../../x: leaves the archive's root");
}

/* GNU's and pax's sparse formats as tar itself writes them. */
TEST(sources_tar_sparse)
{
	static const char *const formats[] = {
		"--format=gnu", "--format=pax", "--sparse-version=0.0",
		"--sparse-version=0.1", "--sparse-version=1.0"};
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_close_fd) int fd =
		open(test_path("sparse"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	set_up(&f);
	CHECK(fd >= 0 && pwrite(fd, "one", 3, 300000) == 3 &&
	      pwrite(fd, "two", 3, 900000) == 3 && ftruncate(fd, 1500000) == 0);
	OK(encl_write_file(test_path("after"), "plain", 5, 0644, &e));
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		const char *const argv[] = {"tar",
					    "-cSf",
					    test_path("s.tar"),
					    i > 1 ? "--format=pax" : "--owner=0",
					    formats[i],
					    "--hole-detection=raw",
					    "--mtime=@0",
					    "--owner=0",
					    "--group=0",
					    "-C",
					    test_dir(),
					    "sparse",
					    "after",
					    NULL};
		encl_auto(encl_free) char *bytes = NULL;
		size_t n;
		int status = -1;

		OK(encl_spawn(argv, NULL, NULL, 60, &status, &e));
		EQ_INT(0, status);
		OK(encl_read_file(test_path("s.tar"), 1 << 20, &bytes, &n, &e));
		CHECK(n < 100000);
		encl_buf_clear(&f.tar);
		encl_buf_add(&f.tar, bytes, n);
		OK(scan(&f));
		EQ_STR("f 0644 0:0 0 sparse 1500000 "
		       "\"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		       "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		       "\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		       "\\x00\"\n"
		       "f 0644 0:0 0 after 5 \"plain\"\n",
		       recorded(&f.r));
		digest_is_right(&f);
	}
}

/* A sparse file says it is huge: nothing of that size is written. */
TEST(sources_tar_sparse_bomb)
{
	static const char map[513] = "1\n0\n1\n";
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	tar_pax(&f.tar, (const char *const[]){"GNU.sparse.major=1", "GNU.sparse.minor=0",
					      "GNU.sparse.name=bomb",
					      "GNU.sparse.realsize=9000000000000", NULL});
	tar_add(&f.tar, (struct tar_member){.name = "x", .data = map, .size = 513});
	tar_end(&f.tar);
	FAILS(scan(&f), ENCL_FAILED, "layer x: bomb: sparse file of 4 GiB or more");
}

TEST(sources_tar_limits)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	f.how.blob = encl_blob_new(-1, 0, "t");
	f.how.size = ENCL_TAR_MAX_BYTES + 1;
	FAILS(encl_tar_scan(&f.env, &f.how, &f.r.sink, &f.digest, &e), ENCL_FAILED,
	      "layer x is larger than 17179869184 bytes");
	encl_blob_unref(f.how.blob);
}
