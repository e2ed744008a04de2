/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree to a squashfs 4.0: file data in the order of a depth-first walk by
 * names, then the inodes (what is in a folder before the folder), folders,
 * fragments, ids, extended attributes.  Inode numbers follow the walk.
 * libsquashfs keeps the order of blocks for any number of threads, as long as
 * as many are under way at a time.
 */
#include "ramdisk/squashfs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/block.h>
#include <sqfs/block_processor.h>
#include <sqfs/block_writer.h>
#include <sqfs/dir_writer.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>
#include <sqfs/inode.h>
#include <sqfs/meta_writer.h>
#include <sqfs/super.h>
#include <sqfs/xattr_writer.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "base/stream.h"
#include "ramdisk/squashfs_file.h"
#include "rootfs/list.h"

enum { CHUNK = 256 * 1024, MAX_THREADS = 8, UNDER_WAY = 64 };
#define NO_XATTR UINT32_MAX
#define NO_REF	 UINT64_MAX

/* Of an inode of the tree: tag - 1 is its index. */
struct slot {
	sqfs_inode_generic_t *file; /* regular files: where its data is */
	uint64_t ref;		    /* where the inode is, once it is written */
};

struct packer {
	struct encl_sqfs_file file;
	sqfs_super_t super;
	sqfs_compressor_t *cmp, *uncmp;
	sqfs_block_writer_t *blocks;
	sqfs_frag_table_t *frags;
	sqfs_block_processor_t *data;
	sqfs_id_table_t *ids;
	sqfs_xattr_writer_t *xattrs;
	sqfs_meta_writer_t *inodes, *folders;
	sqfs_dir_writer_t *folder;
	struct slot *slots;
	uint32_t n_slots;
	uint8_t *chunk;
	bool finished; /* data */
};

static void
packer_clear(struct packer *p)
{
	/* after an error: what is under way would not be released */
	if (p->data && !p->finished) {
		(void)sqfs_block_processor_end_file(p->data);
		(void)sqfs_block_processor_finish(p->data);
	}
	sqfs_destroy(p->data); /* first: its threads use the others */
	sqfs_destroy(p->folder);
	sqfs_destroy(p->folders);
	sqfs_destroy(p->inodes);
	sqfs_destroy(p->xattrs);
	sqfs_destroy(p->ids);
	sqfs_destroy(p->frags);
	sqfs_destroy(p->blocks);
	sqfs_destroy(p->cmp);
	sqfs_destroy(p->uncmp);
	for (uint32_t i = 0; i < p->n_slots; i++)
		sqfs_free(p->slots[i].file);
	free(p->slots);
	free(p->chunk);
}
ENCL_AUTO_VAL(struct packer, packer_clear);

static int
fail_at(const struct encl_node *n, int code, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_node_path(n);
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));

	return encl_sqfs_fail(e, code, *shown ? shown : "/");
}

static int
refuse(const struct encl_node *n, const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_node_path(n);
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));

	return encl_fail(e, ENCL_FAILED, "squashfs: %s: %s", shown, why);
}

/* ---- the walk ---- */

struct step {
	const struct encl_node *folder;
	size_t next; /* child */
};

/* Calls fn for every node, what is in a folder before the folder. */
static int
walk(struct packer *p, const struct encl_node *root,
     int (*fn)(struct packer *p, const struct encl_node *n, struct encl_err *e),
     struct encl_err *e)
{
	size_t n = 0;
	size_t room = ENCL_PATH_MAX; /* no path has more folders */
	encl_auto(encl_free) struct step *stack = encl_xcalloc(room, sizeof *stack);

	stack[n++].folder = root;
	while (n) {
		struct step *top = &stack[n - 1];
		const struct encl_node *at = top->folder;

		if (top->next < at->n_children) {
			at = at->children[top->next++];
			if (at->inode->type == ENCL_DIR && n < room) {
				stack[n++] = (struct step){at, 0};
				continue;
			}
		} else {
			n--;
		}
		if (fn(p, at, e))
			return -1;
	}
	return 0;
}

/* ---- data ---- */

static int
append_content(struct packer *p, const struct encl_node *n, struct encl_err *e)
{
	const struct encl_content *c = &n->inode->content;
	uint32_t crc = 0;

	for (uint64_t off = 0; off < c->size;) {
		size_t now = c->size - off < CHUNK ? (size_t)(c->size - off) : CHUNK;
		int rc;

		if (encl_content_read(c, off, p->chunk, now, e)) {
			encl_auto(encl_free) char *path = encl_node_path(n);

			return encl_wrap(e, "%s", path);
		}
		crc = encl_crc32(crc, p->chunk, now);
		rc = sqfs_block_processor_append(p->data, p->chunk, now);
		if (rc)
			return fail_at(n, rc, e);
		off += now;
	}
	return crc == c->crc ? 0 : refuse(n, "changed while it was read", e);
}

/* Numbers the inode, and packs what is in a file. */
static int
take_node(struct packer *p, const struct encl_node *n, struct encl_err *e)
{
	struct encl_inode *i = n->inode;
	struct slot *slot;
	int rc;

	if (i->tag)
		return 0;
	slot = &p->slots[p->n_slots++];
	slot->ref = NO_REF;
	i->tag = p->n_slots;
	if (i->type != ENCL_REG)
		return 0;
	rc = sqfs_block_processor_begin_file(p->data, &slot->file, NULL, 0);
	if (rc)
		return fail_at(n, rc, e);
	if (append_content(p, n, e))
		return -1;
	rc = sqfs_block_processor_end_file(p->data);
	return rc ? fail_at(n, rc, e) : 0;
}

/* ---- inodes ---- */

static int
put_xattrs(struct packer *p, const struct encl_node *n, uint32_t *index,
	   struct encl_err *e)
{
	const struct encl_inode *i = n->inode;
	int rc;

	*index = NO_XATTR;
	if (!i->n_xattrs)
		return 0;
	rc = sqfs_xattr_writer_begin(p->xattrs, 0);
	for (size_t x = 0; !rc && x < i->n_xattrs; x++)
		rc = sqfs_xattr_writer_add(p->xattrs, i->xattrs[x].name,
					   i->xattrs[x].value, i->xattrs[x].size);
	if (!rc)
		rc = sqfs_xattr_writer_end(p->xattrs, index);
	return rc ? fail_at(n, rc, e) : 0;
}

/* The encoding of a device number on disk: Linux's since 2.6. */
static int
device_number(const struct encl_node *n, uint32_t *out, struct encl_err *e)
{
	uint32_t major = n->inode->dev_major;
	uint32_t minor = n->inode->dev_minor;

	if (major > 0xfff || minor > 0xfffff)
		return refuse(n, "a device number that Linux does not have", e);
	*out = (minor & 0xff) | major << 8 | (minor & ~UINT32_C(0xff)) << 12;
	return 0;
}

static sqfs_inode_generic_t *
new_inode(unsigned type, const void *extra, size_t n_extra)
{
	sqfs_inode_generic_t *inode = encl_xcalloc(1, sizeof *inode + n_extra);

	inode->base.type = (sqfs_u16)type;
	inode->payload_bytes_available = (sqfs_u32)n_extra;
	inode->payload_bytes_used = (sqfs_u32)n_extra;
	if (n_extra)
		memcpy(inode->extra, extra, n_extra);
	return inode;
}

static int
make_device(const struct encl_node *n, sqfs_inode_generic_t **out, struct encl_err *e)
{
	uint32_t number = 0;

	if (device_number(n, &number, e))
		return -1;
	*out = new_inode(n->inode->type == ENCL_CHR ? SQFS_INODE_CDEV : SQFS_INODE_BDEV,
			 NULL, 0);
	(*out)->data.dev.nlink = n->inode->nlink;
	(*out)->data.dev.devno = number;
	return 0;
}

static int
make_folder(struct packer *p, const struct encl_node *n, sqfs_inode_generic_t **out,
	    struct encl_err *e)
{
	uint32_t parent = n->parent ? n->parent->inode->tag : p->n_slots + 1;
	size_t links = 2;
	int rc = sqfs_dir_writer_begin(p->folder, 0);

	for (size_t c = 0; !rc && c < n->n_children; c++) {
		const struct encl_node *child = n->children[c];
		const struct encl_inode *i = child->inode;

		links += i->type == ENCL_DIR;
		rc = sqfs_dir_writer_add_entry(
			p->folder, child->name, i->tag, p->slots[i->tag - 1].ref,
			(sqfs_u16)(encl_type_bits(i->type) | i->mode));
	}
	if (!rc)
		rc = sqfs_dir_writer_end(p->folder);
	if (rc)
		return fail_at(n, rc, e);
	*out = sqfs_dir_writer_create_inode(p->folder, links, NO_XATTR, parent);
	return *out ? 0 : fail_at(n, SQFS_ERROR_ALLOC, e);
}

static int
make_inode(struct packer *p, const struct encl_node *n, sqfs_inode_generic_t **out,
	   struct encl_err *e)
{
	const struct encl_inode *i = n->inode;
	int rc = 0;

	switch (i->type) {
	case ENCL_DIR:
		return make_folder(p, n, out, e);
	case ENCL_CHR:
	case ENCL_BLK:
		return make_device(n, out, e);
	case ENCL_SYMLINK:
		*out = new_inode(SQFS_INODE_SLINK, i->link, strlen(i->link));
		(*out)->data.slink.nlink = i->nlink;
		(*out)->data.slink.target_size = (sqfs_u32)strlen(i->link);
		return 0;
	case ENCL_FIFO:
		*out = new_inode(SQFS_INODE_FIFO, NULL, 0);
		(*out)->data.ipc.nlink = i->nlink;
		return 0;
	case ENCL_REG:
		*out = encl_take(p->slots[i->tag - 1].file, NULL);
		if (!*out)
			return fail_at(n, SQFS_ERROR_INTERNAL, e);
		if (i->nlink < 2)
			return 0;
		rc = sqfs_inode_make_extended(*out);
		(*out)->data.file_ext.nlink = i->nlink;
		return rc ? fail_at(n, rc, e) : 0;
	case ENCL_HARDLINK:
		break;
	}
	return refuse(n, "a hard link on its own", e);
}

static int
put_inode(struct packer *p, const struct encl_node *n, sqfs_inode_generic_t *inode,
	  struct encl_err *e)
{
	const struct encl_inode *i = n->inode;
	sqfs_u64 block;
	sqfs_u32 offset;
	uint32_t xattr;
	int rc;

	if (!inode)
		return fail_at(n, SQFS_ERROR_INTERNAL, e);
	if (put_xattrs(p, n, &xattr, e))
		return -1;
	inode->base.mode = (sqfs_u16)(encl_type_bits(i->type) | i->mode);
	inode->base.mod_time = (sqfs_u32)i->mtime;
	inode->base.inode_number = i->tag;
	rc = sqfs_id_table_id_to_index(p->ids, i->uid, &inode->base.uid_idx);
	if (!rc)
		rc = sqfs_id_table_id_to_index(p->ids, i->gid, &inode->base.gid_idx);
	if (rc == SQFS_ERROR_OVERFLOW)
		return refuse(n, "the image has more than 65535 different owners", e);
	if (!rc && xattr != NO_XATTR)
		rc = sqfs_inode_set_xattr_index(inode, xattr);
	if (!rc) {
		sqfs_meta_writer_get_position(p->inodes, &block, &offset);
		p->slots[i->tag - 1].ref = block << 16 | offset;
		rc = sqfs_meta_writer_write_inode(p->inodes, inode);
	}
	return rc ? fail_at(n, rc, e) : 0;
}

static int
write_node(struct packer *p, const struct encl_node *n, struct encl_err *e)
{
	sqfs_inode_generic_t *inode = NULL;
	int rc;

	if (p->slots[n->inode->tag - 1].ref != NO_REF)
		return 0; /* a further name */
	rc = make_inode(p, n, &inode, e) || put_inode(p, n, inode, e);
	sqfs_free(inode);
	return rc ? -1 : 0;
}

/* ---- the whole ---- */

static int
start(struct packer *p, uint64_t sde, unsigned jobs, struct encl_err *e)
{
	sqfs_compressor_config_t config;
	sqfs_block_processor_desc_t desc = {
		.size = sizeof desc,
		.max_block_size = ENCL_SQUASHFS_BLOCK,
		.num_workers = jobs < MAX_THREADS ? (jobs ? jobs : 1) : MAX_THREADS,
		.max_backlog = UNDER_WAY,
		.cmp = p->cmp,
		.file = &p->file.base,
		.uncmp = p->uncmp,
	};
	int rc;

	p->cmp->get_configuration(p->cmp, &config);
	rc = sqfs_super_init(&p->super, ENCL_SQUASHFS_BLOCK, (sqfs_u32)sde,
			     (SQFS_COMPRESSOR)config.id);
	if (!rc)
		rc = sqfs_super_write(&p->super, &p->file.base);
	if (!rc)
		rc = p->cmp->write_options(p->cmp, &p->file.base);
	if (rc < 0)
		return encl_sqfs_fail(e, rc, "start");
	if (rc > 0)
		p->super.flags |= SQFS_FLAG_COMPRESSOR_OPTIONS;
	p->blocks = sqfs_block_writer_create(&p->file.base, SQFS_DEVBLK_SIZE, 0);
	p->frags = sqfs_frag_table_create(0);
	p->ids = sqfs_id_table_create(0);
	p->xattrs = sqfs_xattr_writer_create(0);
	p->inodes = sqfs_meta_writer_create(&p->file.base, p->cmp, 0);
	p->folders = sqfs_meta_writer_create(&p->file.base, p->cmp,
					     SQFS_META_WRITER_KEEP_IN_MEMORY);
	if (!p->blocks || !p->frags || !p->ids || !p->xattrs || !p->inodes || !p->folders)
		return encl_sqfs_fail(e, SQFS_ERROR_ALLOC, "start");
	p->folder = sqfs_dir_writer_create(p->folders, 0);
	desc.wr = p->blocks;
	desc.tbl = p->frags;
	rc = sqfs_block_processor_create_ex(&desc, &p->data);
	if (rc || !p->folder)
		return encl_sqfs_fail(e, rc ? rc : SQFS_ERROR_ALLOC, "start");
	return 0;
}

static int
write_inodes(struct packer *p, const struct encl_node *root, struct encl_err *e)
{
	int rc;

	p->super.inode_count = p->n_slots;
	p->super.inode_table_start = p->file.size;
	if (walk(p, root, write_node, e))
		return -1;
	p->super.root_inode_ref = p->slots[root->inode->tag - 1].ref;
	rc = sqfs_meta_writer_flush(p->inodes);
	if (!rc)
		rc = sqfs_meta_writer_flush(p->folders);
	p->super.directory_table_start = p->file.size;
	if (!rc)
		rc = sqfs_meta_write_write_to_file(p->folders);
	return rc ? encl_sqfs_fail(e, rc, "inodes") : 0;
}

static int
write_tables(struct packer *p, struct encl_err *e)
{
	sqfs_file_t *f = &p->file.base;
	int rc = sqfs_frag_table_write(p->frags, f, &p->super, p->cmp);

	if (!rc)
		rc = sqfs_id_table_write(p->ids, f, &p->super, p->cmp);
	if (!rc)
		rc = sqfs_xattr_writer_flush(p->xattrs, f, &p->super, p->cmp);
	p->super.bytes_used = p->file.size;
	if (!rc)
		rc = sqfs_super_write(&p->super, f);
	return rc ? encl_sqfs_fail(e, rc, "tables") : 0;
}

static int
pad(struct packer *p, struct encl_err *e)
{
	static const uint8_t zeros[SQFS_DEVBLK_SIZE];
	uint64_t end = p->file.size;

	p->file.size = encl_align_up(end, SQFS_DEVBLK_SIZE);
	return encl_pwrite_full(p->file.fd, zeros, (size_t)(p->file.size - end), end,
				"squashfs", e);
}

int
encl_squashfs_write(struct encl_tree *t, uint64_t sde, enum encl_compression c, int level,
		    unsigned jobs, int fd, uint64_t *size, struct encl_err *e)
{
	encl_auto(packer_clear) struct packer p = {0};
	const struct encl_node *root = encl_tree_root(t);
	int rc;

	encl_tree_clear_tags(t);
	encl_sqfs_file_init(&p.file, fd, 0, 0);
	p.slots = encl_xcalloc(encl_tree_count(t) + 1, sizeof *p.slots);
	p.chunk = encl_xmalloc(CHUNK);
	if (encl_sqfs_packer(c, level, &p.cmp, &p.uncmp, e) || start(&p, sde, jobs, e) ||
	    walk(&p, root, take_node, e))
		return -1;
	rc = sqfs_block_processor_finish(p.data);
	p.finished = true;
	if (rc)
		return encl_sqfs_fail(e, rc, "data");
	if (write_inodes(&p, root, e) || write_tables(&p, e) || pad(&p, e))
		return -1;
	*size = p.file.size;
	return 0;
}
