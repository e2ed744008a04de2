/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the parts, and how they write into the tree. */
#include "rootfs/debian.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rootfs/debian_internal.h"

enum { MAX_TEXT = 4 << 20 };

const struct encl_package *
encl_debian_package(const struct encl_debian *d, const char *name)
{
	size_t low = 0;
	size_t high = d->set->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(d->set->v[mid].name, name);

		if (!order)
			return &d->set->v[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

int
encl_debian_begin(struct encl_debian *d, const char *name, struct encl_err *e)
{
	struct encl_entry_sink *s = encl_tree_sink(d->tree);
	const struct encl_origin origin = {"generated", name};

	return s->begin(s, &origin, 0, e);
}

int
encl_debian_end(struct encl_debian *d, struct encl_err *e)
{
	struct encl_entry_sink *s = encl_tree_sink(d->tree);

	return s->end(s, e);
}

static int
add(struct encl_debian *d, const struct encl_entry *entry, struct encl_err *e)
{
	struct encl_entry_sink *s = encl_tree_sink(d->tree);

	return s->add(s, entry, e);
}

int
encl_debian_file(struct encl_debian *d, const char *path, uint32_t mode, uint32_t gid,
		 const char *text, size_t n, struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path,
		.type = ENCL_REG,
		.mode = mode,
		.gid = gid,
		.content = {.data = (const uint8_t *)text, .size = n}};

	return add(d, &entry, e);
}

int
encl_debian_link(struct encl_debian *d, const char *path, const char *target,
		 struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path, .type = ENCL_SYMLINK, .mode = 0777, .link = target};

	return add(d, &entry, e);
}

int
encl_debian_dir(struct encl_debian *d, const char *path, uint32_t mode, uint32_t uid,
		uint32_t gid, struct encl_err *e)
{
	const struct encl_entry entry = {.path = path,
					 .type = ENCL_DIR,
					 .mode = mode,
					 .uid = uid,
					 .gid = gid,
					 .merge = true};

	return add(d, &entry, e);
}

int
encl_debian_own(struct encl_debian *d, const char *path, uint32_t mode, uint32_t uid,
		uint32_t gid, struct encl_err *e)
{
	const struct encl_node *n = encl_tree_find(d->tree, path);
	encl_auto(encl_free) char *real = n ? encl_node_path(n) : NULL;
	struct encl_entry entry = {.mode = mode, .uid = uid, .gid = gid};

	if (!n || (n->inode->type != ENCL_REG && n->inode->type != ENCL_DIR))
		return 0;
	entry.path = real;
	entry.type = n->inode->type;
	entry.mtime = n->inode->mtime;
	entry.content = n->inode->content;
	return add(d, &entry, e);
}

int
encl_debian_read(struct encl_debian *d, const char *path, char **text, size_t *n,
		 struct encl_err *e)
{
	const struct encl_node *node = encl_tree_find(d->tree, path);

	*text = NULL;
	*n = 0;
	if (!node || node->inode->type != ENCL_REG)
		return 0;
	return encl_tree_read(d->tree, node, MAX_TEXT, text, n, e);
}

bool
encl_debian_exists(struct encl_debian *d, const char *path)
{
	return encl_tree_find_nofollow(d->tree, path) != NULL;
}

static bool
ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

int
encl_debian_each(struct encl_debian *d, const char *folder, const char *suffix,
		 int (*fn)(struct encl_debian *d, const char *name, char *text,
			   struct encl_err *e),
		 struct encl_err *e)
{
	const struct encl_node *dir = encl_tree_find(d->tree, folder);

	if (!dir || dir->inode->type != ENCL_DIR)
		return 0;
	for (size_t i = 0; i < dir->n_children; i++) {
		const char *name = dir->children[i]->name;
		encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", folder, name);
		encl_auto(encl_free) char *text = NULL;
		size_t n;

		if (!ends_with(name, suffix))
			continue;
		if (encl_debian_read(d, path, &text, &n, e) ||
		    (text && fn(d, name, text, e)))
			return -1;
	}
	return 0;
}

int
encl_debian_prepare(struct encl_tree *t, enum encl_arch arch, struct encl_err *e)
{
	static const char *const names[] = {"bin", "lib", "sbin", "lib64"};
	struct encl_debian d = {.tree = t};
	/* aarch64 keeps its loader in /lib */
	size_t n = arch == ENCL_ARCH_X86_64 ? 4 : 3;

	if (encl_debian_begin(&d, "usr-merge", e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		encl_auto(encl_free) char *target = encl_xasprintf("usr/%s", names[i]);

		if (encl_debian_exists(&d, names[i]))
			continue;
		if (encl_debian_dir(&d, "usr", 0755, 0, 0, e) ||
		    encl_debian_dir(&d, target, 0755, 0, 0, e) ||
		    encl_debian_link(&d, names[i], target, e))
			return -1;
	}
	return encl_debian_end(&d, e);
}

static void
debian_clear(struct encl_debian *d)
{
	encl_buf_clear(&d->passwd);
	encl_buf_clear(&d->group);
	encl_buf_clear(&d->shadow);
	encl_buf_clear(&d->gshadow);
}
ENCL_AUTO_VAL(struct encl_debian, debian_clear);

/* Packages over a base image that has /bin as a folder of its own. */
static void
warn_unmerged(struct encl_debian *d)
{
	const struct encl_node *bin = encl_tree_find_nofollow(d->tree, "bin");

	if (bin && bin->inode->type == ENCL_DIR)
		encl_warn(d->log, "/bin is a folder of a lower layer: packages that "
				  "expect a merged /usr may miss their files");
}

int
encl_debian_finish(struct encl_tree *t, const struct encl_layer_packages *p,
		   const struct encl_package_set *s, struct encl_log *log, bool strict,
		   struct encl_err *e)
{
	encl_auto(debian_clear) struct encl_debian d = {
		.tree = t, .options = p, .set = s, .log = log};

	encl_buf_init(&d.passwd, MAX_TEXT);
	encl_buf_init(&d.group, MAX_TEXT);
	encl_buf_init(&d.shadow, MAX_TEXT);
	encl_buf_init(&d.gshadow, MAX_TEXT);
	warn_unmerged(&d);
	if (encl_debian_scripts(&d, strict, e) || encl_debian_accounts(&d, e) ||
	    encl_debian_apply(&d, e) || encl_debian_alternatives(&d, e) ||
	    encl_debian_certificates(&d, e) || encl_debian_libraries(&d, e) ||
	    encl_debian_status(&d, e))
		return -1;
	return 0;
}
