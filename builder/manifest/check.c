/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules across keys.  A rule looks only at values whose nodes are there and
 * good, so that one slip is not reported twice under another name.
 */
#include "manifest/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

struct checker {
	const struct encl_yaml_node *root;
	const struct encl_manifest *m;
	struct encl_manifest_report *r;
};

/* The good node at map.key, or NULL. */
static struct encl_yaml_node *
good(const struct encl_yaml_node *map, const char *key)
{
	struct encl_yaml_node *node = encl_manifest_yaml_get(map, key);

	return node && !node->bad ? node : NULL;
}

static void
check_level(struct checker *c)
{
	static const struct {
		int min, max;
	} ranges[][5] = {
		[ENCL_ROOT_CPIO] = {[ENCL_COMPRESS_GZIP] = {1, 12},
				    [ENCL_COMPRESS_ZSTD] = {1, 19},
				    [ENCL_COMPRESS_LZ4] = {1, 12},
				    [ENCL_COMPRESS_XZ] = {0, 9}},
		[ENCL_ROOT_SQUASHFS] =
			{[ENCL_COMPRESS_GZIP] = {1, 9}, [ENCL_COMPRESS_ZSTD] = {1, 19}},
	};
	const struct encl_yaml_node *ramdisk = encl_manifest_yaml_get(
		encl_manifest_yaml_get(c->root, "boot"), "ramdisk");
	const struct encl_yaml_node *level = good(ramdisk, "level");
	enum encl_compression kind = c->m->boot.compression;
	const char *name = encl_compression_name(kind);
	bool squashfs = c->m->boot.format == ENCL_ROOT_SQUASHFS;
	int min = ranges[c->m->boot.format][kind].min;
	int max = ranges[c->m->boot.format][kind].max;

	if (!level || !good(ramdisk, "compression"))
		return;
	if (!max)
		encl_manifest_report_add(
			c->r, level->key_pos, "boot.ramdisk.level",
			"only goes with a compression; \"%s\" has no levels%s", name,
			squashfs && kind ? " in a squashfs" : "");
	else if (c->m->boot.level < min || c->m->boot.level > max)
		encl_manifest_report_add(c->r, level->pos, "boot.ramdisk.level",
					 "%s has levels %d to %d%s, not %d", name, min,
					 max, squashfs ? " in a squashfs" : "",
					 c->m->boot.level);
}

/* It is the tool's init that mounts a squashfs. */
static void
check_format(struct checker *c)
{
	const struct encl_yaml_node *boot = encl_manifest_yaml_get(c->root, "boot");
	const struct encl_yaml_node *ramdisk = encl_manifest_yaml_get(boot, "ramdisk");
	const struct encl_yaml_node *format = good(ramdisk, "format");
	const struct encl_yaml_node *writable = good(ramdisk, "writableMiB");
	bool squashfs = c->m->boot.format == ENCL_ROOT_SQUASHFS;

	if (format && squashfs && c->m->boot.init != ENCL_INIT_BUILTIN)
		encl_manifest_report_add(
			c->r, format->pos, "boot.ramdisk.format",
			"\"squashfs\" is mounted by the tool's own init: use boot.init: "
			"builtin, or \"cpio\"");
	if (writable && !squashfs)
		encl_manifest_report_add(c->r, writable->key_pos,
					 "boot.ramdisk.writableMiB",
					 "only goes with format \"squashfs\"");
}

/* nitro-cli's layout is made of the parts of a blobs folder. */
static void
check_init(struct checker *c)
{
	const struct encl_yaml_node *boot = encl_manifest_yaml_get(c->root, "boot");
	const struct encl_yaml_node *init = good(boot, "init");

	if (init && good(boot, "kernel") && c->m->boot.init == ENCL_INIT_AWS &&
	    c->m->boot.kernel.kind != ENCL_KERNEL_BLOBS)
		encl_manifest_report_add(
			c->r, init->pos, "boot.init",
			"\"aws\" comes from a blobs folder; give boot.kernel.blobs, or "
			"use \"builtin\"");
}

/* Someone has to say what runs: an image's configuration, or app.command. */
static void
check_command(struct checker *c)
{
	const struct encl_yaml_node *app = encl_manifest_yaml_get(c->root, "app");
	const struct encl_yaml_node *command = encl_manifest_yaml_get(app, "command");
	const struct encl_yaml_node *first;
	struct encl_pos pos = app ? app->pos : c->root->pos;

	if (command) {
		first = encl_manifest_yaml_at(command, 0);
		if (first && !first->bad && !first->len)
			encl_manifest_report_add(c->r, first->pos, "app.command[0]",
						 "the program's name is empty");
		return;
	}
	if (!app && (encl_manifest_yaml_get(c->root, "services") ||
		     encl_manifest_yaml_get(c->root, "docker")))
		return;
	if (!good(c->root, "rootfs") || (app && app->bad))
		return;
	for (size_t i = 0; i < c->m->n_layers; i++)
		if (c->m->layers[i].kind == ENCL_LAYER_IMAGE)
			return;
	encl_manifest_report_add(
		c->r, pos, "app.command",
		"required, but not there; rootfs has no image that could "
		"name the program");
}

static void
check_sign(struct checker *c)
{
	const struct encl_yaml_node *sign = encl_manifest_yaml_get(c->root, "sign");
	const struct encl_yaml_node *detached = encl_manifest_yaml_get(sign, "detached");
	const struct encl_yaml_node *key = encl_manifest_yaml_get(sign, "key");
	const char *file = c->m->sign.key;

	if (detached && !detached->bad && !c->m->sign.detached)
		encl_manifest_report_add(
			c->r, detached->pos, "sign.detached",
			"says that the key is here; give \"key\" instead");
	if (key && file && (!strncmp(file, "arn:", 4) || !strncmp(file, "pkcs11:", 7)))
		encl_manifest_report_add(c->r, key->pos, "sign.key",
					 "as text it is a file's name; write {%s: …}",
					 *file == 'a' ? "kms" : "pkcs11");
}

static void
check_expect(struct checker *c)
{
	const struct encl_yaml_node *pcr8 =
		encl_manifest_yaml_get(encl_manifest_yaml_get(c->root, "expect"), "pcr8");

	if (pcr8 && !encl_manifest_yaml_get(c->root, "sign"))
		encl_manifest_report_add(c->r, pcr8->key_pos, "expect.pcr8",
					 "only a signed image has it; give sign");
}

static void
check_rootfs(struct checker *c)
{
	bool engine = encl_manifest_yaml_get(c->root, "docker") != NULL;

	if (!engine && !encl_manifest_yaml_get(c->root, "rootfs"))
		encl_manifest_report_add(c->r, c->root->pos, "rootfs",
					 "required, but not there");
	encl_manifest_check_layers(good(c->root, "rootfs"), c->m->layers, c->m->n_layers,
				   "rootfs", engine, c->r);
}

void
encl_manifest_fill(const struct encl_yaml_node *root, struct encl_manifest *m)
{
	const struct encl_yaml_node *ramdisk =
		encl_manifest_yaml_get(encl_manifest_yaml_get(root, "boot"), "ramdisk");

	if (m->boot.format == ENCL_ROOT_SQUASHFS &&
	    !encl_manifest_yaml_get(ramdisk, "compression"))
		m->boot.compression = ENCL_COMPRESS_ZSTD;
}

void
encl_manifest_check(const struct encl_yaml_node *root, const struct encl_manifest *m,
		    struct encl_manifest_report *r)
{
	struct checker c = {root, m, r};

	if (root->kind != ENCL_YAML_MAP)
		return;
	check_rootfs(&c);
	check_format(&c);
	check_level(&c);
	check_init(&c);
	check_command(&c);
	check_sign(&c);
	encl_manifest_check_docker(root, m, r);
	encl_manifest_check_units(root, m, r);
	check_expect(&c);
	encl_manifest_check_reach(root, m, r);
	encl_manifest_check_deploy(root, m, r);
	encl_manifest_check_egress(root, m, r);
	encl_manifest_check_attestation(root, m, r);
}
