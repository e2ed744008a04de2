/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups, globs, the last step before a ramdisk, order, the size report. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stream.h"
#include "rootfs/list.h"
#include "rootfs/report.h"
#include "rootfs/tree.h"
#include "test.h"

static void
add(struct encl_tree *t, const struct encl_entry *en)
{
	struct encl_entry_sink *s = encl_tree_sink(t);

	OK(s->add(s, en, &e));
}

static void
begin(struct encl_tree *t, const char *kind, const char *name)
{
	const struct encl_origin o = {kind, name};
	struct encl_entry_sink *s = encl_tree_sink(t);

	OK(s->begin(s, &o, 1, &e));
}

static void
end(struct encl_tree *t)
{
	struct encl_entry_sink *s = encl_tree_sink(t);

	OK(s->end(s, &e));
}

/* A file of that content for every path; a path that ends in / is a folder. */
static void
add_files(struct encl_tree *t, const char *const *paths, const char *content)
{
	for (; *paths; paths++) {
		struct encl_entry en = {.path = *paths, .mode = 0644, .mtime = 3};

		if ((*paths)[strlen(*paths) - 1] == '/') {
			en.type = ENCL_DIR;
		} else {
			en.content.data = (const uint8_t *)content;
			en.content.size = strlen(content);
		}
		add(t, &en);
	}
}

static void
add_symlink(struct encl_tree *t, const char *path, const char *target)
{
	add(t, &(struct encl_entry){.path = path, .type = ENCL_SYMLINK, .link = target});
}

static const char *
where(const struct encl_node *n)
{
	static char text[256];
	encl_auto(encl_free) char *path = n ? encl_node_path(n) : NULL;

	snprintf(text, sizeof text, "%s", path ? path : "(none)");
	return text;
}

TEST(rootfs_tree_find)
{
	static const struct {
		const char *path, *want, *want_nofollow;
	} rows[] = {
		{"", "", ""},
		{"/", "", ""},
		{".", "", ""},
		{"/..", "", ""},
		{"usr/bin/sh", "usr/bin/sh", "usr/bin/sh"},
		{"//usr/./bin/../bin/sh", "usr/bin/sh", "usr/bin/sh"},
		{"bin/sh", "usr/bin/sh", "usr/bin/sh"},
		{"bin", "usr/bin", "bin"},
		{"bin/", "usr/bin", "bin"},
		{"up/sh", "usr/bin/sh", "usr/bin/sh"},
		{"abs", "usr/bin/sh", "abs"},
		{"abs/x", "(none)", "(none)"},
		{"usr/bin/sh/x", "(none)", "(none)"},
		{"usr/bin/sh/..", "(none)", "(none)"},
		{"loop", "(none)", "loop"},
		{"loop/x", "(none)", "(none)"},
		{"gone", "(none)", "gone"},
		{"gone/x", "(none)", "(none)"},
		{"usr/none", "(none)", "(none)"},
		{"usr/b", "(none)", "(none)"},
		{"bin/..", "usr", "usr"},
	};
	static const char *const files[] = {"usr/", "usr/bin/", "usr/bin/sh", NULL};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);

	begin(t, "image", "1");
	add_files(t, files, "x");
	add_symlink(t, "bin", "usr/bin");
	add_symlink(t, "up", "../../../usr/../bin");
	add_symlink(t, "abs", "/bin/sh");
	add_symlink(t, "loop", "loop");
	add_symlink(t, "gone", "nowhere/at/all");
	end(t);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		EQ_STR(rows[i].want, where(encl_tree_find(t, rows[i].path)));
		EQ_STR(rows[i].want_nofollow,
		       where(encl_tree_find_nofollow(t, rows[i].path)));
	}
}

/* 40 symlinks are followed, 41 are not. */
TEST(rootfs_tree_hops)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	char path[16], target[16];

	begin(t, "image", "1");
	for (unsigned i = 0; i < 41; i++) {
		snprintf(path, sizeof path, "s%u", i);
		snprintf(target, sizeof target, "s%u", i + 1);
		add_symlink(t, path, target);
	}
	add_files(t, (const char *const[]){"s41", NULL}, "x");
	end(t);
	EQ_STR("s41", where(encl_tree_find(t, "s1")));
	EQ_STR("(none)", where(encl_tree_find(t, "s0")));
}

TEST(rootfs_tree_read)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_free) char *text = NULL;
	size_t n = 0;

	begin(t, "image", "1");
	add_files(t, (const char *const[]){"d/", "d/f", NULL}, "root:x:0:0\n");
	end(t);
	OK(encl_tree_read(t, encl_tree_find(t, "d/f"), 11, &text, &n, &e));
	EQ_STR("root:x:0:0\n", text);
	EQ_INT(11, n);
	FAILS(encl_tree_read(t, encl_tree_find(t, "d/f"), 10, &text, &n, &e), ENCL_FAILED,
	      "d/f has 11 bytes; at most 10 are read");
	FAILS(encl_tree_read(t, encl_tree_find(t, "d"), 10, &text, &n, &e), ENCL_FAILED,
	      "d is not a file");
}

static int
collect(void *arg, const struct encl_node *n, const char *path, struct encl_err *err)
{
	(void)n;
	(void)err;
	encl_buf_add_fmt(arg, "%s%s", ((struct encl_buf *)arg)->len ? " " : "", path);
	return 0;
}

static void
eq_paths(struct encl_tree *t, const char *want)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 20};

	OK(encl_tree_walk(t, collect, &b, &e));
	EQ_STR(want, encl_buf_text(&b));
}

TEST(rootfs_tree_walk_order)
{
	static const char *const files[] = {"a/b/c", "a/b-/c", "a/b.d", "a-/x",
					    "a-/-",  "a--/y",  "a.b",	"a0",
					    "aa/z",  "a!",     "b",	NULL};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);

	begin(t, "image", "1");
	add_files(t, files, "");
	end(t);
	eq_paths(
		t,
		"a a! a- a-- a--/y a-/- a-/x a.b a/b a/b- a/b-/c a/b.d a/b/c a0 aa aa/z b");
}

static int
fail_at_b(void *arg, const struct encl_node *n, const char *path, struct encl_err *err)
{
	(void)arg;
	(void)n;
	return *path == 'b' ? encl_fail(err, ENCL_FAILED, "at %s", path) : 0;
}

TEST(rootfs_tree_walk_stops)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);

	begin(t, "image", "1");
	add_files(t, (const char *const[]){"a/x", "b/x", NULL}, "");
	end(t);
	FAILS(encl_tree_walk(t, fail_at_b, NULL, &e), ENCL_FAILED, "at b");
}

TEST(rootfs_tree_remove)
{
	static const char *const all[] = {"a/x.py", "a/x.pyc", "a/b/y.pyc", "a/b/c/z.pyc",
					  "d/e/f",  "d/e/g",   "d/h",	    "i*j",
					  ".k/l",   NULL};
	static const struct {
		const char *glob;
		size_t matched;
		const char *left;
	} rows[] = {
		{"/a", 1, ".k .k/l d d/e d/e/f d/e/g d/h i*j"},
		{"/a/*.pyc", 1,
		 ".k .k/l a a/b a/b/c a/b/c/z.pyc a/b/y.pyc a/x.py d d/e d/e/f d/e/g d/h i*j"},
		{"/**/*.pyc", 3, ".k .k/l a a/b a/b/c a/x.py d d/e d/e/f d/e/g d/h i*j"},
		{"/d/**", 2,
		 ".k .k/l a a/b a/b/c a/b/c/z.pyc a/b/y.pyc a/x.py a/x.pyc d i*j"},
		{"/d/*", 2,
		 ".k .k/l a a/b a/b/c a/b/c/z.pyc a/b/y.pyc a/x.py a/x.pyc d i*j"},
		{"/*/?", 4, ".k a a/x.py a/x.pyc d i*j"},
		{"/i\\*j", 1,
		 ".k .k/l a a/b a/b/c a/b/c/z.pyc a/b/y.pyc a/x.py a/x.pyc d d/e d/e/f d/e/g d/h"},
		{"/[ad]", 2, ".k .k/l i*j"},
		{"/**", 4, ""},
		{"*", 4, ""},
		{"/none/**/x", 0,
		 ".k .k/l a a/b a/b/c a/b/c/z.pyc a/b/y.pyc a/x.py a/x.pyc d d/e d/e/f d/e/g d/h "
		 "i*j"},
		{"/**/**/c/**/z*", 1,
		 ".k .k/l a a/b a/b/c a/b/y.pyc a/x.py a/x.pyc d d/e d/e/f d/e/g d/h i*j"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
		size_t matched = 99;

		begin(t, "image", "1");
		add_files(t, all, "");
		end(t);
		OK(encl_tree_remove(t, &rows[i].glob, 1, &matched, &e));
		eq_paths(t, rows[i].left);
		EQ_INT(rows[i].matched, matched);
	}
}

TEST(rootfs_tree_remove_refuses)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1000};
	const char *glob = "/a/../b";

	FAILS(encl_tree_remove(t, &glob, 1, NULL, &e), ENCL_USAGE,
	      "remove: /a/../b has a \"..\"");
	glob = "//./";
	FAILS(encl_tree_remove(t, &glob, 1, NULL, &e), ENCL_USAGE,
	      "remove: \"//./\" is the root");
	for (int i = 0; i < 64; i++)
		encl_buf_add_str(&b, "/a");
	glob = encl_buf_text(&b);
	CHECK(encl_tree_remove(t, &glob, 1, NULL, &e) == -1);
	CHECK(strstr(e.msg, " has more than 63 components") != NULL);
}

static void
keep_text(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	if (level == ENCL_LOG_WARN)
		snprintf(e.msg, sizeof e.msg, "%s", text);
}

TEST(rootfs_tree_normalise_times)
{
	static const struct {
		int64_t mtime, want;
	} rows[] = {{0, 0},	{-1, 0},    {INT64_MIN, 0},  {99, 99},
		    {100, 100}, {101, 100}, {INT64_MAX, 100}};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	char name[8];

	begin(t, "image", "1");
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(name, sizeof name, "%u", i);
		add(t, &(struct encl_entry){.path = name, .mtime = rows[i].mtime});
	}
	end(t);
	OK(encl_tree_normalise(t, 100, ENCL_ROOT_CPIO, &e));
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(name, sizeof name, "%u", i);
		EQ_INT(rows[i].want, encl_tree_find(t, name)->inode->mtime);
	}
	EQ_INT(100, encl_tree_root(t)->inode->mtime);
	FAILS(encl_tree_normalise(t, UINT64_C(1) << 32, ENCL_ROOT_CPIO, &e), ENCL_USAGE,
	      "sourceDateEpoch: 4294967296 does not fit the 32 bits that a ramdisk has for a "
	      "time");
}

TEST(rootfs_tree_normalise_refuses)
{
	encl_auto(encl_blob_unref) struct encl_blob *blob =
		encl_blob_new(-1, UINT64_C(1) << 33, "layer");
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_tree_free) struct encl_tree *u = encl_tree_new(NULL);
	struct encl_entry en = {.path = "srv/big",
				.content = {.blob = blob, .size = UINT32_MAX}};
	char name[300] = "";

	begin(t, "image", "sha256:1234");
	add(t, &en);
	end(t);
	OK(encl_tree_normalise(t, 0, ENCL_ROOT_CPIO, &e));
	begin(t, "image", "sha256:5678");
	en.content.size++;
	add(t, &en);
	end(t);
	FAILS(encl_tree_normalise(t, 0, ENCL_ROOT_CPIO, &e), ENCL_FAILED,
	      "srv/big (image sha256:5678): the file has 4 GiB or more, which a ramdisk cannot "
	      "hold; leave it out with \"remove\", or split it");
	memset(name, 'n', 255);
	begin(u, "archive", "x.tar");
	add(u, &(struct encl_entry){.path = name});
	end(u);
	OK(encl_tree_normalise(u, 0, ENCL_ROOT_CPIO, &e));
	name[255] = 'n';
	begin(u, "archive", "y.tar");
	add(u, &(struct encl_entry){.path = name});
	end(u);
	CHECK(encl_tree_normalise(u, 0, ENCL_ROOT_CPIO, &e) == -1);
	EQ_STR(" (archive y.tar): the name is longer than 255 bytes, which Linux cannot hold",
	       strchr(e.msg, ' '));
}

TEST(rootfs_tree_normalise_lost_xattrs)
{
	struct encl_log log = {.event = keep_text};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(&log);
	char name[16];

	begin(t, "image", "1");
	for (unsigned i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "f%02u", i);
		add(t, &(struct encl_entry){.path = name,
					    .lost_xattr = "security.capability"});
	}
	end(t);
	begin(t, "image", "2");
	for (unsigned i = 2; i < 12; i++) {
		snprintf(name, sizeof name, "f%02u", i);
		add(t, &(struct encl_entry){.path = name});
	}
	end(t);
	OK(encl_tree_normalise(t, 0, ENCL_ROOT_CPIO, &e));
	EQ_STR("extended attributes are lost, as a ramdisk has none, on 2 files: f00 "
	       "(security.capability), f01 (security.capability)",
	       e.msg);
}

TEST(rootfs_tree_report)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(json_decref) json_t *report = NULL;
	encl_auto(encl_free) char *text = NULL;

	begin(t, "image", "base");
	add_files(t,
		  (const char *const[]){"usr/lib/a", "usr/lib-x", "usr/lib/b/c", "top",
					NULL},
		  "12345");
	end(t);
	begin(t, "package", "memcached 1.6");
	add_files(t, (const char *const[]){"usr/bin/m", "usr/z", NULL}, "1234567890");
	add(t, &(struct encl_entry){
		       .path = "usr/bin/n", .type = ENCL_HARDLINK, .link = "usr/bin/m"});
	end(t);
	begin(t, "file", "\xff");
	add_files(t, (const char *const[]){"e/\xff", NULL}, "1");
	end(t);
	OK(encl_tree_report(t, 2, &report, &e));
	text = encl_json_compact(report);
	EQ_STR("{\"names\":13,\"files\":7,\"folders\":5,\"symlinks\":0,\"bytes\":41,"
	       "\"origins\":[{\"kind\":\"image\",\"name\":\"base\",\"files\":4,\"bytes\":20},"
	       "{\"kind\":\"package\",\"name\":\"memcached 1.6\",\"files\":2,\"bytes\":20},"
	       "{\"kind\":\"other\",\"name\":\"\",\"files\":1,\"bytes\":1}],"
	       "\"largestFolders\":[{\"path\":\"usr\",\"files\":2,\"bytes\":15},"
	       "{\"path\":\"usr/bin\",\"files\":1,\"bytes\":10}],"
	       "\"largestFiles\":[{\"path\":\"usr/bin/m\",\"kind\":\"package\","
	       "\"name\":\"memcached 1.6\",\"bytes\":10},"
	       "{\"path\":\"usr/z\",\"kind\":\"package\",\"name\":\"memcached 1.6\","
	       "\"bytes\":10}]}",
	       text);
}

/* What of the manifest asks for a layer stays with what the layer brings. */
TEST(rootfs_tree_items)
{
	static const char *const first[] = {"a/", "a/x", "a/y", NULL};
	static const char *const second[] = {"a/y", "b/z", NULL};
	static const char *const third[] = {"c", NULL};
	const struct encl_pos here = {.line = 7, .column = 3};
	const struct encl_pos elsewhere = {
		.line = 9, .column = 1, .file = "compose.yaml"};
	static const struct {
		const char *path, *item;
		unsigned line;
	} rows[] = {
		{"a", "rootfs[0]", 7}, {"a/x", "rootfs[0]", 7},
		{"a/y", "docker", 0},  {"b", "docker", 0}, /* made for what is in it */
		{"b/z", "docker", 0},  {"c", NULL, 0},
	};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	char item[] = "rootfs[0]";

	encl_tree_set_item(t, item, &here);
	item[0] = 'x'; /* a copy is kept */
	begin(t, "image", "one");
	add_files(t, first, "1");
	end(t);
	encl_tree_set_item(t, "docker", &elsewhere);
	begin(t, "package", "two");
	add_files(t, second, "2");
	end(t);
	encl_tree_set_item(t, NULL, NULL);
	begin(t, "generated", "three");
	add_files(t, third, "3");
	end(t);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct encl_node *n = encl_tree_find(t, rows[i].path);
		struct encl_tree_item got;

		OK(n ? 0 : -1);
		got = encl_tree_item_of(n->inode->origin);
		EQ_STR(rows[i].item ? rows[i].item : "(none)",
		       got.item ? got.item : "(none)");
		EQ_INT(rows[i].line, got.line);
	}
}
