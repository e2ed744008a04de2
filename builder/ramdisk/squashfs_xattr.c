/* SPDX-License-Identifier: Apache-2.0 */
/* The extended attributes of an inode of a squashfs, sorted and within limits. */
#include <stdlib.h>
#include <string.h>

#include <sqfs/error.h>
#include <sqfs/inode.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "ramdisk/squashfs_file.h"

void
encl_xattr_list_clear(struct encl_xattr_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		sqfs_free(l->keys[i]);
		sqfs_free(l->values[i]);
	}
	free(l->v);
	free(l->keys);
	free(l->values);
	memset(l, 0, sizeof *l);
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_xattr *x = a;
	const struct encl_xattr *y = b;

	return strcmp(x->name, y->name);
}

static int
read_one(sqfs_xattr_reader_t *r, struct encl_xattr_list *l)
{
	sqfs_xattr_entry_t **key = (sqfs_xattr_entry_t **)&l->keys[l->n];
	sqfs_xattr_value_t **value = (sqfs_xattr_value_t **)&l->values[l->n];
	int rc = sqfs_xattr_reader_read_key(r, key);

	if (rc)
		return rc;
	rc = sqfs_xattr_reader_read_value(r, *key, value);
	if (rc) {
		sqfs_free(*key);
		return rc;
	}
	l->v[l->n++] = (struct encl_xattr){(const char *)(*key)->key, (*value)->value,
					   (*value)->size};
	return 0;
}

int
encl_sqfs_read_xattrs(sqfs_xattr_reader_t *r, const sqfs_inode_generic_t *inode,
		      const char *path, struct encl_xattr_list *out, struct encl_err *e)
{
	encl_auto(encl_xattr_list_clear) struct encl_xattr_list l = {0};
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, 200));
	sqfs_xattr_id_t desc;
	sqfs_u32 index;
	int rc = sqfs_inode_get_xattr_index(inode, &index);

	if (!rc && index == UINT32_MAX)
		return 0;
	if (!rc)
		rc = sqfs_xattr_reader_get_desc(r, index, &desc);
	if (rc)
		return encl_sqfs_fail(e, rc, shown);
	if (desc.count > ENCL_XATTR_MAX_COUNT)
		return encl_fail(e, ENCL_FAILED,
				 "squashfs: %s: more than %d extended attributes", shown,
				 ENCL_XATTR_MAX_COUNT);
	l.v = encl_xcalloc(desc.count + 1, sizeof *l.v);
	l.keys = encl_xcalloc(desc.count + 1, sizeof *l.keys);
	l.values = encl_xcalloc(desc.count + 1, sizeof *l.values);
	rc = sqfs_xattr_reader_seek_kv(r, &desc);
	for (uint32_t i = 0; !rc && i < desc.count; i++)
		rc = read_one(r, &l);
	if (rc)
		return encl_sqfs_fail(e, rc, shown);
	qsort(l.v, l.n, sizeof *l.v, by_name);
	*out = encl_take(l, (struct encl_xattr_list){0});
	return 0;
}
