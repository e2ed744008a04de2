/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an image: init, ramdisks, command line, metadata; written out. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "build_internal.h"
#include "lock/lock.h"
#include "ramdisk/squashfs.h"
#include "sources/cache.h"
#include "sources/kernel_config.h"

static int
open_init(const struct encl_build *b, struct encl_content *init, char **bytes,
	  struct encl_err *e)
{
	if (b->m->boot.init == ENCL_INIT_AWS) {
		*init = b->kernel.aws_init;
		return 0;
	}
	if (b->m->boot.init == ENCL_INIT_BUILTIN)
		return encl_guest_program(b->m->arch, "init", init, e);

	encl_auto(encl_free) char *path = encl_manifest_path(b->m, b->m->boot.init_path);
	const char *want = json_string_value(
		json_object_get(json_object_get(b->lock, "guest"), "init"));
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];
	size_t n;

	if (encl_read_file(path, 64 << 20, bytes, &n, e))
		return encl_wrap(e, "boot.init.path");
	encl_digest_of(ENCL_SHA256, *bytes, n, &digest);
	encl_digest_format(&digest, text);
	if (!want || strcmp(want, text) != 0)
		return encl_fail(e, ENCL_MISMATCH,
				 "boot.init.path: %s: lock has %s, file has %s; run "
				 "\"enclavebuild lock\"",
				 path, want ? want : "nothing", text);
	*init = (struct encl_content){.data = (uint8_t *)*bytes, .size = n};
	init->crc = encl_crc32(0, *bytes, n);
	return 0;
}

/* A scratch file of the cache: it is as large as the image, and needed once. */
static int
pack_root(const struct encl_build *b, struct encl_content *out, struct encl_err *e)
{
	enum { CHUNK = 256 * 1024 };
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);
	uint64_t size;
	uint32_t crc = 0;

	encl_progress(b->env->log, "packing the root file system", 0, 0);
	if (encl_cache_scratch(b->env->cache, &fd, e) ||
	    encl_squashfs_write(b->tree, b->m->source_date_epoch, b->m->boot.compression,
				b->m->boot.level, b->env->jobs, fd, &size, e))
		return -1;
	if (size > UINT32_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "the root file system is a squashfs of %" PRIu64
				 " bytes, a ramdisk holds files below 4 GiB; leave more "
				 "out with \"remove\"",
				 size);
	for (uint64_t off = 0; off < size;) {
		size_t n = size - off < CHUNK ? (size_t)(size - off) : CHUNK;

		if (encl_pread_full(fd, buf, n, off, "squashfs", e))
			return -1;
		crc = encl_crc32(crc, buf, n);
		off += n;
	}
	encl_progress(b->env->log, "packing the root file system", 1, 1);
	*out = (struct encl_content){
		.blob = encl_blob_new(encl_take(fd, -1), size, "squashfs"),
		.size = size,
		.crc = crc,
	};
	return 0;
}

static int
plan_app(struct encl_build *b, const struct encl_strings *cmd,
	 const struct encl_strings *env, struct encl_err *e)
{
	uint64_t sde = b->m->source_date_epoch;
	struct encl_content image = {0};
	int rc;

	if (b->m->boot.format == ENCL_ROOT_CPIO)
		return encl_ramdisk_app(b->tree, cmd, env, sde, &b->app, e);
	if (pack_root(b, &image, e))
		return -1;
	rc = encl_ramdisk_app_squashfs(&image, b->m->boot.writable_mib, cmd, env, sde,
				       &b->app, e);
	encl_blob_unref(image.blob);
	return rc;
}

int
encl_build_ramdisks(struct encl_build *b, char **init_bytes, struct encl_err *e)
{
	const char *argv[] = {"/.enclave/launch"};
	const struct encl_strings cmd = {argv, 1};
	const struct encl_strings env = {0};
	uint64_t sde = b->m->source_date_epoch;
	bool aws = b->m->boot.init == ENCL_INIT_AWS;
	struct encl_content init;

	if (open_init(b, &init, init_bytes, e) ||
	    encl_ramdisk_boot(&b->kernel, aws, &init, sde, &b->boot, e))
		return -1;
	if (b->nitro_cli)
		return encl_build_app_nitro_cli(b, e);
	if (plan_app(b, &cmd, &env, e))
		return -1;
	return 0;
}

/* Tells how far a section is, once in a while. */
struct progress_sink {
	struct encl_sink sink;
	struct encl_sink *next;
	struct encl_log *log;
	uint64_t done, total, told;
};

static int
write_progress(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	enum { STEP = 16 << 20 };
	struct progress_sink *s = (struct progress_sink *)sink;

	s->done += n;
	if (s->done - s->told >= STEP) {
		s->told = s->done;
		encl_progress(s->log, "writing the image", s->done, s->total);
	}
	return encl_sink_write(s->next, p, n, e);
}

struct ramdisk_arg {
	const struct encl_ramdisk *r;
	enum encl_compression compression;
	int level;
	unsigned jobs;
	struct encl_log *log;
};

static int
produce_ramdisk(void *arg, struct encl_sink *out, struct encl_err *e)
{
	const struct ramdisk_arg *a = arg;
	uint64_t size = encl_ramdisk_size(a->r);
	bool plain = a->compression == ENCL_COMPRESS_NONE;
	struct progress_sink s = {{write_progress}, out, a->log, 0, plain ? size : 0, 0};

	if (encl_ramdisk_write(a->r, a->compression, a->level, a->jobs, &s.sink, e))
		return -1;
	encl_progress(a->log, "writing the image", 1, 1);
	return 0;
}

static int
produce_content(void *arg, struct encl_sink *out, struct encl_err *e)
{
	enum { CHUNK = 256 * 1024 };
	const struct encl_content *c = arg;
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);
	uint32_t crc = 0;

	for (uint64_t off = 0; off < c->size;) {
		size_t n = c->size - off < CHUNK ? (size_t)(c->size - off) : CHUNK;

		if (encl_content_read(c, off, buf, n, e))
			return -1;
		crc = encl_crc32(crc, buf, n);
		if (encl_sink_write(out, buf, n, e))
			return -1;
		off += n;
	}
	if (crc != c->crc)
		return encl_fail(e, ENCL_FAILED, "the kernel changed while it was read");
	return 0;
}

static struct encl_eif_part
ramdisk_part(struct ramdisk_arg *arg)
{
	bool plain = arg->compression == ENCL_COMPRESS_NONE;

	return (struct encl_eif_part){
		.type = ENCL_SECTION_RAMDISK,
		.produce = produce_ramdisk,
		.arg = arg,
		.size = plain ? encl_ramdisk_size(arg->r) : UINT64_MAX,
		.crc = plain ? encl_ramdisk_crc(arg->r) : 0,
		.crc_known = plain,
	};
}

static enum encl_compression
compression_of(const struct encl_build *b)
{
	/* a squashfs is compressed inside */
	return b->m->boot.format == ENCL_ROOT_SQUASHFS ? ENCL_COMPRESS_NONE
						       : b->m->boot.compression;
}

bool
encl_build_is_plain(const struct encl_build *b)
{
	return compression_of(b) == ENCL_COMPRESS_NONE;
}

struct counting_sink {
	struct encl_sink sink;
	uint64_t n;
};

static int
count(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	(void)p;
	(void)e;
	((struct counting_sink *)sink)->n += n;
	return 0;
}

int
encl_build_packed(const struct encl_build *b, uint64_t *out, struct encl_err *e)
{
	const bool aws = b->m->boot.init == ENCL_INIT_AWS;
	const int level = b->m->boot.level;
	struct counting_sink s = {.sink = {count}};

	if (encl_build_is_plain(b)) {
		*out = encl_ramdisk_size(b->boot) + encl_ramdisk_size(b->app);
		return 0;
	}
	encl_progress(b->env->log, "packing the root file system", 0, 0);
	if (encl_ramdisk_write(b->boot, aws ? ENCL_COMPRESS_NONE : compression_of(b),
			       level, b->env->jobs, &s.sink, e) ||
	    encl_ramdisk_write(b->app, compression_of(b), level, b->env->jobs, &s.sink,
			       e))
		return -1;
	encl_progress(b->env->log, "packing the root file system", 1, 1);
	*out = s.n;
	return 0;
}

const char *
encl_build_cmdline(const struct encl_build *b)
{
	if (b->m->boot.cmdline)
		return b->m->boot.cmdline;
	if (b->m->boot.init == ENCL_INIT_AWS && b->kernel.blobs_cmdline)
		return b->kernel.blobs_cmdline;
	return encl_cmdline_default(b->m->arch, b->m->boot.format);
}

json_t *
encl_build_egress_json(const struct encl_manifest *m)
{
	json_t *allow = json_array();

	for (size_t i = 0; i < m->egress.n_allow; i++) {
		const struct encl_allow *rule = &m->egress.allow[i];
		json_t *ports = json_array();

		for (size_t j = 0; j < rule->ports.n; j++)
			json_array_append_new(ports, json_string(rule->ports.v[j]));
		json_array_append_new(
			allow,
			json_pack("{s:s, s:o}", rule->host ? "host" : "cidr",
				  rule->host ? rule->host : rule->cidr, "ports", ports));
	}
	return json_pack("{s:I, s:o}", "proxyPort", (json_int_t)m->egress.proxy_port,
			 "allow", allow);
}

/* What `run` offers by itself; an image without any keeps its bytes. */
static void
add_ways(const struct encl_manifest *m, json_t *custom)
{
	json_t *ingress = json_array();
	json_t *exchange = json_array();

	for (size_t i = 0; i < m->n_ingress; i++)
		json_array_append_new(
			ingress, json_pack("{s:s, s:I, s:I}", "name", m->ingress[i].name,
					   "vsock", (json_int_t)m->ingress[i].vsock,
					   "tcp", (json_int_t)m->ingress[i].tcp));
	for (size_t i = 0; i < m->n_exchanges; i++)
		json_array_append_new(exchange,
				      json_pack("{s:s, s:I, s:s, s:s, s:I}", "name",
						m->exchanges[i].name, "vsock",
						(json_int_t)m->exchanges[i].vsock, "path",
						m->exchanges[i].path, "mode",
						m->exchanges[i].writable ? "both" : "in",
						"maxMiB",
						(json_int_t)m->exchanges[i].max_mib));
	if (m->egress.given)
		json_object_set_new(custom, "egress", encl_build_egress_json(m));
	if (m->debug.exec)
		json_object_set_new(custom, "debug", json_pack("{s:b}", "exec", 1));
	if (m->n_ingress)
		json_object_set(custom, "ingress", ingress);
	if (m->n_exchanges)
		json_object_set(custom, "exchange", exchange);
	json_decref(ingress);
	json_decref(exchange);
}

/* Without the option an x86_64 kernel finds no device where ACPI is off: on Nitro. */
static void
add_devices(const struct encl_build *b, json_t *custom)
{
	bool cmdline =
		encl_kernel_config_get(b->kernel.config, "VIRTIO_MMIO_CMDLINE_DEVICES") ==
		ENCL_KCONFIG_BUILTIN;

	if (b->m->arch == ENCL_ARCH_X86_64)
		json_object_set_new(custom, "cmdlineDevices", json_boolean(cmdline));
}

static char *
make_metadata(const struct encl_build *b)
{
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];

	encl_manifest_digest(b->m, b->lock, &digest);
	encl_digest_format(&digest, text);

	encl_auto(json_decref) json_t *custom =
		json_pack("{s:{s:s, s:i}}", "enclavebuild", "manifest", text, "compat",
			  ENCL_COMPAT);

	if (b->nitro_cli)
		json_object_set_new(json_object_get(custom, "enclavebuild"), "layout",
				    json_string("nitro-cli"));
	add_ways(b->m, json_object_get(custom, "enclavebuild"));
	add_devices(b, json_object_get(custom, "enclavebuild"));
	return encl_metadata_text(b->m->name, b->m->version, b->m->source_date_epoch,
				  b->kernel.config, custom);
}

int
encl_build_image(struct encl_build *b, int fd, struct encl_eif_result *out,
		 struct encl_err *e)
{
	const char *cmdline = encl_build_cmdline(b);
	struct encl_eif_bytes text = {cmdline, strlen(cmdline)};
	encl_auto(encl_free) char *about = make_metadata(b);
	struct encl_eif_bytes metadata = {about, strlen(about)};
	enum encl_compression c = compression_of(b);
	struct ramdisk_arg boot = {
		b->boot, b->m->boot.init == ENCL_INIT_AWS ? ENCL_COMPRESS_NONE : c,
		b->m->boot.level, b->env->jobs, b->env->log};
	struct ramdisk_arg app = {b->app, c, b->m->boot.level, b->env->jobs, b->env->log};
	struct encl_eif_part parts[5] = {
		{ENCL_SECTION_KERNEL, produce_content, &b->kernel.image,
		 b->kernel.image.size, b->kernel.image.crc, true},
		encl_eif_part_bytes(ENCL_SECTION_CMDLINE, &text),
		encl_eif_part_bytes(ENCL_SECTION_METADATA, &metadata),
		ramdisk_part(&boot),
		ramdisk_part(&app),
	};

	return encl_eif_write(fd, b->m->arch, parts, 5,
			      b->signer ? encl_key_signer_base(b->signer) : NULL,
			      b->env->jobs, out, e);
}
