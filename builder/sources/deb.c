/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer ar and control.tar are read by two libarchive handles, the second
 * fed from the first.  Only the filters that dpkg knows are enabled: none of
 * those of libarchive that run a program.
 */
#include "sources/deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "sources/deb822.h"

enum {
	BLOCK = 64 * 1024,
	MAX_CONTROL = 16 << 20, /* expanded */
	MAX_MEMBERS = 64	/* of the ar, and of control.tar ×1024 */
};

static void
close_archive(struct archive *a)
{
	archive_read_free(a);
}
ENCL_AUTO_PTR(struct archive, close_archive);

static int
fail_archive(struct archive *a, const char *what, struct encl_err *e)
{
	const char *why = archive_error_string(a);

	return encl_fail(e, ENCL_FAILED, "%s: %s", what, why ? why : "cannot be read");
}

static struct archive *
new_filtered(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		encl_xrealloc(NULL, SIZE_MAX, 2); /* aborts: out of memory */
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_zstd(a);
	return a;
}

/* ---- the outer archive ---- */

static int
open_outer(int fd, const char *what, struct archive **out, struct encl_err *e)
{
	encl_auto(close_archive) struct archive *a = archive_read_new();

	archive_read_support_format_ar(a);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s: seek", what);
	if (archive_read_open_fd(a, fd, BLOCK) != ARCHIVE_OK)
		return encl_fail(e, ENCL_FAILED, "%s: not a Debian package", what);
	*out = encl_take(a, NULL);
	return 0;
}

/* Member "NAME" or "NAME.*"; members that begin with "_" may stand between. */
static int
next_member(struct archive *outer, const char *name, const char *what,
	    struct archive_entry **out, struct encl_err *e)
{
	struct archive_entry *entry;
	size_t n = strlen(name);

	for (unsigned i = 0; i < MAX_MEMBERS; i++) {
		int rc = archive_read_next_header(outer, &entry);
		const char *path;

		if (rc == ARCHIVE_EOF)
			return encl_fail(e, ENCL_FAILED,
					 "%s: not a Debian package: no %s in it", what,
					 name);
		if (rc != ARCHIVE_OK)
			return fail_archive(outer, what, e);
		path = archive_entry_pathname(entry);
		if (path && !strncmp(path, name, n) &&
		    (!path[n] || (path[n] == '.' && !strcmp(name, "control.tar")) ||
		     (path[n] == '.' && !strcmp(name, "data.tar")))) {
			*out = entry;
			return 0;
		}
		if (path && path[0] == '_')
			continue;
		encl_auto(encl_free) char *shown =
			encl_escape(path ? path : "", path ? strlen(path) : 0);

		return encl_fail(e, ENCL_FAILED,
				 "%s: not a Debian package: \"%s\" where %s should be",
				 what, shown, name);
	}
	return encl_fail(e, ENCL_FAILED, "%s: too many members", what);
}

static int
check_version(struct archive *outer, const char *what, struct encl_err *e)
{
	struct archive_entry *entry;
	char text[8] = {0};

	if (next_member(outer, "debian-binary", what, &entry, e))
		return -1;
	if (archive_read_data(outer, text, sizeof text - 1) < 3 ||
	    strncmp(text, "2.", 2) != 0)
		return encl_fail(e, ENCL_FAILED, "%s: not a Debian package of format 2",
				 what);
	return 0;
}

/* ---- the inner one ---- */

/* Feeds an archive from another's current member. */
struct feed {
	struct archive *outer;
	uint8_t block[BLOCK];
};

static la_ssize_t
read_feed(struct archive *a, void *arg, const void **p)
{
	struct feed *f = arg;
	la_ssize_t n = archive_read_data(f->outer, f->block, BLOCK);
	const char *why = archive_error_string(f->outer);

	*p = f->block;
	if (n < 0)
		archive_set_error(a, EIO, "%s", why ? why : "cannot be read");
	return n;
}

/* The current member's bytes to sink. */
static int
pump(struct archive *a, const char *what, uint64_t max, struct encl_sink *sink,
     struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *block = encl_xmalloc(BLOCK);
	uint64_t total = 0;

	for (;;) {
		la_ssize_t n = archive_read_data(a, block, BLOCK);

		if (n == 0)
			return 0;
		if (n < 0)
			return fail_archive(a, what, e);
		total += (uint64_t)n;
		if (total > max)
			return encl_fail(e, ENCL_FAILED,
					 "%s: expands to more than %" PRIu64 " bytes",
					 what, max);
		if (encl_sink_write(sink, block, (size_t)n, e))
			return -1;
	}
}

int
encl_deb_data(int fd, const char *what, struct encl_deb_part *out, struct encl_err *e)
{
	encl_auto(close_archive) struct archive *outer = NULL;
	struct archive_entry *entry;
	struct encl_deb_part p;
	la_int64_t size;

	if (open_outer(fd, what, &outer, e) || check_version(outer, what, e) ||
	    next_member(outer, "control.tar", what, &entry, e) ||
	    next_member(outer, "data.tar", what, &entry, e))
		return -1;
	/* what the header reader has taken ends where the member begins */
	p.offset = (uint64_t)archive_filter_bytes(outer, 0);
	size = archive_entry_size(entry);
	if (size < 0)
		return encl_fail(e, ENCL_FAILED, "%s: damaged", what);
	p.size = (uint64_t)size;
	if (encl_codec_probe(fd, p.offset, p.size, what, &p.codec, e))
		return -1;
	*out = p;
	return 0;
}

/* ---- control files ---- */

/* Where a control file's text goes, or NULL. */
static const char **
place(struct encl_package *p, const char *name)
{
	const struct {
		const char *name;
		const char **place;
	} files[] = {
		{"control", &p->stanza},      {"md5sums", &p->md5sums},
		{"conffiles", &p->conffiles}, {"preinst", &p->preinst},
		{"postinst", &p->postinst},   {"prerm", &p->prerm},
		{"postrm", &p->postrm},	      {"config", &p->config},
		{"triggers", &p->triggers},
	};

	if (!strncmp(name, "./", 2))
		name += 2;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (!strcmp(files[i].name, name))
			return files[i].place;
	return NULL;
}

static int
read_text(struct archive *a, const char *what, struct encl_arena *arena, const char **out,
	  struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = MAX_CONTROL};
	struct encl_sink_buf sink;

	encl_sink_buf_init(&sink, &text, what);
	if (pump(a, what, MAX_CONTROL, &sink.sink, e))
		return -1;
	if (text.len && memchr(text.data, 0, text.len))
		return encl_fail(e, ENCL_FAILED, "%s: a control file is not text", what);
	*out = encl_arena_strndup(arena, encl_buf_text(&text), text.len);
	return 0;
}

static int
read_control_files(struct archive *a, const char *what, struct encl_arena *arena,
		   struct encl_package *out, struct encl_err *e)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < MAX_MEMBERS * 1024; i++) {
		struct archive_entry *entry;
		const char **text;
		int rc = archive_read_next_header(a, &entry);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK)
			return fail_archive(a, what, e);
		if (archive_entry_filetype(entry) != AE_IFREG ||
		    archive_entry_hardlink(entry) || !archive_entry_pathname(entry))
			continue;
		total += (uint64_t)archive_entry_size(entry);
		if (total > MAX_CONTROL)
			break;
		text = place(out, archive_entry_pathname(entry));
		if (text && read_text(a, what, arena, text, e))
			return -1;
	}
	return encl_fail(e, ENCL_FAILED, "%s: control.tar is too large", what);
}

/* Name, version and architecture out of the control file. */
static int
read_stanza(struct encl_package *p, const char *what, struct encl_arena *arena,
	    struct encl_err *e)
{
	const struct {
		const char *field;
		const char **place;
	} fields[] = {{"Package", &p->name},
		      {"Version", &p->version},
		      {"Architecture", &p->arch}};
	size_t n;

	if (!p->stanza)
		return encl_fail(e, ENCL_FAILED, "%s: no control file in control.tar",
				 what);
	n = strlen(p->stanza);
	while (n && p->stanza[n - 1] == '\n')
		n--;
	p->stanza = encl_arena_strndup(arena, p->stanza, n);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		encl_auto(encl_free) char *value =
			encl_deb822_field(p->stanza, n, fields[i].field);

		if (!value || !*value || strpbrk(value, " \n\t/"))
			return encl_fail(e, ENCL_FAILED,
					 "%s: no valid %s in its control file", what,
					 fields[i].field);
		*fields[i].place = encl_arena_strdup(arena, value);
	}
	return 0;
}

int
encl_deb_control(int fd, const char *what, struct encl_arena *arena,
		 struct encl_package *out, struct encl_err *e)
{
	encl_auto(close_archive) struct archive *outer = NULL;
	encl_auto(close_archive) struct archive *a = new_filtered();
	encl_auto(encl_free) struct feed *feed = encl_xcalloc(1, sizeof *feed);
	struct encl_package p = {.name = NULL};
	struct archive_entry *entry;

	if (open_outer(fd, what, &outer, e) || check_version(outer, what, e) ||
	    next_member(outer, "control.tar", what, &entry, e))
		return -1;
	feed->outer = outer;
	archive_read_support_format_tar(a);
	archive_read_support_format_gnutar(a);
	if (archive_read_open(a, feed, NULL, read_feed, NULL) != ARCHIVE_OK)
		return fail_archive(a, what, e);
	if (read_control_files(a, what, arena, &p, e) || read_stanza(&p, what, arena, e))
		return -1;
	*out = p;
	return 0;
}
