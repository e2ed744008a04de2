/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ramdisk FORMAT OUT <LINES: a ramdisk as build would write it, of a tree that is
 * told by lines, "TYPE MODE UID:GID MTIME PATH [ARGUMENT]": f (content, \n is a
 * newline; @FILE is a file's), d, l (target), h (path), c (MAJOR,MINOR); a line "x NAME
 * VALUE" before it is an attribute of the next one, in a squashfs.  FORMAT is
 * none, gzip, zstd, lz4, xz, linuxkit or squashfs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"

enum { MAX_FILE = 512 << 20, TIME = 2000000000 };

static int
content_of(const char *arg, struct encl_content *out, struct encl_err *e)
{
	char *text = encl_xstrdup(arg);
	char *to = text;
	size_t n;

	if (*arg == '@') {
		free(text);
		if (encl_read_file(arg + 1, MAX_FILE, &text, &n, e))
			return -1;
	} else {
		for (; *arg; arg++) {
			bool newline = arg[0] == '\\' && arg[1] == 'n';

			*to++ = newline ? '\n' : *arg;
			arg += newline;
		}
		n = (size_t)(to - text);
	}
	out->data = (const uint8_t *)text; /* lives until the program ends */
	out->size = n;
	out->crc = encl_crc32(0, text, n);
	return 0;
}

/* Of the next entry. */
static struct encl_xattr xattr;

static void
take_xattr(const char *line)
{
	char *name = encl_xstrdup(line); /* lives until the program ends */
	char *value = strchr(name, ' ');

	if (!value)
		abort();
	*value++ = 0;
	xattr = (struct encl_xattr){name, value, strlen(value)};
}

static int
add_line(struct encl_entry_sink *s, const char *line, struct encl_err *e)
{
	char path[1024];
	int at = 0;
	long mtime;
	struct encl_entry en = {.path = path};
	const char *arg;

	if (sscanf(line + 1, " %o %u:%u %ld %1023s%n", &en.mode, &en.uid, &en.gid, &mtime,
		   path, &at) != 5)
		return encl_fail(e, ENCL_USAGE, "not a line: %s", line);
	arg = line + 1 + at;
	arg += *arg == ' ';
	en.mtime = mtime;
	en.xattrs = &xattr;
	en.n_xattrs = xattr.name != NULL;
	switch (*line) {
	case 'f':
		en.type = ENCL_REG;
		if (content_of(arg, &en.content, e))
			return -1;
		break;
	case 'd':
		en.type = ENCL_DIR;
		break;
	case 'l':
	case 'h':
		en.type = *line == 'l' ? ENCL_SYMLINK : ENCL_HARDLINK;
		en.link = arg;
		break;
	case 'c':
		en.type = ENCL_CHR;
		if (sscanf(arg, "%u,%u", &en.dev_major, &en.dev_minor) != 2)
			return encl_fail(e, ENCL_USAGE, "not a device: %s", line);
		break;
	default:
		return encl_fail(e, ENCL_USAGE, "not a line: %s", line);
	}
	return s->add(s, &en, e);
}

static int
read_tree(struct encl_tree *t, struct encl_err *e)
{
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin origin = {"image", "1"};
	encl_auto(encl_free) char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (s->begin(s, &origin, 0, e))
		return -1;
	while ((n = getline(&line, &room, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[--n] = 0;
		if (!strncmp(line, "x ", 2)) {
			take_xattr(line + 2);
			continue;
		}
		if (n && add_line(s, line, e))
			return -1;
		xattr.name = NULL;
	}
	return s->end(s, e);
}

static int
add_squashfs(struct encl_ramdisk *r, struct encl_tree *t, struct encl_err *e)
{
	int fd = memfd_create("squashfs", MFD_CLOEXEC);
	struct encl_content image = {.data = NULL};
	struct encl_entry en = {
		.path = ENCL_SQUASHFS_NAME, .type = ENCL_REG, .mode = 0444};
	uint8_t *bytes;
	uint64_t size;

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "memfd");
	if (encl_squashfs_write(t, TIME, ENCL_COMPRESS_ZSTD, -1, 1, fd, &size, e))
		return -1;
	bytes = encl_xmalloc(size); /* lives until the program ends */
	if (encl_pread_full(fd, bytes, size, 0, "squashfs", e))
		return -1;
	image.data = bytes;
	image.size = size;
	image.crc = encl_crc32(0, bytes, size);
	en.content = image;
	return encl_ramdisk_add(r, &en, e);
}

static int
make(const char *format, const char *path, struct encl_err *e)
{
	static const char *const names[] = {"none", "gzip", "zstd", "lz4", "xz"};
	bool squashfs = !strcmp(format, "squashfs");
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r = encl_ramdisk_new(
		!strcmp(format, "linuxkit") ? ENCL_CPIO_LINUXKIT : ENCL_CPIO_OURS);
	encl_auto(encl_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	enum encl_compression c = ENCL_COMPRESS_NONE;
	struct encl_sink_fd sink;

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "create %s", path);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(format, names[i]))
			c = (enum encl_compression)(ENCL_COMPRESS_NONE + i);
	encl_sink_fd_init(&sink, fd, path);
	if (read_tree(t, e) ||
	    encl_tree_normalise(t, TIME, squashfs ? ENCL_ROOT_SQUASHFS : ENCL_ROOT_CPIO,
				e))
		return -1;
	if (squashfs ? add_squashfs(r, t, e) : encl_ramdisk_add_tree(r, "rootfs", t, e))
		return -1;
	return encl_ramdisk_write(r, c, -1, 1, &sink.sink, e);
}

int
main(int argc, char **argv)
{
	struct encl_err e;

	if (argc != 3) {
		fputs("usage: ramdisk FORMAT OUT <LINES\n", stderr);
		return 2;
	}
	if (make(argv[1], argv[2], &e) == 0)
		return 0;
	fprintf(stderr, "ramdisk: %s\n", e.msg);
	return 1;
}
