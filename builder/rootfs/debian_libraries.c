/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries without /etc/ld.so.cache.  The loader searches its default
 * folders (/lib/TRIPLET, /usr/lib/TRIPLET, /lib, /usr/lib) by itself, so the
 * cache is only missed for folders that /etc/ld.so.conf.d adds: their
 * libraries get links in the default folder.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rootfs/debian_internal.h"

static const char *
default_folder(struct encl_debian *d)
{
	static const char *const folders[] = {"usr/lib/x86_64-linux-gnu",
					      "usr/lib/aarch64-linux-gnu", "usr/lib"};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (encl_tree_find(d->tree, folders[i]))
			return folders[i];
	return "usr/lib";
}

static bool
is_library(const struct encl_node *n)
{
	const char *so = strstr(n->name, ".so");

	return !strncmp(n->name, "lib", 3) && so && (!so[3] || so[3] == '.') &&
	       (n->inode->type == ENCL_REG || n->inode->type == ENCL_SYMLINK);
}

static int
link_folder(struct encl_debian *d, const char *folder, struct encl_err *e)
{
	const struct encl_node *dir = encl_tree_find(d->tree, folder);
	const char *to = default_folder(d);

	if (!dir || dir->inode->type != ENCL_DIR || dir == encl_tree_find(d->tree, to) ||
	    dir == encl_tree_find(d->tree, "usr/lib"))
		return 0;
	if (encl_debian_begin(d, "library links", e))
		return -1;
	for (size_t i = 0; i < dir->n_children; i++) {
		const char *name = dir->children[i]->name;
		encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", to, name);
		encl_auto(encl_free) char *target = encl_xasprintf("%s/%s", folder, name);

		if (!is_library(dir->children[i]) || encl_debian_exists(d, path))
			continue;
		if (encl_debian_link(d, path, target, e))
			return -1;
	}
	return encl_debian_end(d, e);
}

static int
read_conf(struct encl_debian *d, const char *name, char *text, struct encl_err *e)
{
	(void)name;
	for (char *save = NULL, *line = strtok_r(text, " \t\r\n", &save); line;
	     line = strtok_r(NULL, " \t\r\n", &save))
		if (*line == '/' && !strstr(line, "/../") && link_folder(d, line, e))
			return -1;
	return 0;
}

int
encl_debian_libraries(struct encl_debian *d, struct encl_err *e)
{
	if (encl_debian_exists(d, "etc/ld.so.cache")) {
		/* of a base image: it knows nothing of what came on top */
		encl_debug(d->log, "the image has /etc/ld.so.cache; it is kept");
	}
	return encl_debian_each(d, "etc/ld.so.conf.d", ".conf", read_conf, e);
}
