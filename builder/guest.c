/* SPDX-License-Identifier: Apache-2.0 */
/* The guest programs that live inside the tool, and their place in the image. */
#include <string.h>

#include "attestation.h"
#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "build.h"
#include "docker_build.h"
#include "embedded.h"
#include "ramdisk/launch_config.h"
#include "rootfs/tree.h"
#include "sources/source.h"
#include "units.h"

int
encl_guest_program(enum encl_arch arch, const char *name, struct encl_content *out,
		   struct encl_err *e)
{
	const struct {
		enum encl_arch arch;
		const char *name;
		const unsigned char *from;
		const unsigned char *to;
	} rows[] = {
		{ENCL_ARCH_X86_64, "init", encl_embedded_init_x86_64,
		 encl_embedded_init_x86_64_end},
		{ENCL_ARCH_X86_64, "launch", encl_embedded_launch_x86_64,
		 encl_embedded_launch_x86_64_end},
		{ENCL_ARCH_AARCH64, "init", encl_embedded_init_aarch64,
		 encl_embedded_init_aarch64_end},
		{ENCL_ARCH_AARCH64, "launch", encl_embedded_launch_aarch64,
		 encl_embedded_launch_aarch64_end},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].arch != arch || strcmp(rows[i].name, name) != 0 ||
		    !rows[i].from)
			continue;
		*out = (struct encl_content){
			.data = rows[i].from,
			.size = (uint64_t)(rows[i].to - rows[i].from),
		};
		out->crc = encl_crc32(0, out->data, (size_t)out->size);
		return 0;
	}
	return encl_fail(e, ENCL_HOST,
			 "this build of enclavebuild has no %s for %s; build it with a "
			 "cross compiler for that architecture (make setup)",
			 name, encl_arch_name(arch));
}

static int
write_config(struct encl_log *log, const struct encl_manifest *m, const json_t *lock,
	     const struct encl_image_config *config, struct encl_docker_build *d,
	     struct encl_tree *tree, struct encl_buf *out, struct encl_err *e)
{
	static const char *const gateways[] = {ENCL_DOCKER_GATEWAY,
					       ENCL_DOCKER_BIP_GATEWAY};
	encl_auto(encl_units_clear) struct encl_units units = {0};
	encl_auto(encl_free) struct encl_launch_extension *extend = NULL;
	struct encl_launch_config c = {
		.exec = m->debug.exec,
		.hostname = m->name,
		.hosts = m->hosts,
		.nameservers = m->nameservers,
		.ingress = m->ingress,
		.n_ingress = m->n_ingress,
		.egress = &m->egress,
		.gateways = gateways,
		.n_gateways = d->settings.bridge ? 2 : 0,
		.exchanges = m->exchanges,
		.n_exchanges = m->n_exchanges,
	};

	if (encl_attestation_config(m, lock, tree, &c, &extend, e) ||
	    encl_units_collect(log, m, config, tree, &units, e))
		return -1;
	if (m->docker.given)
		encl_docker_build_units(m, d, &units);
	if (encl_units_sort(&units, e))
		return -1;
	c.units = units.v;
	c.n_units = units.n;
	return encl_launch_config_write(&c, out, e);
}

static int
add_file(struct encl_entry_sink *sink, const char *path, uint32_t mode, uint64_t sde,
	 const struct encl_content *content, struct encl_err *e)
{
	const struct encl_entry entry = {
		.path = path,
		.type = content ? ENCL_REG : ENCL_DIR,
		.mode = mode,
		.mtime = (int64_t)sde,
		.content = content ? *content : (struct encl_content){0},
	};

	return sink->add(sink, &entry, e);
}

static struct encl_content
content_of(const void *data, size_t n)
{
	return (struct encl_content){
		.data = data, .size = n, .crc = encl_crc32(0, data, n)};
}

int
encl_install_guest(struct encl_env *env, const struct encl_manifest *m,
		   const json_t *lock, const char *kernel_config,
		   const struct encl_image_config *config, struct encl_tree *tree,
		   struct encl_docker_build *d, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "enclavebuild"};
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = ENCL_LAUNCH_CONFIG_MAX};
	encl_auto(encl_buf_clear) struct encl_buf line = {.cap = ENCL_DIGEST_TEXT + 1};
	struct encl_entry_sink *sink = encl_tree_sink(tree);
	struct encl_content launch;
	struct encl_content written;
	struct encl_content named;
	struct encl_digest digest;
	char digest_text[ENCL_DIGEST_TEXT];
	uint64_t sde = m->source_date_epoch;

	static const char *const ours[] = {"/.enclave"};
	size_t matched;

	if (encl_guest_program(m->arch, "launch", &launch, e) ||
	    encl_tree_remove(tree, ours, 1, &matched, e))
		return -1;
	if ((m->docker.given &&
	     encl_docker_build_install(env, m, lock, kernel_config, tree, d, e)) ||
	    write_config(env->log, m, lock, config, d, tree, &text, e))
		return -1;
	if (matched)
		encl_warn(env->log,
			  "/.enclave of the sources is left out: it is the tool's");
	encl_manifest_digest(m, lock, &digest);
	encl_digest_format(&digest, digest_text);
	encl_buf_add_fmt(&line, "%s\n", digest_text);
	written = content_of(text.data, text.len);
	named = content_of(line.data, line.len);
	if (sink->begin(sink, &origin, 0, e) ||
	    add_file(sink, ".enclave", 0755, sde, NULL, e) ||
	    add_file(sink, ".enclave/config", 0600, sde, &written, e) ||
	    add_file(sink, ".enclave/launch", 0755, sde, &launch, e) ||
	    add_file(sink, ".enclave/manifest.digest", 0644, sde, &named, e))
		return -1;
	return sink->end(sink, e);
}
