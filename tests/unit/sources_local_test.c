/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/local.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "recorder.h"
#include "sources/cache.h"
#include "test.h"

struct fixture {
	struct encl_cache *cache;
	struct encl_env env;
	struct encl_manifest m;
	json_t *pin;
	struct recorder r;
};

static void
fixture_clear(struct fixture *f)
{
	encl_cache_free(f->cache);
	json_decref(f->pin);
	recorder_clear(&f->r);
}
ENCL_AUTO_VAL(struct fixture, fixture_clear);

static void
set_up(struct fixture *f)
{
	OK(encl_cache_open(test_path("c"), &f->cache, &e));
	f->env = (struct encl_env){.cache = f->cache, .jobs = 2};
	f->m = (struct encl_manifest){.folder = test_dir(), .source_date_epoch = 99};
	recorder_init(&f->r);
}

static int
lock(struct fixture *f, const struct encl_layer *layer)
{
	json_decref(f->pin);
	f->pin = NULL;
	return encl_local_lock(&f->env, &f->m, layer, &f->pin, &e);
}

static int
emit(struct fixture *f, const struct encl_layer *layer)
{
	recorder_clear(&f->r);
	recorder_init(&f->r);
	return encl_local_emit(&f->env, &f->m, layer, f->pin, &f->r.sink, &e);
}

static void
write_text(const char *name, const char *text, mode_t mode)
{
	OK(encl_write_file(test_path("%s", name), text, strlen(text), mode, &e));
}

TEST(sources_local_join)
{
	static const char *const rows[][3] = {
		{"/", "x", "x"},	   {"/", "./x", "x"},
		{"/opt/", "x", "opt/x"},   {"opt", "/x", "opt/x"},
		{"/opt", "", "opt"},	   {"/", "", "."},
		{"/", ".", "."},	   {"/opt", ".", "opt"},
		{"/opt", "./", "opt"},	   {"/", ".x", ".x"},
		{"/a//", ".//./x", "a/x"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *got = encl_local_join(rows[i][0], rows[i][1]);

		EQ_STR(rows[i][2], got);
	}
}

TEST(sources_file_content)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_layer layer = {.kind = ENCL_LAYER_FILE,
				   .path = "/etc/app.conf",
				   .content = "hello\n",
				   .mode = (uint32_t)-1};
	encl_auto(encl_free) char *pin = NULL;

	set_up(&f);
	OK(lock(&f, &layer));
	pin = encl_json_compact(f.pin);
	EQ_STR("{\"sha256\":\"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be"
	       "03\",\"size\":6}",
	       pin);
	OK(emit(&f, &layer));
	EQ_STR("begin file /etc/app.conf 0\n"
	       "f 0644 0:0 99 etc/app.conf 6 \"hello\\x0a\"\n",
	       recorded(&f.r));
	layer.owner = "7:8";
	layer.mode = 0600;
	OK(emit(&f, &layer));
	EQ_STR("begin file /etc/app.conf 0\n"
	       "f 0600 7:8 99 etc/app.conf 6 \"hello\\x0a\"\n",
	       recorded(&f.r));
	layer.owner = "4294967295";
	FAILS(emit(&f, &layer), ENCL_USAGE,
	      "owner: \"4294967295\" is not UID:GID in numbers");
}

TEST(sources_file_source)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_layer layer = {.kind = ENCL_LAYER_FILE,
				   .path = "/x",
				   .source = "in",
				   .mode = 0755,
				   .owner = "5"};
	encl_auto(encl_free) char *big = encl_xcalloc(1, 100001);

	set_up(&f);
	memset(big, 'b', 100000);
	write_text("in", "small", 0644);
	OK(lock(&f, &layer));
	OK(emit(&f, &layer));
	EQ_STR("begin file /x 0\nf 0755 5:5 99 x 5 \"small\"\n", recorded(&f.r));
	write_text("in", big, 0644);
	FAILS(emit(&f, &layer), ENCL_MISMATCH,
	      "in: lock has "
	      "sha256:81db8ebbbbc69c6c6ad4a6aa92b76e0c08af547da236b9e2c9dbe1d8285a8130, the "
	      "file has "
	      "sha256:768b54e315c41a8d1ae3a29f677bff3b327e238e98e644dc7d566442f5920f8d; run \"enclavebuild lock\"");
}

TEST(sources_file_errors)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_layer layer = {.kind = ENCL_LAYER_FILE, .path = "/x", .source = "in"};

	set_up(&f);
	FAILS(lock(&f, &layer), ENCL_FAILED, "in: No such file or directory");
	CHECK(mkdir(test_path("in"), 0755) == 0);
	FAILS(lock(&f, &layer), ENCL_FAILED, "in: is a folder, not a file");
	CHECK(mkfifo(test_path("fifo"), 0644) == 0);
	layer.source = "fifo";
	FAILS(lock(&f, &layer), ENCL_FAILED, "fifo: is not a regular file");
	layer.source = "/dev/zero";
	FAILS(lock(&f, &layer), ENCL_FAILED, "/dev/zero: is not a regular file");
	write_text("f", "hello\n", 0644);
	layer.source = "f";
	layer.sha256 = "0000000000000000000000000000000000000000000000000000000000000000";
	FAILS(lock(&f, &layer), ENCL_MISMATCH,
	      "f: manifest has sha256:0000000000000000000000000000000000000000000000000000000"
	      "000000000, the file has sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d"
	      "08286a2e846f6be03");
}

static const struct encl_layer files = {
	.kind = ENCL_LAYER_DIRECTORY, .path = "d", .at = "/srv"};

static void
make_tree(void)
{
	CHECK(mkdir(test_path("d"), 0700) == 0);
	CHECK(mkdir(test_path("d/b"), 0700) == 0);
	write_text("d/b-c", "one", 0600);
	write_text("d/b/run", "two", 0700);
	write_text("d/a", "", 0444);
	CHECK(symlink("../x", test_path("d/b/l")) == 0);
	CHECK(link(test_path("d/b-c"), test_path("d/hard")) == 0);
}

TEST(sources_directory)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_layer layer = files;
	const char *tree;

	set_up(&f);
	make_tree();
	OK(lock(&f, &layer));
	OK(encl_json_str(f.pin, "tree", "pin", &tree, &e));
	/* printf 'f 0644 a\0%s\nd 0755 b\0\n…' | sha256sum, see docs/2-sources.md */
	EQ_STR("sha256:8a03c7daa975780e3ca67d412acae9c9dfa63eca94cd7afe2f5bbb23d3c038ae",
	       tree);
	OK(emit(&f, &layer));
	EQ_STR("begin directory d 0\n"
	       "d 0755 0:0 99 srv merge\n"
	       "f 0644 0:0 99 srv/a 0\n"
	       "d 0755 0:0 99 srv/b merge\n"
	       "l 0777 0:0 99 srv/b/l -> ../x\n"
	       "f 0755 0:0 99 srv/b/run 3 \"two\"\n"
	       "f 0644 0:0 99 srv/b-c 3 \"one\"\n"
	       "f 0644 0:0 99 srv/hard 3 \"one\"\n",
	       recorded(&f.r));
	layer.at = "/";
	layer.owner = "3:4";
	OK(emit(&f, &layer));
	EQ_STR("begin directory d 0\n"
	       "f 0644 3:4 99 a 0\n"
	       "d 0755 3:4 99 b merge\n"
	       "l 0777 3:4 99 b/l -> ../x\n"
	       "f 0755 3:4 99 b/run 3 \"two\"\n"
	       "f 0644 3:4 99 b-c 3 \"one\"\n"
	       "f 0644 3:4 99 hard 3 \"one\"\n",
	       recorded(&f.r));
	/* Read, write and group bits do not count; x does. */
	CHECK(chmod(test_path("d/a"), 0666) == 0);
	OK(emit(&f, &layer));
	CHECK(chmod(test_path("d/a"), 0766) == 0);
	CHECK(emit(&f, &layer) == -1);
	EQ_INT(ENCL_MISMATCH, e.code);
}

TEST(sources_directory_changed)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	CHECK(mkdir(test_path("d"), 0700) == 0);
	OK(lock(&f, &files));
	write_text("d/new", "x", 0644);
	FAILS(emit(&f, &files), ENCL_MISMATCH,
	      "d: lock has tree sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991"
	      "b7852b855, the folder has "
	      "sha256:46b6087b9812a3d2c15a53d6e15f3dbb58b8061877dee582007a93c2bf4467c2; run \"enclavebuild lock\"");
}

TEST(sources_directory_big_file)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *big = encl_xcalloc(1, (2 << 20) + 1);

	set_up(&f);
	memset(big, 'b', 2 << 20);
	CHECK(mkdir(test_path("d"), 0700) == 0);
	write_text("d/0", "zero", 0644);
	write_text("d/1", big, 0644);
	write_text("d/2", "two", 0644);
	OK(lock(&f, &files));
	OK(emit(&f, &files));
	EQ_STR("begin directory d 0\n"
	       "d 0755 0:0 99 srv merge\n"
	       "f 0644 0:0 99 srv/0 4 \"zero\"\n"
	       "f 0644 0:0 99 srv/1 2097152 \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n"
	       "f 0644 0:0 99 srv/2 3 \"two\"\n",
	       recorded(&f.r));
}

TEST(sources_directory_refuses)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct encl_layer layer = files;
	encl_auto(encl_close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set_up(&f);
	layer.path = "none";
	FAILS(lock(&f, &layer), ENCL_FAILED, "none: No such file or directory");
	write_text("plain", "x", 0644);
	layer.path = "plain";
	FAILS(lock(&f, &layer), ENCL_FAILED, "plain: Not a directory");
	CHECK(mkdir(test_path("d"), 0700) == 0);
	snprintf(address.sun_path, sizeof address.sun_path, "%.80s/d/s", test_dir());
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	FAILS(lock(&f, &files), ENCL_FAILED,
	      "d/s: is a socket; a directory source takes files, folders and symbolic links");
	CHECK(unlink(test_path("d/s")) == 0);
	CHECK(mkfifo(test_path("d/p"), 0644) == 0);
	FAILS(lock(&f, &files), ENCL_FAILED,
	      "d/p: is a fifo; a directory source takes files, folders and symbolic links");
}

static const struct encl_layer tarball = {
	.kind = ENCL_LAYER_ARCHIVE, .path = "t/a", .at = "/opt", .strip_components = 1};

static void
run(const char *command)
{
	encl_auto(encl_free) char *full =
		encl_xasprintf("cd %s; %s", test_dir(), command);
	const char *const argv[] = {"sh", "-ec", full, NULL};
	encl_auto(encl_buf_clear) struct encl_buf err = {.cap = 10000};
	int status = -1;

	OK(encl_spawn(argv, NULL, &err, 60, &status, &e));
	if (status)
		test_fail(__FILE__, __LINE__, "%s: %s", command, encl_buf_text(&err));
}

/* The same content in every form gives the same entries, twice. */
TEST(sources_archive_forms)
{
	static const char *const forms[] = {"",	       "| gzip", "| zstd -q", "| xz",
					    "| bzip2", "| gzip", "zip"};
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		bool zip = !strcmp(forms[i], "zip");
		encl_auto(encl_free) char *command = encl_xasprintf(
			"rm -rf t; mkdir -p t/top/d; cd t; echo hi >top/f; "
			"echo run >top/d/x; chmod 755 top/d/x top/d; chmod 644 top/f; "
			"ln -s f top/l; touch -hd @99 top/d/x top/*; "
			"%s -cf - %s top/d/ top/d/x top/f top/l %s >a",
			zip ? "bsdtar --format=zip"
			    : "tar --no-recursion --owner=0 --group=0",
			zip ? "-n" : "", zip ? "" : forms[i]);

		run(command);
		OK(lock(&f, &tarball));
		for (unsigned again = 0; again < 2; again++) {
			OK(emit(&f, &tarball));
			EQ_STR("begin archive t/a 0\n"
			       "d 0755 0:0 99 opt/d\n"
			       "f 0755 0:0 99 opt/d/x 4 \"run\\x0a\"\n"
			       "f 0644 0:0 99 opt/f 3 \"hi\\x0a\"\n"
			       "l 0777 0:0 99 opt/l -> f\n",
			       recorded(&f.r));
		}
	}
}

TEST(sources_archive_changed)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *want = NULL;
	const char *sum;

	set_up(&f);
	CHECK(mkdir(test_path("t"), 0755) == 0);
	write_text("t/a", "no tar at all, but that is not what is wrong first", 0644);
	OK(lock(&f, &tarball));
	OK(encl_json_str(f.pin, "sha256", "pin", &sum, &e));
	FAILS(emit(&f, &tarball), ENCL_FAILED, "t/a: Unrecognized archive format");
	write_text("t/a", "changed", 0644);
	want = encl_xasprintf("t/a: lock has sha256:%s, the file has sha256:"
			      "d67e2e944994496c8d8ec76eed0cf9f09679448d"
			      "584b532bebf941852a37f5ed; run \"enclavebuild lock\"",
			      sum);
	FAILS(emit(&f, &tarball), ENCL_MISMATCH, want);
}

TEST(sources_archive_damaged_cache)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	set_up(&f);
	run("mkdir -p t/top; cd t; echo hi >top/f; tar -czf a top");
	OK(lock(&f, &tarball));
	OK(emit(&f, &tarball));
	run("cd c/blobs/sha256; chmod 600 *; "
	    "printf X | dd of=$(ls) bs=1 seek=1030 conv=notrunc 2>/dev/null");
	CHECK(emit(&f, &tarball) == -1);
	CHECK(strstr(e.msg, "t/a: cache blob sha256:") == e.msg);
	CHECK(strstr(e.msg, " was damaged and is removed; run the command again") !=
	      NULL);
	OK(emit(&f, &tarball));
}

/* Names in UTF-8 are kept; what is not UTF-8 although it says so is refused. */
TEST(sources_archive_zip_names)
{
	static const char zip[] =
		"PK\3\4\n\0\0\10\0\0\0\0!\0\x83\x16\xdc\x8c\1\0\0\0\1\0\0\0\7\0\0\0t/caf\xc3\xa9"
		"x"
		"PK\1\2\n\0\n\0\0\10\0\0\0\0!\0\x83\x16\xdc\x8c\1\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0"
		"\0\0\0\0\0\0t/caf\xc3\xa9"
		"PK\5\6\0\0\0\0\1\0\1\0\65\0\0\0\46\0\0\0\0";
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *bad = encl_xmemdup(zip, sizeof zip);

	set_up(&f);
	CHECK(mkdir(test_path("t"), 0755) == 0);
	OK(encl_write_file(test_path("t/a"), zip, sizeof zip, 0644, &e));
	OK(lock(&f, &tarball));
	OK(emit(&f, &tarball));
	EQ_STR("begin archive t/a 0\nf 0664 0:0 99 opt/caf\xc3\xa9 1 \"x\"\n",
	       recorded(&f.r));
	for (size_t i = 0; i + 1 < sizeof zip; i++)
		if ((uint8_t)bad[i] == 0xc3)
			bad[i] = 'e';
	OK(encl_write_file(test_path("t/a"), bad, sizeof zip, 0644, &e));
	OK(lock(&f, &tarball));
	FAILS(emit(&f, &tarball), ENCL_FAILED, "t/a: the name of entry 1 is not UTF-8");
}
