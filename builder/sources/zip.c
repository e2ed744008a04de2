/* SPDX-License-Identifier: Apache-2.0 */
/* zip to tar, over libarchive's zip reader and its GNU tar writer. */
#include "sources/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { MAX_RATIO = 1000, BLOCK = 64 * 1024, MAX_ENTRIES = 1000000 };
static const uint64_t ratio_free = UINT64_C(1) << 30;

struct convert {
	struct archive *in;
	struct archive *tar;
	struct encl_sink *out;
	uint64_t size;
	uint64_t written;
	const char *what;
	bool failed; /* out failed: e has the reason */
	bool ended;  /* what a writer that was not closed flushes when it is freed */
	struct encl_err *e;
};

bool
encl_zip_detect(const void *head, size_t n)
{
	return n >= 4 && (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4));
}

static void
read_free_at(struct archive **a)
{
	archive_read_free(*a);
}

static void
write_free_at(struct archive **a)
{
	archive_write_free(*a);
}

static la_ssize_t
write_tar(struct archive *a, void *arg, const void *p, size_t n)
{
	struct convert *c = arg;

	if (c->ended)
		return (la_ssize_t)n;
	c->written += n;
	if (c->written > ratio_free && c->written / MAX_RATIO > c->size)
		c->failed =
			encl_fail(c->e, ENCL_FAILED,
				  "%s: expands to more than %d times its size; refused "
				  "as a decompression bomb",
				  c->what, MAX_RATIO) != 0;
	else
		c->failed = encl_sink_write(c->out, p, n, c->e) != 0;
	if (c->failed) {
		archive_set_error(a, -1, "write");
		return -1;
	}
	return (la_ssize_t)n;
}

static int
fail(struct convert *c, struct archive *a, struct archive_entry *entry)
{
	const char *path = entry ? archive_entry_pathname(entry) : NULL;
	const char *why = archive_error_string(a);
	encl_auto(encl_free) char *safe = path ? encl_escape(path, strlen(path)) : NULL;

	if (c->failed)
		return -1;
	return encl_fail(c->e, ENCL_FAILED, "%s: %s%s%s", c->what, safe ? safe : "",
			 safe ? ": " : "", why ? why : "damaged zip");
}

static int
copy_data(struct convert *c, struct archive_entry *entry)
{
	const void *p;
	size_t n;
	int64_t offset;
	int64_t done = 0;
	int rc;

	while (!(rc = archive_read_data_block(c->in, &p, &n, &offset))) {
		if (offset != done)
			return encl_fail(c->e, ENCL_FAILED, "%s: damaged zip", c->what);
		if (archive_write_data(c->tar, p, n) != (la_ssize_t)n)
			return fail(c, c->tar, entry);
		done += (int64_t)n;
	}
	if (rc != ARCHIVE_EOF)
		return fail(c, c->in, entry);
	if (archive_entry_filetype(entry) == AE_IFREG &&
	    done != archive_entry_size(entry))
		return encl_fail(c->e, ENCL_FAILED,
				 "%s: content has another size than it "
				 "says",
				 c->what);
	return 0;
}

static int
convert(struct convert *c)
{
	struct archive_entry *entry;
	unsigned entries = 0;
	int rc;

	while ((rc = archive_read_next_header(c->in, &entry)) == ARCHIVE_OK ||
	       rc == ARCHIVE_WARN) {
		if (++entries > MAX_ENTRIES)
			return encl_fail(c->e, ENCL_FAILED, "%s: more than %d entries",
					 c->what, MAX_ENTRIES);
		if (!archive_entry_pathname(entry))
			return encl_fail(c->e, ENCL_FAILED,
					 "%s: the name of entry %u is not UTF-8", c->what,
					 entries);
		archive_entry_set_uid(entry, 0);
		archive_entry_set_gid(entry, 0);
		archive_entry_set_uname(entry, NULL);
		archive_entry_set_gname(entry, NULL);
		archive_entry_set_mtime(entry, 0, 0);
		if (archive_write_header(c->tar, entry) != ARCHIVE_OK)
			return fail(c, c->tar, entry);
		if (copy_data(c, entry))
			return -1;
	}
	if (rc != ARCHIVE_EOF)
		return fail(c, c->in, NULL);
	return archive_write_close(c->tar) == ARCHIVE_OK ? 0 : fail(c, c->tar, NULL);
}

struct utf8 {
	locale_t here;
	locale_t before;
};

/* libarchive loses names that the locale cannot say: UTF-8 while it reads, on
 * this thread only. */
static void
utf8_begin(struct utf8 *u)
{
	u->here = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	u->before = u->here ? uselocale(u->here) : (locale_t)0;
}

static void
utf8_clear(struct utf8 *u)
{
	if (!u->here)
		return;
	uselocale(u->before);
	freelocale(u->here);
}
ENCL_AUTO_VAL(struct utf8, utf8_clear);

int
encl_zip_to_tar(int fd, uint64_t size, const char *what, struct encl_sink *out,
		struct encl_err *e)
{
	struct convert c = {.out = out, .size = size, .what = what, .e = e};
	int rc;
	encl_auto(utf8_clear) struct utf8 locale = {0};
	encl_auto(read_free) struct archive *in = archive_read_new();
	encl_auto(write_free) struct archive *tar = archive_write_new();

	c.in = in;
	c.tar = tar;
	utf8_begin(&locale);
	if (lseek(fd, 0, SEEK_SET))
		return encl_fail_sys(e, ENCL_FAILED, "read %s", what);
	if (archive_read_support_format_zip_seekable(in) != ARCHIVE_OK ||
	    archive_read_open_fd(in, fd, BLOCK) != ARCHIVE_OK)
		return fail(&c, in, NULL);
	if (archive_write_set_format_gnutar(tar) != ARCHIVE_OK ||
	    archive_write_open(tar, &c, NULL, write_tar, NULL) != ARCHIVE_OK)
		return fail(&c, tar, NULL);
	rc = convert(&c);
	c.ended = true;
	return rc;
}
