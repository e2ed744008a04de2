/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `build --compat nitro-cli` takes, and the command that it makes of an image:
 * CMD, or ENTRYPOINT where there is none, never both (docs/10-nitro-cli.md).
 */
#include <string.h>

#include "base/alloc.h"
#include "build_internal.h"

static int
refuse(const struct encl_manifest *m, struct encl_pos pos, const char *key,
       const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_manifest_at(m, pos);

	return encl_fail(e, ENCL_USAGE, "%s%s: --compat nitro-cli: %s", at, key, why);
}

/* What nitro-cli has nothing for: it would be lost without a word. */
static int
check_keys(const struct encl_manifest *m, struct encl_err *e)
{
	static const char nothing[] = "nitro-cli has no such thing";
	static const char image_only[] =
		"nitro-cli runs what the image's config says; leave it out";

	if (m->app.given)
		return refuse(m, m->app.pos, "app", image_only, e);
	if (m->n_services)
		return refuse(m, m->services[0].unit.pos, "services", nothing, e);
	if (m->docker.given)
		return refuse(m, m->docker.pos, "docker", nothing, e);
	if (m->n_ingress)
		return refuse(m, m->ingress[0].pos, "network.ingress", nothing, e);
	if (m->egress.given)
		return refuse(m, m->egress.pos, "network.egress", nothing, e);
	if (m->n_exchanges)
		return refuse(m, m->exchanges[0].pos, "exchange", nothing, e);
	if (m->debug.given)
		return refuse(m, m->debug.pos, "debug", nothing, e);
	if (m->hosts.n || m->nameservers.n)
		return encl_fail(e, ENCL_USAGE,
				 "%s: network.hosts and network.nameservers: --compat "
				 "nitro-cli: %s",
				 m->file, nothing);
	return 0;
}

int
encl_build_check_nitro_cli(const struct encl_manifest *m, struct encl_err *e)
{
	static const char one_image[] = "takes one image and nothing besides it";
	const struct encl_boot *boot = &m->boot;

	const size_t other = m->n_layers > 1 && m->layers[0].kind == ENCL_LAYER_IMAGE;

	if (!m->n_layers)
		return encl_fail(e, ENCL_USAGE, "%s: rootfs: --compat nitro-cli: %s",
				 m->file, one_image);
	if (m->n_layers != 1 || m->layers[0].kind != ENCL_LAYER_IMAGE)
		return refuse(m, m->layers[other].pos, "rootfs", one_image, e);
	if (boot->init != ENCL_INIT_AWS)
		return refuse(m, boot->pos_init, "boot.init",
			      "has to be \"aws\": nitro-cli's own", e);
	if (boot->kernel.kind != ENCL_KERNEL_BLOBS)
		return refuse(m, boot->kernel.pos, "boot.kernel",
			      "has to be {blobs: FOLDER}: nitro-cli's own", e);
	if (boot->format != ENCL_ROOT_CPIO || boot->compression != ENCL_COMPRESS_NONE)
		return refuse(m, boot->pos_ramdisk, "boot.ramdisk",
			      "nitro-cli writes an archive that is not compressed", e);
	return check_keys(m, e);
}

int
encl_build_app_nitro_cli(struct encl_build *b, struct encl_err *e)
{
	const struct encl_strings *cmd =
		b->config.cmd.n ? &b->config.cmd : &b->config.entrypoint;

	if (!cmd->n)
		return encl_fail(e, ENCL_FAILED,
				 "%s: the image has neither CMD nor ENTRYPOINT, so "
				 "nitro-cli would not build of it",
				 b->m->layers[0].image);
	return encl_ramdisk_nitro_cli(b->tree, cmd, &b->config.env, &b->app, e);
}
