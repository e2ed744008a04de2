/* SPDX-License-Identifier: Apache-2.0 */
/* A data.tar by libarchive: its content stays where it is in the blob. */
#include "sources/deb_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/stream.h"

enum { BLOCK = 64 * 1024 };

static void
close_archive(struct archive *a)
{
	archive_read_free(a);
}
ENCL_AUTO_PTR(struct archive, close_archive);

static int
sum(struct encl_blob *blob, struct encl_content *c, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *block = encl_xmalloc(BLOCK);

	for (uint64_t at = 0; at < c->size;) {
		size_t n = c->size - at < BLOCK ? (size_t)(c->size - at) : BLOCK;

		if (encl_pread_full(blob->fd, block, n, c->offset + at, blob->what, e))
			return -1;
		c->crc = encl_crc32(c->crc, block, n);
		at += n;
	}
	return 0;
}

static int
entry_type(struct archive_entry *ae, enum encl_entry_type *type)
{
	if (archive_entry_hardlink(ae)) {
		*type = ENCL_HARDLINK;
		return 0;
	}
	switch (archive_entry_filetype(ae)) {
	case AE_IFREG:
		*type = ENCL_REG;
		return 0;
	case AE_IFDIR:
		*type = ENCL_DIR;
		return 0;
	case AE_IFLNK:
		*type = ENCL_SYMLINK;
		return 0;
	case AE_IFCHR:
		*type = ENCL_CHR;
		return 0;
	case AE_IFBLK:
		*type = ENCL_BLK;
		return 0;
	case AE_IFIFO:
		*type = ENCL_FIFO;
		return 0;
	default:
		return -1;
	}
}

static int
add(struct archive *a, struct archive_entry *ae, struct encl_blob *blob,
    struct encl_entry_sink *sink, struct encl_err *e)
{
	struct encl_entry entry = {.path = archive_entry_pathname(ae),
				   .mode = archive_entry_perm(ae) & 07777,
				   .uid = (uint32_t)archive_entry_uid(ae),
				   .gid = (uint32_t)archive_entry_gid(ae),
				   .mtime = archive_entry_mtime(ae),
				   .dev_major = (uint32_t)archive_entry_rdevmajor(ae),
				   .dev_minor = (uint32_t)archive_entry_rdevminor(ae)};

	if (!entry.path || entry_type(ae, &entry.type) ||
	    archive_entry_sparse_count(ae) > 0)
		return encl_fail(e, ENCL_FAILED, "%s: an entry that is not supported",
				 blob->what);
	if (entry.type == ENCL_SYMLINK)
		entry.link = archive_entry_symlink(ae);
	if (entry.type == ENCL_HARDLINK)
		entry.link = archive_entry_hardlink(ae);
	if (entry.type == ENCL_REG && archive_entry_size(ae) > 0) {
		entry.content.blob = blob;
		entry.content.offset = (uint64_t)archive_filter_bytes(a, 0);
		entry.content.size = (uint64_t)archive_entry_size(ae);
		if (sum(blob, &entry.content, e))
			return -1;
	}
	return sink->add(sink, &entry, e);
}

int
encl_deb_tar(struct encl_blob *blob, struct encl_entry_sink *sink, struct encl_err *e)
{
	encl_auto(close_archive) struct archive *a = archive_read_new();

	archive_read_support_format_tar(a);
	archive_read_support_format_gnutar(a);
	archive_read_support_format_empty(a);
	if (lseek(blob->fd, 0, SEEK_SET) < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s: seek", blob->what);
	if (archive_read_open_fd(a, blob->fd, BLOCK) != ARCHIVE_OK)
		return encl_fail(e, ENCL_FAILED, "%s: %s", blob->what,
				 archive_error_string(a));
	for (;;) {
		struct archive_entry *ae;
		int rc = archive_read_next_header(a, &ae);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK)
			return encl_fail(e, ENCL_FAILED, "%s: %s", blob->what,
					 archive_error_string(a));
		if (add(a, ae, blob, sink, e))
			return -1;
	}
}
