/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifest and lock to the owner of each path of the image: the tree as build
 * assembles it, and what the tool itself lays beside it.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "build_internal.h"
#include "ramdisk/squashfs.h"
#include "verify/owner.h"

static unsigned
line_of(const struct encl_pos *pos)
{
	return pos->file ? 0 : pos->line;
}

/* ---- the root file system ---- */

struct walk {
	const struct encl_manifest *m;
	struct encl_origins *origins;
};

static const struct encl_owner ours = {"generated", "enclavebuild", NULL, 0};

/* What a file of the manifest is on this machine; its origin has its place in the
 * image. */
static const char *
source_of(const struct encl_layer *v, size_t n, const struct encl_owner *o)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == ENCL_LAYER_FILE && v[i].pos.line == o->line &&
		    !strcmp(v[i].path, o->name))
			return v[i].source;
	return NULL;
}

static const char *
local_name(const struct encl_manifest *m, const struct encl_owner *o)
{
	const char *source = NULL;

	if (!o->line || strcmp(o->kind, "file") != 0)
		return o->name;
	source = source_of(m->layers, m->n_layers, o);
	for (size_t i = 0; !source && i < m->docker.n_images; i++)
		source = source_of(m->docker.images[i].layers,
				   m->docker.images[i].n_layers, o);
	return source ? source : o->name;
}

static void
add_inode(struct walk *w, const char *path, const struct encl_inode *i)
{
	struct encl_owner owner = ours;

	if (i->origin) {
		const struct encl_tree_item at = encl_tree_item_of(i->origin);

		owner = (struct encl_owner){i->origin->kind, i->origin->name, at.item,
					    at.line};
		owner.name = local_name(w->m, &owner);
	}
	encl_origins_add(w->origins, path, &owner);
}

static int
add_node(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *full = encl_xasprintf("rootfs/%s", path);

	(void)e;
	add_inode(arg, full, n->inode);
	return 0;
}

static int
add_tree(const struct encl_build *b, struct encl_origins *o, struct encl_err *e)
{
	struct walk w = {b->m, o};

	add_inode(&w, "rootfs", encl_tree_root(b->tree)->inode);
	return encl_tree_walk(b->tree, add_node, &w, e);
}

/* ---- the kernel ---- */

/* "linux-image-6.1.0-50-cloud-amd64 6.1.176-1": of the packages that were taken, the
 * one that is not empty. */
static char *
kernel_package(const json_t *pin)
{
	const json_t *found = NULL;
	json_int_t size = -1;
	json_t *package;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(pin, "package"), "packages"),
			    i, package) {
		json_int_t is = json_integer_value(json_object_get(package, "size"));

		if (is > size) {
			size = is;
			found = package;
		}
	}
	if (!found)
		return encl_xstrdup("?");
	return encl_xasprintf("%s %s", json_string_value(json_object_get(found, "name")),
			      json_string_value(json_object_get(found, "version")));
}

/* Where a file of the kernel came from; name is its own where a folder has it. */
static char *
kernel_name(const struct encl_build *b, const json_t *pin, const char *name)
{
	const struct encl_kernel *k = &b->m->boot.kernel;

	if (k->kind == ENCL_KERNEL_PACKAGE)
		return kernel_package(pin);
	if (k->kind == ENCL_KERNEL_BLOBS)
		return encl_xasprintf("%s/%s", k->blobs, name);
	return encl_xstrdup(name && k->modules ? k->modules : k->image);
}

static void
add_kernel(const struct encl_build *b, struct encl_origins *o)
{
	const struct encl_kernel *k = &b->m->boot.kernel;
	const json_t *pin = json_object_get(json_object_get(b->lock, "kernel"), "pin");
	const char *image =
		json_string_value(json_object_get(json_object_get(pin, "image"), "name"));
	encl_auto(encl_free) char *of_image =
		kernel_name(b, pin,
			    k->kind == ENCL_KERNEL_FILES ? NULL
			    : image			 ? image
							 : "");
	encl_auto(encl_free) char *of_nsm = kernel_name(b, pin, "nsm.ko");
	struct encl_owner owner = {"kernel", of_image, "boot.kernel", line_of(&k->pos)};

	encl_origins_add(o, "kernel", &owner);
	owner.name = of_nsm;
	encl_origins_add(o, "nsm.ko", &owner);
	if (b->kernel.n_modules)
		encl_origins_add(o, "modules", &ours);
	encl_origins_add(o, "modules/order", &owner);
	for (size_t i = 0; i < b->kernel.n_modules; i++) {
		const char *module = b->kernel.modules[i].name;
		encl_auto(encl_free) char *path = encl_xasprintf("modules/%s.ko", module);
		encl_auto(encl_free) char *file = encl_xasprintf("%s.ko", module);
		encl_auto(encl_free) char *name = kernel_name(b, pin, file);

		owner.name = name;
		encl_origins_add(o, path, &owner);
	}
}

/* ---- the rest ---- */

static void
add_boot(const struct encl_build *b, struct encl_origins *o)
{
	const struct encl_boot *boot = &b->m->boot;
	encl_auto(encl_free) char *blob =
		encl_xasprintf("%s/init", boot->kernel.blobs ? boot->kernel.blobs : "");
	const char *const names[] = {
		[ENCL_INIT_BUILTIN] = "enclavebuild",
		[ENCL_INIT_AWS] = blob,
		[ENCL_INIT_PATH] = boot->init_path,
	};
	const struct encl_owner init = {"init", names[boot->init], "boot.init",
					line_of(&boot->pos_init)};
	const struct encl_owner cmdline = {"boot", "command line", "boot.cmdline",
					   line_of(&boot->pos_cmdline)};
	const struct encl_owner ramdisk = {"boot", "ramdisk", "boot.ramdisk",
					   line_of(&boot->pos_ramdisk)};

	encl_origins_add(o, "init", &init);
	encl_origins_add(o, "cmdline", &cmdline);
	encl_origins_add(o, ENCL_SQUASHFS_NAME, &ramdisk);
	encl_origins_add(o, "writable", &ramdisk);
}

int
encl_build_owners(const struct encl_build *b, struct encl_origins **out,
		  struct encl_err *e)
{
	static const char *const own[] = {"dev", "cmd", "env", "~complete", "metadata"};
	encl_auto(encl_origins_free) struct encl_origins *o = encl_origins_new();

	if (add_tree(b, o, e))
		return -1;
	add_kernel(b, o);
	add_boot(b, o);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		encl_origins_add(o, own[i], &ours);
	*out = encl_take(o, NULL);
	return 0;
}

int
encl_build_origins(struct encl_env *env, const struct encl_manifest *m,
		   struct encl_origins **out, struct encl_err *e)
{
	encl_auto(encl_free) char *init_bytes = NULL;
	encl_auto(encl_build_clear) struct encl_build b = {.env = env, .m = m};
	bool locked;

	if (encl_build_prepare(&b, true, &locked, &init_bytes, e))
		return -1;
	return encl_build_owners(&b, out, e);
}
