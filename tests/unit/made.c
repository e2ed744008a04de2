/* SPDX-License-Identifier: Apache-2.0 */
/* Small images with ramdisks that the tests of verify/ fill. */
#include "made.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "eif.h"
#include "ramdisk/squashfs.h"
#include "test.h"

static enum encl_entry_type
type_of(char letter)
{
	switch (letter) {
	case 'f':
		return ENCL_REG;
	case 'd':
		return ENCL_DIR;
	case 'l':
		return ENCL_SYMLINK;
	case 'h':
		return ENCL_HARDLINK;
	default:
		return ENCL_CHR;
	}
}

/* Content with its newlines; malloc'ed. */
static char *
expand(const char *s)
{
	char *out = encl_xstrdup(s);
	char *to = out;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] == 'n') {
			*to++ = '\n';
			s++;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
	return out;
}

static void
add_line(struct encl_entry_sink *s, char *line)
{
	char path[256];
	unsigned mode, uid, gid;
	long mtime;
	int n = 0;
	char *arg;
	encl_auto(encl_free) char *content = NULL;
	struct encl_entry en = {.type = type_of(*line)};

	CHECK(sscanf(line + 1, " %o %u:%u %ld %255s%n", &mode, &uid, &gid, &mtime, path,
		     &n) == 5);
	arg = line + 1 + n;
	arg += *arg == ' ';
	en.path = path;
	en.mode = mode;
	en.uid = uid;
	en.gid = gid;
	en.mtime = mtime;
	if (en.type == ENCL_REG) {
		content = expand(arg);
		en.content.data = (const uint8_t *)content;
		en.content.size = strlen(content);
		en.content.crc = encl_crc32(0, content, strlen(content));
	} else if (en.type == ENCL_SYMLINK || en.type == ENCL_HARDLINK) {
		en.link = arg;
	} else if (en.type == ENCL_CHR) {
		CHECK(sscanf(arg, "%u,%u", &en.dev_major, &en.dev_minor) == 2);
	}
	OK(s->add(s, &en, &e));
}

struct encl_tree *
made_tree(const char *lines, enum encl_root_format format)
{
	struct encl_tree *t = encl_tree_new(NULL);
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin o = {"image", "1"};

	OK(s->begin(s, &o, 0, &e));
	for (const char *at = lines; *at;) {
		size_t n = strcspn(at, "\n");
		encl_auto(encl_free) char *line = encl_xstrndup(at, n);

		if (n)
			add_line(s, line);
		at += n + (at[n] == '\n');
	}
	OK(s->end(s, &e));
	OK(encl_tree_normalise(t, 2000000000, format, &e));
	return t;
}

void
made_ramdisk(struct encl_tree *t, enum encl_compression c, struct encl_buf *out)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	struct encl_sink_buf sink;

	encl_buf_init(out, 64 << 20);
	encl_sink_buf_init(&sink, out, "test");
	OK(encl_ramdisk_add_tree(r, "rootfs", t, &e));
	OK(encl_ramdisk_write(r, c, -1, 1, &sink.sink, &e));
}

void
made_squashfs(struct encl_tree *t, struct encl_buf *out)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_close_fd) int fd = memfd_create("squashfs", MFD_CLOEXEC);
	struct encl_sink_buf sink;
	encl_auto(encl_free) char *image = NULL;
	uint64_t size;

	OK(encl_squashfs_write(t, 2000000000, ENCL_COMPRESS_ZSTD, -1, 1, fd, &size, &e));
	image = encl_xmalloc(size);
	OK(encl_pread_full(fd, image, size, 0, "squashfs", &e));
	encl_buf_init(out, 64 << 20);
	encl_sink_buf_init(&sink, out, "test");
	OK(encl_ramdisk_add_data(r, ENCL_SQUASHFS_NAME, 0644, 0, image, size, &e));
	OK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e));
}

void
made_image(const char *name, const struct encl_buf *ramdisks, size_t n,
	   struct encl_eif *out)
{
	struct encl_eif_part parts[16];
	struct encl_eif_bytes bytes[16];
	struct encl_eif_result result;
	const char *path = test_path("%s", name);

	CHECK(n < 12);
	vector_parts(parts);
	for (size_t i = 0; i < n; i++) {
		bytes[i] = (struct encl_eif_bytes){ramdisks[i].data, ramdisks[i].len};
		parts[3 + i] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, &bytes[i]);
	}
	OK(write_image(path, ENCL_ARCH_X86_64, parts, 3 + n, NULL, 1, &result));
	OK(encl_eif_open(path, out, &e));
	free(out->path);
	out->path = encl_xstrdup(name);
}

void
made_of(const char *name, const char *lines, struct encl_eif *out)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *boot =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	struct encl_tree *t = made_tree(lines, ENCL_ROOT_CPIO);
	struct encl_buf ramdisks[2];
	struct encl_sink_buf sink;

	encl_buf_init(&ramdisks[0], 1 << 20);
	encl_sink_buf_init(&sink, &ramdisks[0], "test");
	OK(encl_ramdisk_add_data(boot, "init", 0755, 0, "#!", 2, &e));
	OK(encl_ramdisk_write(boot, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e));
	made_ramdisk(t, ENCL_COMPRESS_NONE, &ramdisks[1]);
	made_image(name, ramdisks, 2, out);
	encl_buf_clear(&ramdisks[0]);
	encl_buf_clear(&ramdisks[1]);
	encl_tree_free(t);
}
