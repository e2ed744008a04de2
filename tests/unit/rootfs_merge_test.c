/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/tree.h"
#include "test.h"

static void
add_folder(struct encl_tree *t, const char *path, uint32_t mode, bool merge)
{
	struct encl_entry_sink *s = encl_tree_sink(t);
	struct encl_origin o = {"directory", "d"};
	struct encl_entry n = {
		.path = path, .type = ENCL_DIR, .mode = mode, .merge = merge};

	OK(s->begin(s, &o, 0, &e));
	OK(s->add(s, &n, &e));
	OK(s->end(s, &e));
}

/* A folder laid over one that is there leaves /tmp its sticky bit. */
TEST(rootfs_merge_keeps_attributes)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	uint32_t root = encl_tree_root(t)->inode->mode;

	add_folder(t, "tmp", 01777, false);
	add_folder(t, "tmp", 0755, true);
	EQ_INT(01777, encl_tree_find(t, "/tmp")->inode->mode);
	add_folder(t, "tmp", 0755, false);
	EQ_INT(0755, encl_tree_find(t, "/tmp")->inode->mode);
	add_folder(t, "new", 0700, true);
	EQ_INT(0700, encl_tree_find(t, "/new")->inode->mode);
	add_folder(t, ".", 0700, true);
	EQ_INT(root, encl_tree_root(t)->inode->mode);
}
