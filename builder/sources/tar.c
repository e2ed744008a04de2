/* SPDX-License-Identifier: Apache-2.0 */
/* tar to entries, over libarchive's reader; no filter of it is ever enabled. */
#include "sources/tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "sources/local.h"
#include "sources/ring.h"
#include "sources/spool.h"
#include "sources/tar_path.h"
#include "sources/tar_xattr.h"

/* A cpio member ends there, so a larger sparse file is of no use. */
static const uint64_t max_sparse = UINT32_MAX;

struct scan {
	struct encl_env *env;
	const struct encl_tar *tar;
	struct encl_entry_sink *sink;
	struct archive *a;
	struct encl_ring *ring;
	struct encl_spool spool;
	unsigned entries;
	bool failed; /* our own read failed: e has the reason */
	struct encl_err *e;
};

static la_ssize_t
read_chunk(struct archive *a, void *arg, const void **p)
{
	struct scan *s = arg;
	size_t n;

	if (encl_ring_next(s->ring, p, &n, s->e)) {
		s->failed = true;
		archive_set_error(a, -1, "read");
		return -1;
	}
	encl_progress(s->env->log, s->tar->what, encl_ring_done(s->ring), s->tar->size);
	return (la_ssize_t)n;
}

static int
fail_entry(struct scan *s, struct archive_entry *ae, const char *why)
{
	const char *path = ae ? archive_entry_pathname(ae) : NULL;
	encl_auto(encl_free) char *safe = path ? encl_escape(path, strlen(path)) : NULL;

	if (s->failed)
		return encl_wrap(s->e, "%s", s->tar->what);
	return encl_fail(s->e, ENCL_FAILED, "%s: %s%s%s", s->tar->what, safe ? safe : "",
			 safe ? ": " : "", why ? why : "damaged tar");
}

/*
 * The bytes that libarchive gave for the file position `at` are those which
 * will be read from there later: by address, or compared where libarchive
 * had to copy them.
 */
static int
check_place(struct scan *s, struct archive_entry *ae, const uint8_t *p, size_t n,
	    uint64_t at)
{
	uint8_t there[4096];
	uint64_t place;

	if (encl_ring_locate(s->ring, p, n, &place))
		return place == at ? 0
				   : fail_entry(s, ae,
						"content is not where its header says");
	while (n) {
		size_t now = n < sizeof there ? n : sizeof there;

		if (encl_pread_full(s->tar->blob->fd, there, now, at, s->tar->what, s->e))
			return -1;
		if (memcmp(there, p, now) != 0)
			return fail_entry(s, ae, "content is not where its header says");
		p += now;
		at += now;
		n -= now;
	}
	return 0;
}

static int
read_plain(struct scan *s, struct archive_entry *ae, struct encl_content *c)
{
	const void *p;
	size_t n;
	int64_t offset;
	uint64_t done = 0;
	int rc;

	c->offset = s->tar->offset + (uint64_t)archive_filter_bytes(s->a, 0);
	while (!(rc = archive_read_data_block(s->a, &p, &n, &offset))) {
		if (offset < 0 || (uint64_t)offset != done || n > c->size - done)
			return fail_entry(s, ae, "content has holes");
		if (check_place(s, ae, p, n, c->offset + done))
			return -1;
		c->crc = encl_crc32(c->crc, p, n);
		done += n;
	}
	if (rc != ARCHIVE_EOF)
		return fail_entry(s, ae, archive_error_string(s->a));
	if (done != c->size)
		return fail_entry(s, ae, "content ends too early");
	c->blob = s->tar->blob;
	return 0;
}

/* Bytes or (p NULL) zeros of a sparse file. */
static int
spool(struct scan *s, struct encl_content *c, const void *p, uint64_t n)
{
	static const uint8_t zeros[65536];

	while (n) {
		size_t now = p || n < sizeof zeros ? (size_t)n : sizeof zeros;
		const void *from = p ? p : zeros;

		c->crc = encl_crc32(c->crc, from, now);
		if (encl_sink_write(&s->spool.sink, from, now, s->e))
			return -1;
		n -= now;
	}
	return 0;
}

static int
read_sparse(struct scan *s, struct archive_entry *ae, struct encl_content *c)
{
	const void *p;
	size_t n;
	int64_t offset;
	uint64_t done = 0;
	int rc;

	if (c->size > max_sparse)
		return fail_entry(s, ae, "sparse file of 4 GiB or more");
	c->offset = encl_spool_size(&s->spool);
	while (!(rc = archive_read_data_block(s->a, &p, &n, &offset))) {
		if (offset < 0 || (uint64_t)offset < done || (uint64_t)offset > c->size ||
		    n > c->size - (uint64_t)offset)
			return fail_entry(s, ae, "bad sparse map");
		if (spool(s, c, NULL, (uint64_t)offset - done) || spool(s, c, p, n))
			return -1;
		done = (uint64_t)offset + n;
	}
	if (rc != ARCHIVE_EOF)
		return fail_entry(s, ae, archive_error_string(s->a));
	if (spool(s, c, NULL, c->size - done))
		return -1;
	c->blob = s->spool.blob;
	return 0;
}

static int
read_content(struct scan *s, struct archive_entry *ae, struct encl_content *c)
{
	int64_t size = archive_entry_size(ae);

	if (size < 0)
		return fail_entry(s, ae, "negative size");
	c->size = (uint64_t)size;
	if (!size)
		return 0;
	return archive_entry_sparse_count(ae) > 0 ? read_sparse(s, ae, c)
						  : read_plain(s, ae, c);
}

static int
set_type(struct scan *s, struct archive_entry *ae, struct encl_entry *n)
{
	static const struct {
		unsigned file_type;
		enum encl_entry_type type;
	} rows[] = {
		{AE_IFREG, ENCL_REG}, {AE_IFDIR, ENCL_DIR}, {AE_IFLNK, ENCL_SYMLINK},
		{AE_IFCHR, ENCL_CHR}, {AE_IFBLK, ENCL_BLK}, {AE_IFIFO, ENCL_FIFO},
	};
	unsigned type = archive_entry_filetype(ae);

	if (archive_entry_hardlink(ae)) {
		n->type = ENCL_HARDLINK;
		return 0;
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].file_type == type) {
			n->type = rows[i].type;
			return 0;
		}
	return fail_entry(s, ae, "unknown type of entry");
}

static int
set_attributes(struct scan *s, struct archive_entry *ae, struct encl_entry *n)
{
	int64_t uid = archive_entry_uid(ae);
	int64_t gid = archive_entry_gid(ae);
	uint64_t major = (uint64_t)archive_entry_rdevmajor(ae);
	uint64_t minor = (uint64_t)archive_entry_rdevminor(ae);
	const struct encl_tar *t = s->tar;

	if (t->set_owner) {
		uid = t->uid;
		gid = t->gid;
	}
	/* 2^32-1 is "no id" to the kernel */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return fail_entry(s, ae, "owner is not a number from 0 to 4294967294");
	if ((n->type == ENCL_CHR || n->type == ENCL_BLK) &&
	    (major > UINT32_MAX || minor > UINT32_MAX))
		return fail_entry(s, ae, "device number out of range");
	n->mode = (uint32_t)archive_entry_perm(ae) & 07777;
	n->uid = (uint32_t)uid;
	n->gid = (uint32_t)gid;
	n->mtime = t->set_mtime ? t->mtime : (int64_t)archive_entry_mtime(ae);
	n->dev_major = (uint32_t)major;
	n->dev_minor = (uint32_t)minor;
	return 0;
}

/* *link: where the entry points to, in the tree or as it is. */
static int
set_link(struct scan *s, struct archive_entry *ae, struct encl_entry *n, char **link)
{
	const char *target = n->type == ENCL_HARDLINK ? archive_entry_hardlink(ae)
						      : archive_entry_symlink(ae);

	if (!target || !*target)
		return fail_entry(s, ae, "link without a target");
	if (n->type == ENCL_SYMLINK) {
		*link = encl_xstrdup(target);
	} else {
		if (encl_tar_path(s->tar, target, link, s->e))
			return fail_entry(s, ae, "link target leaves the archive's root");
		if (!*link)
			return fail_entry(s, ae, "link target is not in the image");
	}
	n->link = *link;
	return 0;
}

static int
add_entry(struct scan *s, struct archive_entry *ae)
{
	struct encl_entry n = {0};
	struct encl_tar_xattrs xattrs;
	struct encl_err why;
	const char *path = archive_entry_pathname(ae);
	encl_auto(encl_free) char *in_tree = NULL;
	encl_auto(encl_free) char *link = NULL;

	if (!path || !*path)
		return fail_entry(s, NULL, "an entry has no name");
	if (encl_tar_path(s->tar, path, &in_tree, s->e))
		return fail_entry(s, ae, "leaves the archive's root");
	if (!in_tree)
		return 0;
	n.path = in_tree;
	if (set_type(s, ae, &n) || set_attributes(s, ae, &n))
		return -1;
	if (encl_tar_xattrs_read(ae, &xattrs, &why))
		return fail_entry(s, ae, why.msg);
	n.xattrs = xattrs.v;
	n.n_xattrs = xattrs.n;
	n.lost_xattr = xattrs.lost;
	/* the folder that an archive lands in is often there, with its own mode */
	n.merge = s->tar->at && n.type == ENCL_DIR && encl_tar_is_top(s->tar, in_tree);
	if ((n.type == ENCL_SYMLINK || n.type == ENCL_HARDLINK) &&
	    set_link(s, ae, &n, &link))
		return -1;
	if ((n.type == ENCL_REG || n.type == ENCL_HARDLINK) &&
	    read_content(s, ae, &n.content))
		return -1;
	if (s->sink->add(s->sink, &n, s->e))
		return encl_wrap(s->e, "%s", s->tar->what);
	return 0;
}

/*
 * A warning means that libarchive took something for what it may not be, but
 * for one: names in UTF-8 which the C locale cannot say stay as they are.
 */
static bool
harmless(struct archive *a)
{
	const char *text = archive_error_string(a);

	return text && strstr(text, "can't be converted");
}

static int
read_entries(struct scan *s)
{
	struct archive_entry *ae;
	int rc;

	while ((rc = archive_read_next_header(s->a, &ae)) == ARCHIVE_OK ||
	       (rc == ARCHIVE_WARN && harmless(s->a))) {
		if (++s->entries > ENCL_TAR_MAX_ENTRIES)
			return encl_fail(s->e, ENCL_FAILED, "%s: more than %d entries",
					 s->tar->what, ENCL_TAR_MAX_ENTRIES);
		if (add_entry(s, ae))
			return -1;
	}
	if (rc == ARCHIVE_EOF)
		return 0;
	return fail_entry(s, rc == ARCHIVE_WARN ? ae : NULL, archive_error_string(s->a));
}

static int
read_to_end(struct scan *s)
{
	const void *p;
	size_t n;

	do {
		if (encl_ring_next(s->ring, &p, &n, s->e))
			return encl_wrap(s->e, "%s", s->tar->what);
	} while (n);
	return 0;
}

static void
read_free_at(struct archive **a)
{
	archive_read_free(*a);
}

static int
open_archive(struct scan *s)
{
	if (!s->a || archive_read_support_format_tar(s->a) != ARCHIVE_OK ||
	    archive_read_support_format_empty(s->a) != ARCHIVE_OK ||
	    archive_read_open2(s->a, s, NULL, read_chunk, NULL, NULL) != ARCHIVE_OK)
		return fail_entry(s, NULL, s->a ? archive_error_string(s->a) : NULL);
	return 0;
}

int
encl_tar_scan(struct encl_env *env, const struct encl_tar *tar,
	      struct encl_entry_sink *sink, struct encl_digest *digest,
	      struct encl_err *e)
{
	if (tar->size > ENCL_TAR_MAX_BYTES)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %" PRIu64 " bytes",
				 tar->what, ENCL_TAR_MAX_BYTES);
	encl_auto(encl_ring_free) struct encl_ring *ring =
		encl_ring_new(tar->blob->fd, tar->offset, tar->size, tar->algo,
			      env->jobs > 1, tar->what);
	encl_auto(read_free) struct archive *a = archive_read_new();
	struct scan s = {
		.env = env, .tar = tar, .sink = sink, .a = a, .ring = ring, .e = e};
	int rc;

	encl_spool_init(&s.spool, env->cache, ENCL_TAR_MAX_BYTES, tar->what);
	rc = open_archive(&s) || read_entries(&s) || read_to_end(&s);
	encl_spool_clear(&s.spool);
	if (rc)
		return -1;
	encl_ring_final(ring, digest);
	return 0;
}
