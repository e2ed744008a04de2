/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for layers, as a table.  A layer is lines of "TYPE PATH [ARG]":
 *	d folder, f file (ARG: content), l symlink, h hard link, H hard link with
 *	content "new" (ARG: target), c character device (ARG: major,minor)
 * A layer that begins with "-" has no whiteouts.  A tree is shown as
 *	"a/" folder ("a/?" made implicitly), "a=content", "a>target", "a~first"
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "rootfs/tree.h"
#include "test.h"

struct shown {
	struct encl_buf out;
	char *first[64];
	uint32_t n;
};

static int
show(void *arg, const struct encl_node *n, const char *path, struct encl_err *err)
{
	struct shown *s = arg;
	struct encl_inode *i = n->inode;
	char text[64] = "";

	encl_buf_add_fmt(&s->out, "%s%s", s->out.len ? " " : "", path);
	if (i->nlink > 1 && i->tag) {
		encl_buf_add_fmt(&s->out, "~%s", s->first[i->tag - 1]);
		return 0;
	}
	if (i->nlink > 1 && s->n < 64) {
		s->first[s->n++] = encl_xstrdup(path);
		i->tag = s->n;
	}
	if (i->type == ENCL_REG) {
		if (encl_content_read(&i->content, 0, text, (size_t)i->content.size, err))
			return -1;
		encl_buf_add_fmt(&s->out, "=%s", text);
	} else if (i->type == ENCL_DIR) {
		encl_buf_add_str(&s->out, i->mtime == INT64_MAX ? "/?" : "/");
	} else if (i->type == ENCL_SYMLINK) {
		encl_buf_add_fmt(&s->out, ">%s", i->link);
	} else {
		encl_buf_add_fmt(&s->out, ":%u,%u", i->dev_major, i->dev_minor);
	}
	return 0;
}

static int
add_line(struct encl_entry_sink *s, char *line)
{
	char *path = strchr(line, ' ') + 1;
	char *arg = strchr(path, ' ');
	struct encl_entry en = {.path = path, .mode = 0644, .mtime = 5, .type = ENCL_REG};

	if (arg)
		*arg++ = 0;
	switch (*line) {
	case 'd':
		en.type = ENCL_DIR;
		break;
	case 'l':
		en.type = ENCL_SYMLINK;
		en.link = arg;
		break;
	case 'H':
		en.content.data = (const uint8_t *)"new";
		en.content.size = 3;
		en.type = ENCL_HARDLINK;
		en.link = arg;
		break;
	case 'h':
		en.type = ENCL_HARDLINK;
		en.link = arg;
		break;
	case 'c':
		en.type = ENCL_CHR;
		sscanf(arg, "%u,%u", &en.dev_major, &en.dev_minor);
		break;
	default:
		en.content.data = (const uint8_t *)arg;
		en.content.size = arg ? strlen(arg) : 0;
	}
	return s->add(s, &en, &e);
}

static int
apply(struct encl_tree *t, const char *text)
{
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin origin = {"image", "L"};
	int whiteouts = *text != '-';
	encl_auto(encl_free) char *copy = encl_xstrdup(text + !whiteouts);
	char *save = NULL;

	if (s->begin(s, &origin, whiteouts, &e))
		return -1;
	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (add_line(s, l))
			return -1;
	return s->end(s, &e);
}

static char *
show_tree(struct encl_tree *t)
{
	struct shown s = {.out = {.cap = 1 << 20}};

	encl_tree_clear_tags(t);
	OK(encl_tree_walk(t, show, &s, &e));
	for (uint32_t i = 0; i < s.n; i++)
		free(s.first[i]);
	return (char *)encl_buf_steal(&s.out, NULL);
}

TEST(rootfs_layer_rules)
{
	static const struct {
		const char *layers[4];
		const char *want;
	} rows[] = {
		/* names */
		{{"d ./\nd ./a/\nf ./a/b 1\nf /c 2\nf a//d/./e 3"},
		 "a/ a/b=1 a/d/? a/d/e=3 c=2"},
		{{"d a\nf a-b 1\nf a/b 2\nd a.d\nf a.d/x 3"},
		 "a/ a-b=1 a.d/ a.d/x=3 a/b=2"},
		{{"f \xff 1\nf \x01 2\nf B 3\nf a 4"}, "\x01=2 B=3 a=4 \xff=1"},
		/* the same path again */
		{{"d a\nf a/b 1", "d a"}, "a/ a/b=1"},
		{{"f a/b 1", "d a"}, "a/ a/b=1"},
		{{"d a\nf a/b 1", "f a 2"}, "a=2"},
		{{"d a\nf a/b 1", "l a x"}, "a>x"},
		{{"f a 1", "d a\nf a/b 2"}, "a/ a/b=2"},
		{{"f a 1", "f a/b 2"}, "a/? a/b=2"},
		{{"f a 1\nf a 2"}, "a=2"},
		{{"c a 1,3", "f a 2"}, "a=2"},
		/* symlinked parents */
		{{"d usr\nd usr/bin\nl bin usr/bin", "f bin/x 1"},
		 "bin>usr/bin usr/ usr/bin/ usr/bin/x=1"},
		{{"d usr\nl a/b /usr", "f a/b/x 1"}, "a/? a/b>/usr usr/ usr/x=1"},
		{{"d usr\nl a/b ../../../../usr", "f a/b/x 1"},
		 "a/? a/b>../../../../usr usr/ usr/x=1"},
		{{"l a b\nl b c\nd c", "f a/x 1"}, "a>b b>c c/ c/x=1"},
		{{"l a gone/far", "f a/x 1"},
		 "a>gone/far gone/? gone/far/? gone/far/x=1"},
		{{"l a f\nf f 1", "f a/x 2"}, "a>f f/? f/x=2"},
		{{"d d\nl a d\nf d/x 1", "f a/x 2"}, "a>d d/ d/x=2"},
		{{"d d\nl a d", "l a e"}, "a>e d/"},
		{{"d d\nl a d", "f a 1"}, "a=1 d/"},
		/* a folder over a symlink: images replace it, others go through it */
		{{"d d\nf d/x 1\nl a d", "d a\nf a/y 2"}, "a/ a/y=2 d/ d/x=1"},
		{{"d d\nf d/x 1\nl a d", "-d a\nf a/y 2"}, "a>d d/ d/x=1 d/y=2"},
		{{"l a gone", "-d a\nf a/y 2"}, "a/ a/y=2"},
		{{"f f 1\nl a f", "-d a"}, "a/ f=1"},
		/* whiteouts */
		{{"f a 1\nf b 2", "f .wh.a"}, "b=2"},
		{{"d a\nf a/b 1\nf c 2", "f .wh.a"}, "c=2"},
		{{"f a 1", "f .wh.gone\nf x/.wh.y"}, "a=1"},
		{{"f a 1", "d .wh.a"}, ""},
		{{"f a 1", "f .wh.a\nf a 2"}, "a=2"},
		{{"f a 1", "f a 2\nf .wh.a"}, "a=2"},
		{{"d a\nf a/b 1", "f .wh.a\nd a\nf a/c 2"}, "a/ a/c=2"},
		{{"d a\nf a/b 1", "d a\nf a/c 2\nf .wh.a"}, "a/ a/c=2"},
		{{"d a\nf a/b 1", "f .wh.a\nf a/c 2"}, "a/? a/c=2"},
		{{"d a\nf a/b 1", "f a/c 2\nf .wh.a"}, "a/? a/c=2"},
		{{"f a 1", "f .wh.a", "f a 3"}, "a=3"},
		{{"d a\nd a/d\nf a/d/x 1", "f a/d/y 2\nf .wh.a"}, "a/? a/d/? a/d/y=2"},
		{{"f .wh.x 1"}, ""},
		{{"-f .wh.x 1"}, ".wh.x=1"},
		{{"d d\nf d/x 1\nl a d", "f a/.wh.x"}, "a>d d/"},
		{{"f .wh..wh.plnk/1.2 x\nf .wh..wh.aufs y\nf a/.wh..wh.orph z\nf b 1"},
		 "b=1"},
		/* opaque folders */
		{{"d a\nf a/b 1\nd a/c\nf a/c/d 2\nf e 3",
		  "d a\nf a/.wh..wh..opq\nf a/n 4"},
		 "a/ a/n=4 e=3"},
		{{"d a\nf a/b 1\nd a/c\nf a/c/d 2\nf e 3",
		  "f a/n 4\nd a\nf a/.wh..wh..opq"},
		 "a/ a/n=4 e=3"},
		{{"d a\nd a/c\nf a/c/d 2", "f a/c/n 4\nf a/.wh..wh..opq"},
		 "a/ a/c/? a/c/n=4"},
		{{"f a 1\nf b 2", "f c 3\nf .wh..wh..opq"}, "c=3"},
		{{"f a 1", "f .wh..wh..opq", "f a 2\nf b 3"}, "a=2 b=3"},
		{{"f a 1", "f a/.wh..wh..opq"}, "a=1"},
		/* hard links */
		{{"f a 1\nh b a"}, "a=1 b~a"},
		{{"f a 1", "h b /a"}, "a=1 b~a"},
		{{"f a 1\nh b a", "f a 2"}, "a=2 b=1"},
		{{"f a 1\nh b a", "f .wh.a"}, "b=1"},
		{{"f a 1\nh b a\nh c b", "f b 2"}, "a=1 b=2 c~a"},
		{{"h b a\nf a 1"}, "a=1 b~a"},
		{{"h c b\nh b a\nf a 1"}, "a=1 b~a c~a"},
		{{"h d c\nh c b\nh b a\nf a 1"}, "a=1 b~a c~a d~a"},
		{{"h b a\nf b 2\nf a 1"}, "a=1 b=2"},
		{{"f b 0", "h b a\nf a 1"}, "a=1 b~a"},
		{{"d d\nf d/x 1\nl s d", "h y s/x"}, "d/ d/x=1 s>d y~d/x"},
		{{"l s x\nh t s"}, "s>x t~s"},
		{{"f a 1\nh a a"}, "a=1"},
		{{"f a old\nH b a"}, "a=new b~a"},
		{{"H b a\nf a old"}, "a=new b~a"},
		/* devices */
		{{"c dev/null 1,3"}, "dev/? dev/null:1,3"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
		encl_auto(encl_free) char *got = NULL;

		for (size_t l = 0; l < 4 && rows[i].layers[l]; l++)
			OK(apply(t, rows[i].layers[l]));
		got = show_tree(t);
		EQ_STR(rows[i].want, got);
	}
}

TEST(rootfs_layer_errors)
{
	static const struct {
		const char *layers[3];
		const char *want;
	} rows[] = {
		{{"f ../x 1"}, "image L: ../x: the path has a \"..\""},
		{{"f a/../../x 1"}, "image L: a/../../x: the path has a \"..\""},
		{{"f a/.. 1"}, "image L: a/..: the path has a \"..\""},
		{{"f ./ 1"}, "image L: ./: the root can only be a folder"},
		{{"l . /etc"}, "image L: .: the root can only be a folder"},
		{{"h / a"}, "image L: /: the root can only be a folder"},
		{{"f .wh. 1"}, "image L: .wh.: a whiteout of nothing, \".\" or \"..\""},
		{{"f a/.wh.. 1"},
		 "image L: a/.wh..: a whiteout of nothing, \".\" or \"..\""},
		{{"f .wh... 1"},
		 "image L: .wh...: a whiteout of nothing, \".\" or \"..\""},
		{{"f .wh.a/b 1"}, "image L: .wh.a/b: a whiteout cannot be a folder"},
		{{"c a 0,0"},
		 "image L: a: a character device 0:0 (a whiteout of overlayfs, which "
		 "layers do not have)"},
		{{"h b a"}, "image L: b: hard link to a, which is not there"},
		{{"h b c\nh c b"}, "image L: b: hard link to c, which is not there"},
		{{"h b ../a"}, "image L: b: hard link: the path has a \"..\""},
		{{"d a\nh b a"}, "image L: b: a hard link to a folder"},
		{{"h b a\nd a"}, "image L: b: a hard link to a folder"},
		{{"h b /"}, "image L: b: a hard link to a folder"},
		{{"h b"}, "image L: b: a hard link without a target"},
		{{"l b"}, "image L: b: a symlink without a target"},
		{{"l a x\nH b a"},
		 "image L: b: a hard link with content to what is not a file"},
		{{"l a a", "f a/x 1"}, "image L: a/x: more than 40 symlinks in the path"},
		{{"l a b/c\nl b a/c", "f a/x 1"},
		 "image L: a/x: more than 40 symlinks in the path"},
		{{"f a 1", "f .wh.a\nh b a"},
		 "image L: b: hard link to a, which is not there"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);

		for (size_t l = 0; rows[i].layers[l + 1]; l++)
			OK(apply(t, rows[i].layers[l]));
		for (size_t l = 0; rows[i].layers[l]; l++)
			if (!rows[i].layers[l + 1])
				FAILS(apply(t, rows[i].layers[l]), ENCL_FAILED,
				      rows[i].want);
	}
}

TEST(rootfs_layer_long_paths)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_free) char *line = encl_xcalloc(1, 8192);
	encl_auto(encl_free) char *link = encl_xcalloc(1, 8192);
	const char *msg;

	/* 4095 bytes are fine, 4096 are not */
	strcpy(line, "f ");
	for (size_t i = 0; i < 2047; i++)
		strcat(line, "a/");
	strcat(line, "b");
	EQ_INT(4095, strlen(line + 2));
	OK(apply(t, line));
	strcat(line, "c");
	CHECK(apply(t, line) == -1);
	msg = strrchr(e.msg, ':');
	EQ_STR(": the path is longer than 4095 bytes", msg);
	/* a symlink cannot lead to where paths are longer */
	strcpy(link, "l s ");
	memcpy(link + 4, line + 2, 4000);
	OK(apply(t, link));
	memset(line, 0, 8192);
	strcpy(line, "f s/");
	memset(line + 4, 'x', 200);
	CHECK(apply(t, line) == -1);
	msg = strrchr(e.msg, ':');
	EQ_STR(": the path is longer than 4095 bytes", msg);
}

static void
count_warning(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	if (level == ENCL_LOG_WARN)
		snprintf(e.msg, sizeof e.msg, "%s", text);
}

TEST(rootfs_layer_tells_of_implicit_folders)
{
	struct encl_log log = {.event = count_warning};
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(&log);

	OK(apply(t, "-f a/b/c 1"));
	EQ_STR("", e.msg);
	OK(apply(t, "f x/y/z 1"));
	EQ_STR("image L: 2 folders that it does not state were made with 0755 0:0: x …",
	       e.msg);
}

TEST(rootfs_layer_metadata)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin one = {"image", "1"}, two = {"image", "2"};
	struct encl_entry en = {.path = "d",
				.type = ENCL_DIR,
				.mode = 0104711,
				.uid = 7,
				.gid = UINT32_MAX,
				.mtime = -5};
	const struct encl_inode *i;

	OK(s->begin(s, &one, 1, &e));
	OK(s->add(s, &en, &e));
	en.path = "./";
	en.mode = 0700;
	OK(s->add(s, &en, &e));
	OK(s->end(s, &e));
	i = encl_tree_find(t, "d")->inode;
	EQ_INT(04711, i->mode);
	EQ_INT(7, i->uid);
	EQ_INT(UINT32_MAX, i->gid);
	EQ_INT(-5, i->mtime);
	EQ_STR("1", i->origin->name);
	EQ_INT(0700, encl_tree_root(t)->inode->mode);
	OK(s->begin(s, &two, 1, &e));
	en.path = "d";
	en.mode = 01777;
	en.uid = 0;
	OK(s->add(s, &en, &e));
	OK(s->end(s, &e));
	i = encl_tree_find(t, "d")->inode;
	EQ_INT(01777, i->mode);
	EQ_INT(0, i->uid);
	EQ_STR("2", i->origin->name);
}

/* Order in a folder of many names, with some of them taken away again. */
TEST(rootfs_layer_large_folder)
{
	enum { N = 100000 };
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin o = {"image", "1"};
	const struct encl_node *d;
	char path[32];

	OK(s->begin(s, &o, 1, &e));
	for (unsigned i = 0; i < N; i++) {
		struct encl_entry en = {.path = path, .mode = 0644};

		snprintf(path, sizeof path, "d/%06u", (i * 7919U) % N);
		OK(s->add(s, &en, &e));
	}
	OK(s->end(s, &e));
	OK(s->begin(s, &o, 1, &e));
	for (unsigned i = 0; i < N; i += 2) {
		struct encl_entry en = {.path = path, .mode = 0644};

		snprintf(path, sizeof path, "d/.wh.%06u", i);
		OK(s->add(s, &en, &e));
	}
	OK(s->end(s, &e));
	d = encl_tree_find(t, "d");
	EQ_INT(N / 2, d->n_children);
	EQ_INT(N / 2 + 1, encl_tree_count(t));
	for (size_t i = 0; i < d->n_children; i++) {
		snprintf(path, sizeof path, "%06zu", 2 * i + 1);
		EQ_STR(path, d->children[i]->name);
	}
}
