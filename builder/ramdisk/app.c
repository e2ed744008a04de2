/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ramdisk 1: "cmd" and "env" (AWS's contract: one argument or variable a
 * line), the tree below "rootfs", and last "~complete": an unpacker that ran
 * out of memory goes on booting, so init looks for the name that sorts last.
 * Or, instead of the tree, "rootfs.squashfs".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"

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

const char *
encl_root_compressor(const struct encl_boot *boot)
{
	return boot->format == ENCL_ROOT_SQUASHFS
		       ? encl_squashfs_version(boot->compression)
		       : encl_compressor_version(boot->compression);
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

static int
add_image(struct encl_ramdisk *r, const struct encl_content *image, int64_t time,
	  struct encl_err *e)
{
	const struct encl_entry entry = {.path = ENCL_SQUASHFS_NAME,
					 .type = ENCL_REG,
					 .mode = 0600,
					 .mtime = time,
					 .content = *image};

	return encl_ramdisk_add(r, &entry, e);
}

static int
add_writable(struct encl_ramdisk *r, uint64_t mib, int64_t time, struct encl_err *e)
{
	char text[64];
	int n = snprintf(text, sizeof text, "mode=0755,size=%" PRIu64 "m", mib);

	return encl_ramdisk_add_data(r, "writable", 0644, time, text, (size_t)n, e);
}

int
encl_ramdisk_app_squashfs(const struct encl_content *image, uint64_t writable_mib,
			  const struct encl_strings *cmd, const struct encl_strings *env,
			  uint64_t sde, struct encl_ramdisk **out, struct encl_err *e)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	int64_t time = (int64_t)sde;

	if (add_list(r, "cmd", cmd, time, e) || add_list(r, "env", env, time, e) ||
	    add_image(r, image, time, e) ||
	    (writable_mib && add_writable(r, writable_mib, time, e)) ||
	    encl_ramdisk_add_data(r, "~complete", 0644, time, NULL, 0, e))
		return -1;
	*out = encl_take(r, NULL);
	return 0;
}
