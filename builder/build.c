/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest and lock to an image and its measurements, checked before they
 * get their names. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "build_internal.h"
#include "launch/memory.h"
#include "lock/lock.h"
#include "ramdisk/launch_config.h"
#include "rootfs/report.h"
#include "sign/image.h"
#include "sources/kernel_config.h"
#include "verify/extended.h"

enum { MOST_SIZES = 10 }; /* rows of each list of the size report */

void
encl_build_clear(struct encl_build *b)
{
	json_decref(b->lock);
	encl_image_config_clear(&b->config);
	encl_kernel_files_clear(&b->kernel);
	encl_ramdisk_free(b->boot);
	encl_ramdisk_free(b->app);
	encl_tree_free(b->tree);
	encl_key_signer_free(b->signer);
	free(b->detached);
	encl_docker_build_clear(&b->docker);
}
void
encl_build_report_clear(struct encl_build_report *r)
{
	json_decref(r->sizes);
	json_decref(r->sections);
	json_decref(r->extended);
	free(r->image_path);
	free(r->measurements_path);
	free(r->to_sign_path);
	encl_to_sign_clear(&r->to_sign);
	memset(r, 0, sizeof *r);
}

char *
encl_measurements_path(const char *image)
{
	size_t n = strlen(image);

	if (n > 4 && !strcmp(image + n - 4, ".eif"))
		n -= 4;
	return encl_xasprintf("%.*s.measurements.json", (int)n, image);
}

static int
expect_pcr(const struct encl_manifest *m, const char *name, const char *want,
	   const struct encl_pcr *got, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->expect.pos);
	char text[2 * ENCL_PCR_SIZE + 1] = "absent: the image is not signed";

	if (!want)
		return 0;
	if (got)
		encl_hex(got->bytes, ENCL_PCR_SIZE, text);
	if (!strcmp(want, text))
		return 0;
	return encl_fail(e, ENCL_MISMATCH, "%sexpect.%s: expected %s, the image has %s",
			 at, name, want, text);
}

static int
check_expected(const struct encl_manifest *m, const struct encl_measurements *got,
	       struct encl_err *e)
{
	if (expect_pcr(m, "pcr0", m->expect.pcr0, &got->pcr0, e) ||
	    expect_pcr(m, "pcr1", m->expect.pcr1, &got->pcr1, e) ||
	    expect_pcr(m, "pcr2", m->expect.pcr2, &got->pcr2, e))
		return -1;
	return expect_pcr(m, "pcr8", m->expect.pcr8, got->has_pcr8 ? &got->pcr8 : NULL,
			  e);
}

/* Where the sections of the finished file are. */
static int
list_sections(const char *path, json_t **sections, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(json_decref) json_t *list = json_array();

	if (encl_eif_open(path, &eif, e))
		return -1;
	for (size_t i = 0; i < eif.n_sections; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "type",
					encl_section_name(eif.sections[i].type), "offset",
					(json_int_t)eif.sections[i].offset, "size",
					(json_int_t)eif.sections[i].size));
	*sections = encl_take(list, NULL);
	return 0;
}

int
encl_measurements_resigned(json_t *doc, const char *path, const struct encl_eif_result *r,
			   struct encl_err *e)
{
	encl_auto(json_decref) json_t *measured =
		encl_measurements_json(&r->measurements);
	encl_auto(json_decref) json_t *sections = NULL;
	char file[ENCL_DIGEST_TEXT];

	if (list_sections(path, &sections, e))
		return -1;
	encl_digest_format(&r->sha256, file);
	json_object_update(doc, measured);
	json_object_set_new(doc, "Size", json_integer((json_int_t)r->size));
	json_object_set_new(doc, "Digest", json_string(file));
	json_object_set(doc, "Sections", sections);
	return 0;
}

/* What launch makes of the registers, read from the config that it is given. */
static int
find_extended(struct encl_build *b, json_t **out, struct encl_err *e)
{
	const struct encl_node *config =
		encl_tree_find_nofollow(b->tree, ENCL_LAUNCH_CONFIG);
	encl_auto(encl_free) char *text = NULL;
	struct encl_extended x;
	size_t n;

	if (!b->m->attestation.n_extend)
		return 0;
	if (encl_tree_read(b->tree, config, ENCL_LAUNCH_CONFIG_MAX, &text, &n, e) ||
	    encl_extended_of_config(text, n, &x, e))
		return -1;
	*out = encl_extended_json(&x);
	return 0;
}

/* Nothing of it is measured; `run` reads it.  The manifest's memory, or what the
 * image needs. */
static json_t *
resources_json(const struct encl_build *b, const struct encl_memory *memory)
{
	const struct encl_manifest *m = b->m;
	const uint64_t given = m->resources.memory_mib;
	json_t *v = json_pack("{s:I, s:I}", "MemoryMiB",
			      (json_int_t)(given ? given : memory->mib), "CPUs",
			      (json_int_t)m->resources.cpus);
	json_t *ports = json_object();

	for (size_t i = 0; i < m->n_ports; i++)
		json_object_set_new(ports, m->ports[i].ingress,
				    json_integer((json_int_t)m->ports[i].port));
	if (m->n_ports)
		json_object_set(v, "Ports", ports);
	json_decref(ports);
	return v;
}

static json_t *
measurements_document(const struct encl_build *b, const struct encl_build_report *r,
		      const struct encl_memory *memory)
{
	json_t *doc = encl_measurements_json(&r->result.measurements);
	struct encl_digest digest;
	char manifest[ENCL_DIGEST_TEXT];
	char file[ENCL_DIGEST_TEXT];

	encl_manifest_digest(b->m, b->lock, &digest);
	encl_digest_format(&digest, manifest);
	encl_digest_format(&r->result.sha256, file);
	json_object_set_new(doc, "Name", json_string(b->m->name));
	json_object_set_new(doc, "Version", json_string(b->m->version));
	json_object_set_new(doc, "Architecture", json_string(encl_arch_name(b->m->arch)));
	json_object_set_new(doc, "Size", json_integer((json_int_t)r->result.size));
	json_object_set_new(doc, "Digest", json_string(file));
	json_object_set_new(doc, "Manifest", json_string(manifest));
	json_object_set_new(doc, "Compat", json_integer(ENCL_COMPAT));
	json_object_set_new(
		doc, "Tool",
		json_pack("{s:s, s:s}", "name", "enclavebuild", "version", ENCL_VERSION));
	json_object_set_new(doc, "Resources", resources_json(b, memory));
	json_object_set(doc, "Sections", r->sections);
	if (r->extended)
		json_object_set(doc, "Extended", r->extended);
	return doc;
}

static void
name_difference(void *arg, const char *path, const json_t *a, const json_t *b)
{
	struct encl_buf *names = arg;

	(void)a;
	(void)b;
	encl_buf_add_fmt(names, "%s%s", names->len ? ", " : "", path);
}

static int
check_memory(const struct encl_build *b, uint64_t size, struct encl_memory *out,
	     struct encl_err *e)
{
	if (encl_build_memory(b, size, out, e))
		return -1;
	return encl_build_check_memory(b, out, e);
}

/* "app.eif" and ".to-sign" -> "app.to-sign". */
static char *
name_beside(const char *image, const char *ending)
{
	size_t n = strlen(image);

	if (n > 4 && !strcmp(image + n - 4, ".eif"))
		n -= 4;
	return encl_xasprintf("%.*s%s", (int)n, image, ending);
}

/* A signature that is made elsewhere has a PCR8 already. */
static int
check_measured(const struct encl_build *b, struct encl_build_report *r,
	       struct encl_err *e)
{
	struct encl_measurements m = r->result.measurements;

	if (b->detached) {
		if (encl_to_sign(b->detached, 0, &m.pcr0, &r->to_sign, e))
			return encl_wrap(e, "sign");
		m.has_pcr8 = true;
		m.pcr8 = r->to_sign.pcr8;
	}
	return check_expected(b->m, &m, e);
}

/* Open where there is something to be signed. */
static int
write_to_sign(const struct encl_build *b, const struct encl_build_report *r,
	      struct encl_tmpfile *t, struct encl_err *e)
{
	if (!b->detached)
		return 0;
	if (encl_tmpfile_open(t, r->to_sign_path, 0644, e))
		return -1;
	return encl_pwrite_full(t->fd, r->to_sign.bytes.data, r->to_sign.bytes.len, 0,
				r->to_sign_path, e);
}

static void
name_outputs(const struct encl_build *b, const char *output, struct encl_build_report *r)
{
	r->image_path =
		b->detached ? name_beside(output, ".unsigned.eif") : encl_xstrdup(output);
	r->measurements_path = encl_measurements_path(r->image_path);
	if (b->detached)
		r->to_sign_path = name_beside(output, ".to-sign");
}

/* All files are whole before one has its name. */
static int
write_outputs(struct encl_build *b, const struct encl_build_request *request,
	      struct encl_build_report *r, struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile image = {.fd = -1};
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile about = {.fd = -1};
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile to_sign = {.fd = -1};
	struct encl_memory memory = {0};

	name_outputs(b, request->output, r);
	/* before a long work, where it can be known */
	if ((encl_build_is_plain(b) && check_memory(b, 0, &memory, e)) ||
	    encl_tmpfile_open(&image, r->image_path, 0644, e) ||
	    encl_tmpfile_open(&about, r->measurements_path, 0644, e) ||
	    encl_build_image(b, image.fd, &r->result, e) || check_measured(b, r, e) ||
	    encl_image_reopen(image.temp, &r->result, e) ||
	    (!encl_build_is_plain(b) && check_memory(b, r->result.size, &memory, e)) ||
	    list_sections(image.temp, &r->sections, e) ||
	    find_extended(b, &r->extended, e) || write_to_sign(b, r, &to_sign, e))
		return -1;

	encl_auto(json_decref) json_t *doc = measurements_document(b, r, &memory);
	encl_auto(encl_free) char *text = encl_json_pretty(doc);

	if (encl_pwrite_full(about.fd, text, strlen(text), 0, about.path, e) ||
	    encl_tmpfile_sync(&image, e) || encl_tmpfile_sync(&about, e) ||
	    (b->detached && encl_tmpfile_sync(&to_sign, e)) ||
	    encl_tmpfile_place(&image, e) ||
	    (b->detached && encl_tmpfile_place(&to_sign, e)))
		return -1;
	return encl_tmpfile_place(&about, e);
}

/* Local kernels are hashed in a moment, so a pin of one is taken whole or not
 * at all; what a package's pin says beyond digests reaches no image. */
static int
check_kernel_pin(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
		 struct encl_err *e)
{
	encl_auto(json_decref) json_t *fresh = NULL;
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 600};

	if (m->boot.kernel.kind == ENCL_KERNEL_PACKAGE)
		return 0;
	if (encl_kernel_lock(env, m, NULL, &fresh, e))
		return -1;
	if (json_equal(pin, fresh))
		return 0;
	encl_json_differences(pin, fresh, "kernel.pin", name_difference, &changed);
	return encl_fail(
		e, ENCL_MISMATCH,
		"boot.kernel: differs from the lock: %s; run \"enclavebuild lock\"",
		encl_buf_text(&changed));
}

int
encl_build_prepare(struct encl_build *b, bool locked, bool *had_lock, char **init_bytes,
		   struct encl_err *e)
{
	const struct encl_manifest *m = b->m;
	const json_t *kernel_pin;

	if (encl_build_lock(b, locked, had_lock, e))
		return -1;
	kernel_pin = json_object_get(json_object_get(b->lock, "kernel"), "pin");
	if (b->nitro_cli && encl_build_check_nitro_cli(m, e))
		return -1;
	if (check_kernel_pin(b->env, m, kernel_pin, e) ||
	    encl_kernel_open(b->env, m, kernel_pin, &b->kernel, e) ||
	    encl_kernel_check(&b->kernel, m, e))
		return -1;
	if (encl_assemble(b->env, m, b->lock, b->kernel.config, &b->tree, &b->config, e))
		return -1;
	/* nothing of ours goes into nitro-cli's */
	if (b->nitro_cli)
		return encl_build_ramdisks(b, init_bytes, e);
	if (encl_install_guest(b->env, m, b->lock, b->kernel.config, &b->config, b->tree,
			       &b->docker, e) ||
	    encl_tree_normalise(b->tree, m->source_date_epoch, m->boot.format, e))
		return -1;
	return encl_build_ramdisks(b, init_bytes, e);
}

/* Before anything else: a key that does not fit must not cost a whole build. */
static int
open_signer(struct encl_build *b, uint64_t now, struct encl_err *e)
{
	static const struct encl_pcr any;
	const struct encl_sign *s = &b->m->sign;
	encl_auto(encl_free) char *certificate = encl_manifest_path(b->m, s->certificate);
	encl_auto(encl_free) char *key = s->key ? encl_manifest_path(b->m, s->key) : NULL;
	encl_auto(encl_to_sign_clear) struct encl_to_sign tried = {.alg = NULL};
	const struct encl_signer_request q = {
		.certificate = certificate,
		.key = key	? key
		       : s->kms ? s->kms
				: s->pkcs11,
		.now = now,
	};

	if (!s->detached)
		return encl_signer_open(b->env, &q, &b->signer, e);
	if (encl_to_sign(certificate, now, &any, &tried, e))
		return -1;
	b->detached = encl_take(certificate, NULL);
	return 0;
}

int
encl_build(struct encl_env *env, const struct encl_manifest *m,
	   const struct encl_build_request *request, struct encl_build_report *out,
	   struct encl_err *e)
{
	encl_auto(encl_build_clear) struct encl_build b = {
		.env = env, .m = m, .nitro_cli = request->nitro_cli};
	const char *debug = encl_manifest_debug_warning(m);
	encl_auto(encl_build_report_clear) struct encl_build_report r = {0};
	encl_auto(encl_free) char *init_bytes = NULL;

	if (debug)
		encl_warn(env->log, "%s", debug);
	if (m->sign.given && open_signer(&b, request->now, e))
		return encl_wrap(e, "sign");
	if (encl_build_prepare(&b, request->locked, &r.had_lock, &init_bytes, e))
		return -1;
	if (encl_tree_report(b.tree, MOST_SIZES, &r.sizes, e) ||
	    write_outputs(&b, request, &r, e))
		return -1;
	*out = encl_take(r, (struct encl_build_report){0});
	return 0;
}
