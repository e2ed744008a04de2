/* SPDX-License-Identifier: Apache-2.0 */
/* Tree and "user:group" to ids: reads the two files, where they are there. */
#include "rootfs/user.h"

enum { FILE_MAX = 1 << 20 };

static int
read_text(struct encl_tree *t, const char *path, char **text, size_t *len,
	  struct encl_err *e)
{
	const struct encl_node *n = encl_tree_find(t, path);

	return n ? encl_tree_read(t, n, FILE_MAX, text, len, e) : 0;
}

int
encl_user_resolve(struct encl_tree *t, const char *spec, struct encl_user *out,
		  struct encl_err *e)
{
	encl_auto(encl_free) char *passwd = NULL;
	encl_auto(encl_free) char *group = NULL;
	struct encl_passwd files = {0};

	if (read_text(t, "/etc/passwd", &passwd, &files.passwd_len, e) ||
	    read_text(t, "/etc/group", &group, &files.group_len, e))
		return -1;
	files.passwd = passwd;
	files.group = group;
	return encl_passwd_lookup(&files, spec, out, e);
}
