/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ramdisk 1: "cmd" and "env" (AWS's contract: one argument or variable a
 * line), the tree below "rootfs", and last "~complete": an unpacker that ran
 * out of memory goes on booting, so init looks for the name that sorts last.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/ramdisk.h"

enum { LIST_MAX = 4 << 20 };

static int
add_list(struct encl_ramdisk *r, const char *path, const struct encl_strings *list,
	 int64_t time, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = LIST_MAX};

	for (size_t i = 0; i < list->n; i++) {
		if (strchr(list->v[i], '\n'))
			return encl_fail(e, ENCL_USAGE,
					 "%s: item %zu has a newline, but the file has "
					 "one a line",
					 path, i + 1);
		encl_buf_add_str(&b, list->v[i]);
		encl_buf_add_byte(&b, '\n');
	}
	if (encl_buf_check(&b, path, e))
		return -1;
	return encl_ramdisk_add_data(r, path, 0644, time, b.data, b.len, e);
}

int
encl_ramdisk_app(struct encl_tree *t, const struct encl_strings *cmd,
		 const struct encl_strings *env, uint64_t sde, struct encl_ramdisk **out,
		 struct encl_err *e)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	int64_t time = (int64_t)sde;

	if (add_list(r, "cmd", cmd, time, e) || add_list(r, "env", env, time, e) ||
	    encl_ramdisk_add_tree(r, "rootfs", t, e) ||
	    encl_ramdisk_add_data(r, "~complete", 0644, time, NULL, 0, e))
		return -1;
	*out = encl_take(r, NULL);
	return 0;
}
