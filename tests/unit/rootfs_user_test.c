/* SPDX-License-Identifier: Apache-2.0 */
/* The two files are found as the kernel would inside the image. */
#include "rootfs/user.h"

#include "test.h"

static void
add(struct encl_tree *t, enum encl_entry_type type, const char *path, const char *text)
{
	static const struct encl_origin origin = {"directory", "test"};
	struct encl_entry_sink *s = encl_tree_sink(t);
	struct encl_entry en = {.path = path, .type = type, .mode = 0755};

	if (type == ENCL_SYMLINK)
		en.link = text;
	if (type == ENCL_REG)
		en.content = (struct encl_content){.data = (const uint8_t *)text,
						   .size = strlen(text)};
	OK(s->begin(s, &origin, 0, &e));
	OK(s->add(s, &en, &e));
	OK(s->end(s, &e));
}

TEST(rootfs_user_resolve)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_user_clear) struct encl_user u = {0};

	add(t, ENCL_REG, "usr/lib/passwd", "app:x:5:6::/srv:\n");
	add(t, ENCL_SYMLINK, "etc/passwd", "/usr/lib/passwd");
	add(t, ENCL_REG, "etc/group", "app:x:6:\nmore:x:7:app\n");
	OK(encl_user_resolve(t, "app", &u, &e));
	EQ_INT(5, u.uid);
	EQ_INT(6, u.gid);
	EQ_STR("/srv", u.home);
	EQ_INT(2, u.n_groups);
	EQ_INT(7, u.groups[1]);
	FAILS(encl_user_resolve(t, "nobdy", &u, &e), ENCL_USAGE,
	      "user \"nobdy\" is not in /etc/passwd of the image");
}

TEST(rootfs_user_without_files)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_user_clear) struct encl_user u = {0};

	OK(encl_user_resolve(t, "1000:50", &u, &e));
	EQ_INT(1000, u.uid);
	EQ_INT(50, u.gid);
	FAILS(encl_user_resolve(t, "app", &u, &e), ENCL_USAGE,
	      "user \"app\": the image has no /etc/passwd");
}

TEST(rootfs_user_file_is_none)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_user_clear) struct encl_user u = {0};

	add(t, ENCL_DIR, "etc/passwd", NULL);
	FAILS(encl_user_resolve(t, "app", &u, &e), ENCL_FAILED,
	      "etc/passwd is not a file");
}
