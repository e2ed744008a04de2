/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A squashfs to the entries that a cpio of the same tree would have, in the
 * same order: all names first, folder by folder, then sorted by path, then
 * each inode with its content.  The image comes from outside: what sizes an
 * allocation is checked before libsquashfs sees it, every folder is entered
 * once, names are single components.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/data_reader.h>
#include <sqfs/dir.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_reader.h>
#include <sqfs/super.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/parse.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"
#include "ramdisk/squashfs_file.h"

enum { CHUNK = 256 * 1024, NAME_BYTES = 255, DEVICE = 7 /* of loop devices */ };
/* What all paths, and all contents, may come to. */
#define MAX_PATHS    (UINT64_C(512) << 20)
#define MAX_CONTENTS (UINT64_C(16) << 30)

struct name {
	const char *path; /* below the root, "" for itself */
	uint64_t ref;
	bool folder;
};

struct reader {
	struct encl_sqfs_file file;
	sqfs_super_t super;
	sqfs_compressor_t *cmp;
	sqfs_id_table_t *ids;
	sqfs_meta_reader_t *inodes, *folders;
	sqfs_data_reader_t *data;
	sqfs_xattr_reader_t *xattrs;
	struct encl_arena *arena;
	struct name *names;
	size_t n, room;
	uint64_t path_bytes, content_bytes;
	uint8_t *seen; /* a bit an inode: folders entered, files with content given */
	uint8_t *chunk;
	const char *prefix;
	struct encl_cpio_visitor *visitor;
};

static void
reader_clear(struct reader *r)
{
	sqfs_destroy(r->xattrs);
	sqfs_destroy(r->data);
	sqfs_destroy(r->folders);
	sqfs_destroy(r->inodes);
	sqfs_destroy(r->ids);
	sqfs_destroy(r->cmp);
	encl_arena_free(r->arena);
	free(r->names);
	free(r->seen);
	free(r->chunk);
}
ENCL_AUTO_VAL(struct reader, reader_clear);

static int
fail(const char *path, int code, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));

	return encl_sqfs_fail(e, code, *shown ? shown : "/");
}

static int
refuse(const char *path, const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));

	return encl_fail(e, ENCL_FAILED, "squashfs: %s: %s", *shown ? shown : "/", why);
}

/* ---- opening ---- */

static int
read_super(struct reader *r, struct encl_err *e)
{
	int rc = sqfs_super_read(&r->super, &r->file.base);
	const sqfs_super_t *s = &r->super;

	if (rc)
		return encl_sqfs_fail(e, rc, "super block");
	if (s->bytes_used > r->file.size)
		return encl_fail(e, ENCL_FAILED, "squashfs: it is cut off");
	if (s->inode_count > ENCL_TREE_MAX_NODES ||
	    s->fragment_entry_count > ENCL_TREE_MAX_NODES)
		return encl_fail(e, ENCL_FAILED, "squashfs: too many inodes");
	return 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int
open_tables(struct reader *r, struct encl_err *e)
{
	const sqfs_super_t *s = &r->super;
	sqfs_file_t *f = &r->file.base;
	uint64_t end = least(s->id_table_start,
			     least(s->fragment_table_start, s->export_table_start));
	int rc = 0;

	if (encl_sqfs_unpacker(s->compression_id, &r->cmp, e))
		return -1;
	if (s->flags & SQFS_FLAG_COMPRESSOR_OPTIONS)
		rc = r->cmp->read_options(r->cmp, f);
	r->ids = sqfs_id_table_create(0);
	r->inodes = sqfs_meta_reader_create(f, r->cmp, s->inode_table_start,
					    s->directory_table_start);
	r->folders = sqfs_meta_reader_create(f, r->cmp, s->directory_table_start, end);
	r->data = sqfs_data_reader_create(f, s->block_size, r->cmp, 0);
	r->xattrs = sqfs_xattr_reader_create(0);
	if (!r->ids || !r->inodes || !r->folders || !r->data || !r->xattrs)
		return encl_sqfs_fail(e, SQFS_ERROR_ALLOC, "tables");
	if (rc >= 0)
		rc = sqfs_id_table_read(r->ids, f, s, r->cmp);
	if (!rc)
		rc = sqfs_data_reader_load_fragment_table(r->data, s);
	if (!rc)
		rc = sqfs_xattr_reader_load(r->xattrs, s, f, r->cmp);
	return rc ? encl_sqfs_fail(e, rc, "tables") : 0;
}

/* ---- inodes ---- */

static uint64_t
little(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n)
		v = v << 8 | p[--n];
	return v;
}

/* The sizes that libsquashfs would allocate by, read before it does:
 * after the 16 bytes of every inode, where each kind has them. */
static int
check_sizes(struct reader *r, uint64_t block, size_t offset, const char *path,
	    struct encl_err *e)
{
	uint8_t head[16 + 16];
	int rc = sqfs_meta_reader_seek(r->inodes, r->super.inode_table_start + block,
				       offset);
	uint64_t size = 0;

	if (!rc)
		rc = sqfs_meta_reader_read(r->inodes, head, 16);
	if (rc)
		return fail(path, rc, e);
	switch (little(head, 2)) {
	case SQFS_INODE_FILE:
	case SQFS_INODE_EXT_FILE:
		rc = sqfs_meta_reader_read(r->inodes, head + 16, 16);
		size = little(head, 2) == SQFS_INODE_FILE ? little(head + 28, 4)
							  : little(head + 24, 8);
		if (!rc && size > UINT32_MAX)
			return refuse(path, "the file has 4 GiB or more", e);
		break;
	case SQFS_INODE_SLINK:
	case SQFS_INODE_EXT_SLINK:
		rc = sqfs_meta_reader_read(r->inodes, head + 16, 8);
		size = little(head + 20, 4);
		if (!rc && (!size || size > ENCL_PATH_MAX))
			return refuse(path, "a symlink's target of 0 or over 4095 bytes",
				      e);
		break;
	default:
		break;
	}
	return rc ? fail(path, rc, e) : 0;
}

static int
read_inode(struct reader *r, const struct name *name, sqfs_inode_generic_t **out,
	   struct encl_err *e)
{
	uint64_t block = name->ref >> 16;
	size_t offset = name->ref & 0xffff;
	int rc;

	if (check_sizes(r, block, offset, name->path, e))
		return -1;
	rc = sqfs_meta_reader_read_inode(r->inodes, &r->super, block, offset, out);
	if (rc)
		return fail(name->path, rc, e);
	if ((*out)->base.inode_number &&
	    (*out)->base.inode_number <= r->super.inode_count)
		return 0;
	sqfs_free(encl_take(*out, NULL));
	return refuse(name->path, "an inode number that is not one", e);
}

/* Whether this inode was seen; it is afterwards. */
static bool
see(struct reader *r, const sqfs_inode_generic_t *inode)
{
	uint32_t n = inode->base.inode_number;
	uint8_t bit = (uint8_t)(1 << n % 8);
	bool before = r->seen[n / 8] & bit;

	r->seen[n / 8] |= bit;
	return before;
}

/* ---- names ---- */

static int
add_name(struct reader *r, const char *folder, const sqfs_dir_entry_t *entry,
	 uint64_t ref, struct encl_err *e)
{
	size_t n_folder = strlen(folder);
	size_t n = (size_t)entry->size + 1;
	const char *text = (const char *)entry->name;
	char *path;

	if (n > NAME_BYTES || memchr(text, 0, n) || memchr(text, '/', n) ||
	    (text[0] == '.' && (n == 1 || (n == 2 && text[1] == '.'))))
		return refuse(folder, "a name that no file can have", e);
	if (n_folder + n + 1 > ENCL_PATH_MAX)
		return refuse(folder, "a path of more than 4095 bytes", e);
	r->path_bytes += n_folder + n + 2;
	if (r->n > ENCL_TREE_MAX_NODES || r->path_bytes > MAX_PATHS)
		return refuse(folder, "too many names", e);
	if (r->n == r->room) {
		r->room = r->room ? 2 * r->room : 256;
		r->names = encl_xrealloc(r->names, r->room, sizeof *r->names);
	}
	path = encl_arena_alloc(r->arena, n_folder + n + 2);
	memcpy(path, folder, n_folder);
	if (n_folder)
		path[n_folder++] = '/';
	memcpy(path + n_folder, text, n);
	path[n_folder + n] = 0;
	r->names[r->n++] = (struct name){path, ref, entry->type == SQFS_INODE_DIR};
	return 0;
}

static int
read_entries(struct reader *r, const char *path, const sqfs_inode_generic_t *inode,
	     struct encl_err *e)
{
	sqfs_readdir_state_t state;
	int rc = sqfs_readdir_state_init(&state, &r->super, inode);

	while (!rc) {
		sqfs_dir_entry_t *entry = NULL;
		sqfs_u32 number;
		sqfs_u64 ref;
		int bad;

		rc = sqfs_meta_reader_readdir(r->folders, &state, &entry, &number, &ref);
		if (rc)
			break;
		bad = add_name(r, path, entry, ref, e);
		sqfs_free(entry);
		if (bad)
			return -1;
	}
	return rc < 0 ? fail(path, rc, e) : 0;
}

static int
read_folder(struct reader *r, const struct name *name, struct encl_err *e)
{
	sqfs_inode_generic_t *inode;
	int rc;

	if (read_inode(r, name, &inode, e))
		return -1;
	if (inode->base.type != SQFS_INODE_DIR && inode->base.type != SQFS_INODE_EXT_DIR)
		rc = refuse(name->path, "not the folder that its name says", e);
	else if (see(r, inode))
		rc = refuse(name->path, "a folder with two names", e);
	else
		rc = read_entries(r, name->path, inode, e);
	sqfs_free(inode);
	return rc;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static int
read_names(struct reader *r, struct encl_err *e)
{
	r->room = 256;
	r->names = encl_xcalloc(r->room, sizeof *r->names);
	r->names[r->n++] = (struct name){"", r->super.root_inode_ref, true};
	for (size_t i = 0; i < r->n; i++) {
		const struct name name = r->names[i]; /* the list moves */

		if (name.folder && read_folder(r, &name, e))
			return -1;
	}
	qsort(r->names, r->n, sizeof *r->names, by_path);
	for (size_t i = 1; i < r->n; i++)
		if (!strcmp(r->names[i - 1].path, r->names[i].path))
			return refuse(r->names[i].path, "two entries of one name", e);
	return 0;
}

/* ---- entries ---- */

static int
set_owner(struct reader *r, const sqfs_inode_generic_t *inode,
	  struct encl_cpio_entry *entry)
{
	int rc = sqfs_id_table_index_to_id(r->ids, inode->base.uid_idx, &entry->uid);

	return rc ? rc
		  : sqfs_id_table_index_to_id(r->ids, inode->base.gid_idx, &entry->gid);
}

static void
set_device(struct encl_cpio_entry *entry, uint32_t type, uint32_t nlink, uint32_t number)
{
	entry->mode |= type;
	entry->nlink = nlink;
	entry->rdev_major = number >> 8 & 0xfff;
	entry->rdev_minor = (number & 0xff) | (number >> 12 & 0xfff00);
}

/* False for what a tree does not have: sockets. */
static bool
set_type(const sqfs_inode_generic_t *inode, struct encl_cpio_entry *entry)
{
	switch (inode->base.type) {
	case SQFS_INODE_DIR:
	case SQFS_INODE_EXT_DIR:
		entry->mode |= S_IFDIR;
		entry->nlink = 2;
		return true;
	case SQFS_INODE_FILE:
		entry->mode |= S_IFREG;
		entry->nlink = 1;
		entry->filesize = inode->data.file.file_size;
		return true;
	case SQFS_INODE_EXT_FILE:
		entry->mode |= S_IFREG;
		entry->nlink = inode->data.file_ext.nlink;
		entry->filesize = (uint32_t)inode->data.file_ext.file_size;
		return true;
	case SQFS_INODE_SLINK:
	case SQFS_INODE_EXT_SLINK:
		entry->mode |= S_IFLNK;
		entry->nlink = 1;
		return true;
	case SQFS_INODE_BDEV:
	case SQFS_INODE_CDEV:
		set_device(entry, inode->base.type == SQFS_INODE_BDEV ? S_IFBLK : S_IFCHR,
			   inode->data.dev.nlink, inode->data.dev.devno);
		return true;
	case SQFS_INODE_EXT_BDEV:
	case SQFS_INODE_EXT_CDEV:
		set_device(entry,
			   inode->base.type == SQFS_INODE_EXT_BDEV ? S_IFBLK : S_IFCHR,
			   inode->data.dev_ext.nlink, inode->data.dev_ext.devno);
		return true;
	case SQFS_INODE_FIFO:
	case SQFS_INODE_EXT_FIFO:
		entry->mode |= S_IFIFO;
		entry->nlink = 1;
		return true;
	default:
		return false;
	}
}

static int
write_content(struct reader *r, const struct name *name,
	      const sqfs_inode_generic_t *inode, uint64_t size, struct encl_sink *sink,
	      struct encl_err *e)
{
	r->content_bytes += size;
	if (r->content_bytes > MAX_CONTENTS)
		return refuse(name->path, "all files together have more than 16 GiB", e);
	for (uint64_t at = 0; at < size;) {
		uint32_t want = size - at < CHUNK ? (uint32_t)(size - at) : CHUNK;
		sqfs_s32 got = sqfs_data_reader_read(r->data, inode, at, r->chunk, want);

		if (got <= 0 || (uint32_t)got > want)
			return fail(name->path, got < 0 ? got : SQFS_ERROR_CORRUPTED, e);
		if (encl_sink_write(sink, r->chunk, (size_t)got, e))
			return -1;
		at += (uint32_t)got;
	}
	return 0;
}

static int
give(struct reader *r, const struct name *name, const sqfs_inode_generic_t *inode,
     struct encl_cpio_entry *entry, struct encl_err *e)
{
	struct encl_sink *sink = NULL;

	if (S_ISREG(entry->mode) && entry->nlink > 1 && see(r, inode))
		entry->filesize = 0; /* its first name has it */
	if (r->visitor->entry(r->visitor, entry, &sink, e))
		return -1;
	if (sink && write_content(r, name, inode, entry->filesize, sink, e))
		return -1;
	return r->visitor->done ? r->visitor->done(r->visitor, entry, e) : 0;
}

static int
give_inode(struct reader *r, const struct name *name, const sqfs_inode_generic_t *inode,
	   struct encl_err *e)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s%s%s", r->prefix, *name->path ? "/" : "", name->path);
	encl_auto(encl_xattr_list_clear) struct encl_xattr_list xattrs = {0};
	encl_auto(encl_free) char *link = NULL;
	struct encl_cpio_entry entry = {
		.path = path,
		.ino = inode->base.inode_number,
		.mode = inode->base.mode & 07777,
		.mtime = inode->base.mod_time,
		.dev_major = DEVICE,
		.in_squashfs = true,
	};
	int rc = set_owner(r, inode, &entry);

	if (rc)
		return fail(name->path, rc, e);
	if (!set_type(inode, &entry))
		return refuse(name->path, "an unknown type", e);
	if (S_ISDIR(entry.mode) != name->folder)
		return refuse(name->path, "not of the type that its name says", e);
	if (S_ISLNK(entry.mode)) {
		size_t n = inode->data.slink.target_size;

		link = encl_xstrndup((const char *)inode->extra, n);
		if (strlen(link) != n)
			return refuse(name->path, "a symlink's target with a zero in it",
				      e);
		entry.link = link;
	}
	if (encl_sqfs_read_xattrs(r->xattrs, inode, name->path, &xattrs, e))
		return -1;
	entry.xattrs = xattrs.v;
	entry.n_xattrs = xattrs.n;
	return give(r, name, inode, &entry, e);
}

static int
give_all(struct reader *r, struct encl_err *e)
{
	memset(r->seen, 0, r->super.inode_count / 8 + 1);
	for (size_t i = 0; i < r->n; i++) {
		sqfs_inode_generic_t *inode;
		int rc;

		if (read_inode(r, &r->names[i], &inode, e))
			return -1;
		rc = give_inode(r, &r->names[i], inode, e);
		sqfs_free(inode);
		if (rc)
			return -1;
	}
	return 0;
}

int
encl_squashfs_read(int fd, uint64_t offset, uint64_t size, const char *prefix,
		   struct encl_cpio_visitor *v, struct encl_err *e)
{
	encl_auto(reader_clear) struct reader r = {.prefix = prefix, .visitor = v};

	encl_sqfs_file_init(&r.file, fd, offset, size);
	if (read_super(&r, e) || open_tables(&r, e))
		return -1;
	r.arena = encl_arena_new();
	r.chunk = encl_xmalloc(CHUNK);
	r.seen = encl_xcalloc(r.super.inode_count / 8 + 1, 1);
	return read_names(&r, e) ? -1 : give_all(&r, e);
}
