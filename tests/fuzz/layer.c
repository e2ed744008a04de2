/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to layers to a ramdisk: lines of "TYPE PATH [ARG]" (d folder, f file, l
 * symlink, h hard link, c device, anything else: file), "---" begins another
 * layer, "----" one without whiteouts.  Whatever came in, the tree is in order, its
 * counts are right, and the planned size and CRC are those of the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/stream.h"
#include "fuzz.h"
#include "ramdisk/ramdisk.h"
#include "rootfs/list.h"

struct check {
	char last[ENCL_PATH_MAX + 1];
	size_t n;
};

static int
check_node(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct check *c = arg;
	char *again = encl_node_path(n);

	(void)e;
	if (strcmp(again, path) != 0 || strcmp(c->last, path) >= 0 || !n->inode->nlink)
		abort();
	strcpy(c->last, path);
	c->n++;
	free(again);
	return 0;
}

struct sums {
	struct encl_sink sink;
	uint64_t size;
	uint32_t crc;
};

static int
add_up(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	struct sums *u = (struct sums *)s;

	(void)e;
	u->size += n;
	u->crc = encl_crc32(u->crc, p, n);
	return 0;
}

static int
add_line(struct encl_entry_sink *s, char *line, struct encl_err *e)
{
	char *path = strchr(line, ' ');
	char *arg = path ? strchr(path + 1, ' ') : NULL;
	struct encl_entry en = {.path = path ? path + 1 : line, .type = ENCL_REG};

	if (arg)
		*arg++ = 0;
	en.link = arg;
	switch (*line) {
	case 'd':
		en.type = ENCL_DIR;
		break;
	case 'l':
		en.type = ENCL_SYMLINK;
		break;
	case 'h':
		en.type = ENCL_HARDLINK;
		break;
	case 'c':
		en.type = ENCL_CHR;
		en.dev_major = arg ? (uint8_t)*arg : 0;
		break;
	default:
		en.content.data = (const uint8_t *)arg;
		en.content.size = arg ? strlen(arg) : 0;
	}
	return s->add(s, &en, e);
}

static int
apply(struct encl_tree *t, char *text, struct encl_err *e)
{
	const struct encl_origin origin = {"image", "fuzz"};
	struct encl_entry_sink *s = encl_tree_sink(t);
	char *save = NULL;

	if (s->begin(s, &origin, 1, e))
		return -1;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(l, "---", 3)) {
			if (s->end(s, e) || s->begin(s, &origin, strlen(l) == 3, e))
				return -1;
		} else if (add_line(s, l, e)) {
			return -1;
		}
	}
	return s->end(s, e);
}

static void
check_tree(struct encl_tree *t)
{
	static const char *const globs[] = {"/**/a*", "/b/**"};
	struct encl_err e;
	struct check c = {.n = 0};
	struct sums u = {.sink = {add_up}};
	struct encl_ramdisk *r = encl_ramdisk_new(ENCL_CPIO_OURS);

	if (encl_tree_walk(t, check_node, &c, &e) || c.n != encl_tree_count(t))
		abort();
	if (encl_tree_list(t, true, &u.sink, &e))
		abort();
	u = (struct sums){.sink = {add_up}};
	if (!encl_tree_normalise(t, 1, ENCL_ROOT_CPIO, &e) &&
	    !encl_ramdisk_add_tree(r, "rootfs", t, &e)) {
		if (encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &u.sink, &e) ||
		    u.size != encl_ramdisk_size(r) || u.crc != encl_ramdisk_crc(r))
			abort();
	}
	encl_ramdisk_free(r);
	c = (struct check){.n = 0};
	if (encl_tree_remove(t, globs, 2, NULL, &e) ||
	    encl_tree_walk(t, check_node, &c, &e) || c.n != encl_tree_count(t))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = encl_xstrndup((const char *)data, size);
	struct encl_tree *t = encl_tree_new(NULL);
	struct encl_err e;

	(void)apply(t, text, &e);
	check_tree(t);
	encl_tree_free(t);
	free(text);
	return 0;
}
