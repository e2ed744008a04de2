/* SPDX-License-Identifier: Apache-2.0 */
/* Tars made of trees: read back by our own reader and by another's. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/spawn.h"
#include "base/tmpfile.h"
#include "docker/tar.h"
#include "recorder.h"
#include "sources/tar.h"
#include "test.h"
#include <fcntl.h>

static const struct encl_origin origin = {"generated", "test"};

static void
add(struct encl_tree *t, struct encl_entry entry, const char *text)
{
	struct encl_entry_sink *sink = encl_tree_sink(t);

	if (text)
		entry.content =
			(struct encl_content){.data = (const uint8_t *)text,
					      .size = strlen(text),
					      .crc = encl_crc32(0, text, strlen(text))};
	OK(sink->add(sink, &entry, &e));
}

static char long_name[203];

static struct encl_tree *
make_tree(void)
{
	static const struct encl_xattr xattrs[] = {{"security.capability", "\1\0\n=", 4},
						   {"user.x", "y", 1}};
	struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *sink = encl_tree_sink(t);

	memset(long_name, 'n', 201);
	long_name[100] = '/';
	OK(sink->begin(sink, &origin, 0, &e));
	add(t,
	    (struct encl_entry){.path = "d", .type = ENCL_DIR, .mode = 01777, .mtime = 7},
	    NULL);
	add(t,
	    (struct encl_entry){
		    .path = "d/b", .mode = 04755, .uid = 1, .gid = 2, .mtime = 9},
	    "hello");
	add(t, (struct encl_entry){.path = "a", .type = ENCL_HARDLINK, .link = "d/b"},
	    NULL);
	add(t, (struct encl_entry){.path = "l", .type = ENCL_SYMLINK, .link = long_name},
	    NULL);
	add(t,
	    (struct encl_entry){.path = "n",
				.type = ENCL_CHR,
				.mode = 0666,
				.dev_major = 1,
				.dev_minor = 3},
	    NULL);
	add(t, (struct encl_entry){.path = "p", .type = ENCL_FIFO, .mode = 0600}, NULL);
	add(t,
	    (struct encl_entry){.path = long_name,
				.mode = 0644,
				.uid = 4000000000,
				.gid = 2097152,
				.mtime = 1},
	    "long");
	add(t,
	    (struct encl_entry){
		    .path = "x", .mode = 0755, .xattrs = xattrs, .n_xattrs = 2},
	    "cap");
	OK(sink->end(sink, &e));
	OK(encl_tree_normalise(t, 10, ENCL_ROOT_SQUASHFS, &e));
	return t;
}

static void
write_tar(struct encl_tree *t, struct encl_buf *b)
{
	struct encl_sink_buf sink;

	encl_sink_buf_init(&sink, b, "tar");
	OK(encl_tar_write(t, &sink.sink, &e));
}

TEST(docker_tar_read_back)
{
	encl_auto(encl_tree_free) struct encl_tree *t = make_tree();
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	encl_auto(recorder_clear) struct recorder r;
	encl_auto(encl_blob_unref) struct encl_blob *blob = NULL;
	struct encl_env env = {.jobs = 1};
	struct encl_tar tar = {.what = "t.tar"};
	struct encl_digest digest;
	encl_auto(encl_free) char *want = NULL;

	write_tar(t, &b);
	OK(encl_write_file(test_path("t.tar"), b.data, b.len, 0644, &e));
	blob = encl_blob_new(open(test_path("t.tar"), O_RDONLY | O_CLOEXEC), b.len,
			     "t.tar");
	tar.blob = blob;
	tar.size = b.len;
	recorder_init(&r);
	OK(encl_tar_scan(&env, &tar, &r.sink, &digest, &e));
	want = encl_xasprintf(
		"f 4755 1:2 9 a 5 \"hello\"\n"
		"d 1777 0:0 7 d\n"
		"h d/b = a\n"
		"l 0777 0:0 0 l -> %s\n"
		"c 0666 0:0 0 n 1,3\n"
		"d 0755 0:0 10 %.100s\n"
		"f 0644 4000000000:2097152 1 %s 4 \"long\"\n"
		"p 0600 0:0 0 p\n"
		"f 0755 0:0 0 x security.capability=\"\\x01\\x00\\x0a=\" user.x=\"y\" 3 \"cap\"\n",
		long_name, long_name, long_name);
	EQ_STR(want, recorded(&r));
}

/* The same bytes twice, and these bytes: DiffIDs must never move. */
TEST(docker_tar_bytes)
{
	encl_auto(encl_tree_free) struct encl_tree *t = make_tree();
	encl_auto(encl_buf_clear) struct encl_buf a = {.cap = 1 << 20};
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	write_tar(t, &a);
	write_tar(t, &b);
	EQ_MEM(a.data, a.len, b.data, b.len);
	encl_digest_of(ENCL_SHA256, a.data, a.len, &d);
	encl_digest_format(&d, text);
	EQ_STR("sha256:5cb808fa719b712a5d7015b00a431dab5d29432a0c7012999e900edafbee7f23",
	       text);
}

/* It would not come back: a layer's reader takes it for a removal. */
TEST(docker_tar_whiteout)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 16};
	struct encl_entry_sink *sink = encl_tree_sink(t);
	struct encl_sink_buf out;

	OK(sink->begin(sink, &origin, 0, &e));
	add(t, (struct encl_entry){.path = "d/.wh.x", .mode = 0644}, "x");
	OK(sink->end(sink, &e));
	OK(encl_tree_normalise(t, 10, ENCL_ROOT_SQUASHFS, &e));
	encl_sink_buf_init(&out, &b, "tar");
	FAILS(encl_tar_write(t, &out.sink, &e), ENCL_FAILED,
	      "d/.wh.x: a name that begins with \".wh.\" removes another in a layer; an "
	      "image cannot have it");
}
