/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers as overlayfs takes them.  A layer is lines of "TYPE PATH [ARG]", as
 * in rootfs_layer_test.c; a tree is shown as "a/" folder, "a=content",
 * "a>target", "a~first" (hard link), "a!" (white-out), "a:1,3" (device).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "rootfs/changes.h"
#include "test.h"

struct shown {
	struct encl_buf out;
	const struct encl_inode *first[16];
	char *names[16];
	size_t n;
};

static const char *
first_name(struct shown *s, const struct encl_inode *i, const char *path)
{
	for (size_t k = 0; k < s->n; k++)
		if (s->first[k] == i)
			return s->names[k];
	s->first[s->n] = i;
	s->names[s->n++] = encl_xstrdup(path);
	return NULL;
}

static int
show(void *arg, const struct encl_node *n, const char *path, struct encl_err *err)
{
	struct shown *s = arg;
	const struct encl_inode *i = n->inode;
	const char *first = i->nlink > 1 ? first_name(s, i, path) : NULL;
	char text[64] = "";

	encl_buf_add_fmt(&s->out, "%s%s", s->out.len ? " " : "", path);
	if (first) {
		encl_buf_add_fmt(&s->out, "~%s", first);
	} else if (i->type == ENCL_REG) {
		if (encl_content_read(&i->content, 0, text, (size_t)i->content.size, err))
			return -1;
		encl_buf_add_fmt(&s->out, "=%s", text);
	} else if (i->type == ENCL_DIR) {
		encl_buf_add_str(&s->out, "/");
	} else if (i->type == ENCL_SYMLINK) {
		encl_buf_add_fmt(&s->out, ">%s", i->link);
	} else if (i->dev_major || i->dev_minor) {
		encl_buf_add_fmt(&s->out, ":%u,%u", i->dev_major, i->dev_minor);
	} else {
		encl_buf_add_fmt(&s->out, "!%s", i->mode ? "mode" : "");
	}
	return 0;
}

static void
add_line(struct encl_entry_sink *sink, char *line)
{
	char *path = strchr(line, ' ') + 1;
	char *arg = strchr(path, ' ');
	struct encl_entry en = {.path = path, .mode = 0644, .mtime = 5, .type = ENCL_REG};

	if (arg)
		*arg++ = 0;
	if (*line == 'd')
		en.type = ENCL_DIR;
	if (*line == 'l' || *line == 'h') {
		en.type = *line == 'l' ? ENCL_SYMLINK : ENCL_HARDLINK;
		en.link = arg;
	} else if (*line == 'c') {
		en.type = ENCL_CHR;
		en.dev_major = 1;
		en.dev_minor = 3;
	} else if (arg) {
		en.content.data = (const uint8_t *)arg;
		en.content.size = strlen(arg);
	}
	OK(sink->add(sink, &en, &e));
}

/* Lines separated by ";". */
static void
add_layer(struct encl_tree *t, const char *lines)
{
	static const struct encl_origin origin = {"image", "test"};
	struct encl_entry_sink *sink = encl_tree_sink(t);
	encl_auto(encl_free) char *copy = encl_xstrdup(lines);
	char *rest = copy;
	char *line;

	OK(sink->begin(sink, &origin, 1, &e));
	while ((line = strsep(&rest, ";")))
		if (*line)
			add_line(sink, line);
	OK(sink->end(sink, &e));
}

/* What the last of up to four layers is as a folder. */
static char *
last_layer(const char *const *layers, uint64_t *bytes)
{
	static const struct encl_origin ours = {"generated", "test"};
	encl_auto(encl_tree_free) struct encl_tree *from = encl_tree_new(NULL);
	encl_auto(encl_tree_free) struct encl_tree *to = encl_tree_new(NULL);
	encl_auto(encl_tree_names_clear) struct encl_tree_names before = {0};
	struct encl_entry_sink *sink = encl_tree_sink(to);
	struct shown s = {.out = {.cap = 10000}};
	char *text;

	for (size_t i = 0; layers[i]; i++) {
		encl_tree_names_clear(&before);
		OK(encl_tree_names(from, &before, &e));
		add_layer(from, layers[i]);
	}
	OK(sink->begin(sink, &ours, 0, &e));
	OK(encl_tree_graft(from, &before, to, "L", bytes, &e));
	OK(sink->end(sink, &e));
	encl_tree_free(encl_take(from, NULL)); /* the copy owes it nothing */
	OK(encl_tree_walk(to, show, &s, &e));
	text = encl_xstrdup(encl_buf_text(&s.out));
	encl_buf_clear(&s.out);
	while (s.n)
		free(s.names[--s.n]);
	return text;
}

TEST(rootfs_changes_table)
{
	static const struct {
		const char *layers[5];
		const char *want;
	} rows[] = {
		{{"f a 1;d d;f d/x 2"}, "L/ L/a=1 L/d/ L/d/x=2"},
		{{"f a 1;f b 1", "f a 2"}, "L/ L/a=2"},
		{{"f a 1;f b 1", ""}, "L/"},
		/* white-outs, only of what is there */
		{{"f a 1", "f .wh.a"}, "L/ L/a!"},
		{{"f a 1", "f .wh.b"}, "L/"},
		{{"f a 1", "f .wh.a", "f .wh.a"}, "L/"},
		{{"f a 1", "f .wh.a;f a 2"}, "L/ L/a=2"},
		{{"d d;f d/x 1;f d/y 1", "f .wh.d"}, "L/ L/d!"},
		{{"d d;f d/x 1;f d/y 1", "f d/.wh.x"}, "L/ L/d/ L/d/x!"},
		{{"f a 1;f .wh.a"}, "L/ L/a=1"},
		/* opaque folders: every old name that is not restated */
		{{"d d;f d/x 1;f d/y 1", "d d;f d/.wh..wh..opq;f d/x 2;f d/z 2"},
		 "L/ L/d/ L/d/x=2 L/d/y! L/d/z=2"},
		{{"d d;f d/x 1;f d/y 1", "f d/.wh..wh..opq"}, "L/ L/d/ L/d/x! L/d/y!"},
		{{"d d;f d/x 1", "f .wh.d;d d;f d/y 2"}, "L/ L/d/ L/d/x! L/d/y=2"},
		/* a restated folder inside an opaque one */
		{{"d d;d d/s;f d/s/x 1;f d/s/y 1;d d/t;f d/t/u 1",
		  "d d;f d/.wh..wh..opq;d d/s;f d/s/x 2"},
		 "L/ L/d/ L/d/s/ L/d/s/x=2 L/d/s/y! L/d/t!"},
		{{"d d;d d/s;d d/s/r;f d/s/r/x 1;f d/s/r/y 1",
		  "f d/.wh..wh..opq;f d/s/r/x 2"},
		 "L/ L/d/ L/d/s/ L/d/s/r/ L/d/s/r/x=2 L/d/s/r/y!"},
		/* of the root */
		{{"f a 1;d d;f d/x 1", "f .wh..wh..opq;f b 2"}, "L/ L/a! L/b=2 L/d!"},
		/* types that change */
		{{"f a 1", "d a;f a/x 2"}, "L/ L/a/ L/a/x=2"},
		{{"d a;f a/x 1", "f a 2"}, "L/ L/a=2"},
		{{"d a;f a/x 1", "l a b"}, "L/ L/a>b"},
		{{"d b;l a b", "d a;f a/x 2"}, "L/ L/a/ L/a/x=2"},
		{{"d a;f a/x 1;f a/y 1", "f a 2", "d a;f a/y 3"}, "L/ L/a/ L/a/y=3"},
		{{"d a;f a/x 1;f a/y 1", "f .wh.a", "d a;f a/y 3"}, "L/ L/a/ L/a/y=3"},
		{{"d a;d a/s;f a/s/x 1", "d a;f a/.wh..wh..opq;f a/s 2"},
		 "L/ L/a/ L/a/s=2"},
		{{"d a;f a/s 1", "f a/.wh..wh..opq;d a/s;f a/s/x 2"},
		 "L/ L/a/ L/a/s/ L/a/s/x=2"},
		/* through a link of a lower layer, as for the root file system */
		{{"d usr;d usr/lib;l lib usr/lib", "f lib/x 2"},
		 "L/ L/usr/ L/usr/lib/ L/usr/lib/x=2"},
		{{"d usr;d usr/lib;f usr/lib/x 1;l lib usr/lib", "f lib/.wh.x"},
		 "L/ L/usr/ L/usr/lib/ L/usr/lib/x!"},
		/* links lead nowhere out of the folder */
		{{"l up ../../..;f up/x 1"}, "L/ L/up>../../.. L/x=1"},
		{{"l etc /;f etc/x 1;h y etc/x"}, "L/ L/etc>/ L/x=1 L/y~L/x"},
		/* hard links inside a layer and into the one below */
		{{"f a 1;h b a;h c b"}, "L/ L/a=1 L/b~L/a L/c~L/a"},
		{{"f a 1", "h b a;h c a"}, "L/ L/b=1 L/c~L/b"},
		{{"f a 1;h b a", "f .wh.b"}, "L/ L/b!"},
		{{"f a 1;h b a;h c a", "f b 2"}, "L/ L/b=2"},
		/* names that sort around a slash */
		{{"d a;f a/x 1;f a-b 1;f a.b 1", "f .wh.a;f .wh.a-b"}, "L/ L/a! L/a-b!"},
		{{"d a;f a/x 1;f a-b 1;d ab", "f a/.wh.x;f a/y 2;f .wh.ab"},
		 "L/ L/a/ L/a/x! L/a/y=2 L/ab!"},
		{{"c n;f a 1", "c m"}, "L/ L/m:1,3"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t bytes;
		encl_auto(encl_free) char *got = last_layer(rows[i].layers, &bytes);

		EQ_STR(rows[i].want, got);
	}
}

/* As Docker counts: a file once, a symlink's target, no folder, no white-out. */
TEST(rootfs_changes_bytes)
{
	static const char *const layers[] = {
		"f old 1;d d;f d/x 1", "f a 12345;h b a;l c abc;f .wh.old;d d", NULL};
	uint64_t bytes;
	encl_auto(encl_free) char *got = last_layer(layers, &bytes);

	EQ_STR("L/ L/a=12345 L/b~L/a L/c>abc L/d/ L/old!", got);
	EQ_INT(8, bytes);
}

TEST(rootfs_changes_place)
{
	static const struct encl_origin ours = {"generated", "test"};
	encl_auto(encl_tree_free) struct encl_tree *from = encl_tree_new(NULL);
	encl_auto(encl_tree_free) struct encl_tree *to = encl_tree_new(NULL);
	struct encl_entry_sink *sink = encl_tree_sink(to);
	uint64_t bytes;

	add_layer(from, "f a 1");
	add_layer(to, "f file 1;l link /;d there");
	OK(sink->begin(sink, &ours, 0, &e));
	FAILS(encl_tree_graft(from, NULL, to, "none/x", &bytes, &e), ENCL_FAILED,
	      "none/x: no place for a layer");
	FAILS(encl_tree_graft(from, NULL, to, "file/x", &bytes, &e), ENCL_FAILED,
	      "file/x: no place for a layer");
	FAILS(encl_tree_graft(from, NULL, to, "link/x", &bytes, &e), ENCL_FAILED,
	      "link/x: no place for a layer");
	FAILS(encl_tree_graft(from, NULL, to, "there", &bytes, &e), ENCL_FAILED,
	      "there: no place for a layer");
	OK(encl_tree_graft(from, NULL, to, "there/x", &bytes, &e));
	OK(sink->end(sink, &e));
	CHECK(encl_tree_find(to, "there/x/a"));
}

/* What an item of the manifest brought keeps its origin; the rest is the layer's. */
TEST(rootfs_changes_origins)
{
	static const struct encl_origin made = {"package", "app 1"};
	static const struct encl_origin layer = {"image", "sha256:1"};
	const struct encl_pos pos = {.line = 4};
	encl_auto(encl_tree_free) struct encl_tree *from = encl_tree_new(NULL);
	encl_auto(encl_tree_free) struct encl_tree *to = encl_tree_new(NULL);
	struct encl_entry_sink *sink = encl_tree_sink(from);
	const struct encl_origin *o;
	char line[] = "f a 1";
	char later[] = "f b 1";
	char other[] = "f M 1";
	uint64_t bytes;

	encl_tree_set_item(from, "docker.images[0].rootfs[1]", &pos);
	OK(sink->begin(sink, &made, 0, &e));
	add_line(sink, line);
	OK(sink->end(sink, &e));
	encl_tree_set_item(from, NULL, NULL);
	OK(sink->begin(sink, &made, 0, &e));
	add_line(sink, later);
	OK(sink->end(sink, &e));
	sink = encl_tree_sink(to);
	OK(sink->begin(sink, &layer, 0, &e));
	OK(encl_tree_graft(from, NULL, to, "L", &bytes, &e));
	add_line(sink, other);
	OK(sink->end(sink, &e));
	encl_tree_free(encl_take(from, NULL));
	o = encl_tree_find(to, "L/a")->inode->origin;
	EQ_STR("package", o->kind);
	EQ_STR("app 1", o->name);
	EQ_STR("docker.images[0].rootfs[1]", encl_tree_item_of(o).item);
	EQ_INT(4, encl_tree_item_of(o).line);
	o = encl_tree_find(to, "L/b")->inode->origin;
	EQ_STR("image", o->kind);
	EQ_STR("sha256:1", o->name);
	o = encl_tree_find(to, "M")->inode->origin;
	EQ_STR("image", o->kind);
}
