/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ramdisk 1 as nitro-cli has it made: what `docker export` gives of a container
 * that was created of the image, in its order, as linuxkit turns it into an
 * archive (docs/10-nitro-cli.md).  Two programs change the files on the way:
 * Docker lays empty files over some paths of every container, and linuxkit
 * leaves those out, replaces them or sets their time.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "ramdisk/internal.h"
#include "ramdisk/ramdisk.h"

enum {
	LINUXKIT_TIME = 1492533000 /* 2017-04-18T16:30:00Z */,
	MAX_DEPTH = ENCL_PATH_MAX / 2 + 1,
	LIST_MAX = 4 << 20
};

static const char prefix[] = "rootfs/";
static const char resolv_conf[] = "/run/resolvconf/resolv.conf";
static const char hosts[] = "127.0.0.1       localhost\n"
			    "::1     localhost ip6-localhost ip6-loopback\n"
			    "fe00::0 ip6-localnet\n"
			    "ff00::0 ip6-mcastprefix\n"
			    "ff02::1 ip6-allnodes\n"
			    "ff02::2 ip6-allrouters\n";

/* ---- Docker: the layer between the image and the container ---- */

static int
add_init_layer(struct encl_tree *t, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker create"};
	static const struct {
		const char *path;
		enum encl_entry_type type;
		const char *link;
	} made[] = {
		{"dev", ENCL_DIR, NULL},
		{"etc", ENCL_DIR, NULL},
		{"dev/pts", ENCL_DIR, NULL},
		{"dev/shm", ENCL_DIR, NULL},
		{"proc", ENCL_DIR, NULL},
		{"sys", ENCL_DIR, NULL},
		{".dockerenv", ENCL_REG, NULL},
		{"etc/resolv.conf", ENCL_REG, NULL},
		{"etc/hosts", ENCL_REG, NULL},
		{"etc/hostname", ENCL_REG, NULL},
		{"dev/console", ENCL_REG, NULL},
		{"etc/mtab", ENCL_SYMLINK, "/proc/mounts"},
	};
	struct encl_entry_sink *sink = encl_tree_sink(t);

	if (sink->begin(sink, &origin, 1, e))
		return -1;
	for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
		const struct encl_entry entry = {
			.path = made[i].path,
			.type = made[i].type,
			.mode = made[i].type == ENCL_SYMLINK ? 0777 : 0755,
			.merge = made[i].type == ENCL_DIR,
			.link = made[i].link,
		};

		if (sink->add(sink, &entry, e))
			return -1;
	}
	return sink->end(sink, e);
}

/* ---- linuxkit ---- */

/* By the name in docker's archive, where folders end in "/". */
static bool
is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list != NULL;
}

static bool
is_left_out(const char *name)
{
	static const char *const names[] = {".dockerenv", "Dockerfile", "dev/console",
					    "dev/pts",	  "dev/shm",	"etc/hostname",
					    NULL};

	return is_one_of(name, names);
}

static bool
is_touched(const char *name)
{
	static const char *const names[] = {"dev/",	"dev/pts/", "dev/shm/", "etc/",
					    "etc/mtab", "proc/",    "sys/",	NULL};

	return is_one_of(name, names);
}

struct exporter {
	struct encl_ramdisk *r;
	struct {
		const struct encl_node *folder;
		size_t next;   /* child */
		size_t length; /* of the path, with the final slash */
	} stack[MAX_DEPTH];
	size_t depth;
	char path[sizeof prefix + ENCL_PATH_MAX + 2]; /* "rootfs/a/b/" */
};

/* What linuxkit puts in the place of a file. */
static void
replace(const char *name, struct encl_entry *entry)
{
	if (!strcmp(name, "etc/hosts")) {
		entry->type = ENCL_REG;
		entry->content = (struct encl_content){.data = (const uint8_t *)hosts,
						       .size = sizeof hosts - 1};
		entry->mtime = LINUXKIT_TIME;
	} else if (!strcmp(name, "etc/resolv.conf")) {
		entry->type = ENCL_SYMLINK;
		entry->link = resolv_conf;
		entry->content = (struct encl_content){0};
		entry->mtime = LINUXKIT_TIME;
	} else if (is_touched(name)) {
		entry->mtime = LINUXKIT_TIME;
	}
}

static int
add_node(struct exporter *x, const struct encl_node *n, struct encl_err *e)
{
	struct encl_inode *i = n->inode;
	const char *name = x->path + sizeof prefix - 1;
	struct encl_entry entry = {
		.path = x->path,
		.type = i->type,
		.mode = i->type == ENCL_SYMLINK ? 0777 : i->mode,
		.uid = i->uid,
		.gid = i->gid,
		.mtime = i->mtime,
		.dev_major = i->dev_major,
		.dev_minor = i->dev_minor,
		.link = i->link,
		.content = i->content,
	};

	if (is_left_out(name))
		return 0;
	if (i->tag) { /* a further name of a file */
		entry.type = ENCL_SYMLINK;
		entry.link = encl_cpio_relative(x->r->arena, x->path,
						x->r->items[i->tag - 1].path);
		entry.content = (struct encl_content){0};
		return encl_ramdisk_add(x->r, &entry, e);
	}
	replace(name, &entry);
	if (i->type != ENCL_DIR && i->nlink > 1)
		i->tag = (uint32_t)x->r->n + 1;
	return encl_ramdisk_add(x->r, &entry, e);
}

/* The next name in docker's order: folders, then what is in them. */
static const struct encl_node *
next_node(struct exporter *x)
{
	while (x->depth) {
		size_t top = x->depth - 1;
		const struct encl_node *folder = x->stack[top].folder;
		const struct encl_node *n;
		size_t length = x->stack[top].length;
		size_t n_name;

		if (x->stack[top].next == folder->n_children) {
			x->depth--;
			continue;
		}
		n = folder->children[x->stack[top].next++];
		n_name = strlen(n->name);
		memcpy(x->path + length, n->name, n_name + 1);
		if (n->inode->type == ENCL_DIR) {
			memcpy(x->path + length + n_name, "/", 2);
			x->stack[x->depth].folder = n;
			x->stack[x->depth].next = 0;
			x->stack[x->depth++].length = length + n_name + 1;
		}
		return n;
	}
	return NULL;
}

static int
add_tree(struct encl_ramdisk *r, struct encl_tree *t, struct encl_err *e)
{
	encl_auto(encl_free) struct exporter *x = encl_xcalloc(1, sizeof *x);
	const struct encl_node *n;

	x->r = r;
	memcpy(x->path, prefix, sizeof prefix);
	x->stack[0].folder = encl_tree_root(t);
	x->stack[0].length = sizeof prefix - 1;
	x->depth = 1;
	encl_tree_clear_tags(t);
	while ((n = next_node(x)) != NULL)
		if (add_node(x, n, e))
			return -1;
	return 0;
}

static int
add_list(struct encl_ramdisk *r, const char *path, const struct encl_strings *list,
	 struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = LIST_MAX};

	for (size_t i = 0; i < list->n; i++) {
		encl_buf_add_str(&b, list->v[i]);
		encl_buf_add_byte(&b, '\n');
	}
	if (encl_buf_check(&b, path, e))
		return -1;
	return encl_ramdisk_add_data(r, path, 0644, LINUXKIT_TIME, b.data, b.len, e);
}

int
encl_ramdisk_nitro_cli(struct encl_tree *t, const struct encl_strings *cmd,
		       const struct encl_strings *env, struct encl_ramdisk **out,
		       struct encl_err *e)
{
	static const char *const again[] = {"rootfs",	  "rootfs/dev", "rootfs/run",
					    "rootfs/sys", "rootfs/var", "rootfs/proc",
					    "rootfs/tmp"};
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_LINUXKIT);

	r->any_order = true;
	if (add_init_layer(t, e) ||
	    encl_tree_normalise(t, UINT32_MAX, ENCL_ROOT_CPIO, e) ||
	    encl_ramdisk_add_dir(r, "rootfs", 0755, LINUXKIT_TIME, e) ||
	    add_tree(r, t, e))
		return -1;
	for (size_t i = 0; i < sizeof again / sizeof *again; i++)
		if (encl_ramdisk_add_dir(r, again[i], 0755, LINUXKIT_TIME, e))
			return -1;
	if (add_list(r, "cmd", cmd, e) || add_list(r, "env", env, e))
		return -1;
	*out = encl_take(r, NULL);
	return 0;
}
