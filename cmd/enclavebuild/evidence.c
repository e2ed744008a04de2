/* SPDX-License-Identifier: Apache-2.0 */
/* Opens an image, its manifest and its lock, and holds them against one another. */
#include "evidence.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "build.h"
#include "lock/lock.h"
#include "manifests.h"
#include "operand.h"
#include "verify/provenance.h"
#include "verify/sbom.h"

void
evidence_clear(struct evidence *v)
{
	encl_inventory_clear(&v->inventory);
	encl_image_state_clear(&v->state);
	encl_eif_close(&v->eif);
	encl_manifest_free(v->manifest);
	json_decref(v->lock);
	encl_pins_clear(&v->pins);
	free(v->lock_path);
	memset(v, 0, sizeof *v);
	v->eif.fd = -1;
}

int
evidence_open(struct cli *cli, const char *operand, struct evidence *out,
	      struct encl_err *e)
{
	if (operand_open(cli, operand, &out->eif, e) ||
	    encl_image_check(&out->eif, cli->env.jobs, &out->state, e) ||
	    encl_image_require(&out->eif, &out->state, e))
		return -1;
	return encl_inventory_read(&out->eif, NULL, &out->inventory, e);
}

/* ---- manifest and lock ---- */

static int
read_lock(struct evidence *v, const char *given, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	v->lock_path = given ? encl_xstrdup(given) : encl_lock_path(v->manifest);
	if (encl_lock_read(v->lock_path, &v->lock, e))
		return -1;
	if (!v->lock)
		return encl_fail(e, given ? ENCL_FAILED : ENCL_MISMATCH,
				 "%s: there is no such lock, so nothing says what the "
				 "image was built from",
				 v->lock_path);
	if (encl_read_file(v->lock_path, ENCL_LOCK_MAX, &text, &n, e))
		return -1;
	encl_digest_of(ENCL_SHA256, text, n, &v->lock_digest);
	return 0;
}

static int
check_lock(const struct evidence *v, struct encl_err *e)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(v->manifest);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 600};

	encl_lock_compare(v->lock, items, &changed);
	if (changed.len)
		return encl_fail(
			e, ENCL_MISMATCH,
			"%s is stale: changed in %s: %s; an image that was built "
			"since is of another lock",
			v->lock_path, v->manifest->file, encl_buf_text(&changed));
	return 0;
}

/* As the metadata has it, which nothing measures. */
static bool
metadata_has(const struct encl_eif *eif, const char *digest)
{
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	const json_t *own = json_object_get(json_object_get(metadata, "CustomMetadata"),
					    "enclavebuild");
	const char *text = json_string_value(json_object_get(own, "manifest"));

	return text && !strcmp(text, digest);
}

/* /.enclave/manifest.digest, which is measured, has the digest and a newline.  An
 * image in nitro-cli's layout has no such file. */
static bool
has_manifest(const struct evidence *v, const struct encl_digest *manifest)
{
	const struct encl_inventory *i = &v->inventory;
	char text[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *line = NULL;
	struct encl_digest want;

	encl_digest_format(manifest, text);
	line = encl_xasprintf("%s\n", text);
	encl_digest_of(ENCL_SHA256, line, strlen(line), &want);
	for (size_t k = 0; k < i->n_ramdisks; k++) {
		const struct encl_item *item =
			encl_inventory_find(i, k, "rootfs/.enclave/manifest.digest");

		if (item)
			return item->has_digest &&
			       encl_digest_equal(&item->digest, &want);
	}
	return metadata_has(&v->eif, text);
}

int
evidence_read_sources(struct evidence *v, const char *manifest, const char *lock,
		      struct encl_err *e)
{
	if (read_manifest(manifest, &v->manifest, e) || read_lock(v, lock, e) ||
	    check_lock(v, e) || encl_pins_read(v->lock, &v->pins, e) ||
	    encl_pins_fit(&v->pins, &v->inventory, v->lock_path, e))
		return -1;
	encl_manifest_digest(v->manifest, v->lock, &v->manifest_digest);
	if (!has_manifest(v, &v->manifest_digest))
		return encl_fail(e, ENCL_MISMATCH,
				 "%s was not built from %s and %s: the manifest's digest "
				 "in it is another",
				 v->eif.path, manifest, v->lock_path);
	return 0;
}

/* ---- documents ---- */

const char *
evidence_sbom_format(const char *path)
{
	static const char cdx[] = ".cdx.json";
	size_t n = path ? strlen(path) : 0;

	return n >= sizeof cdx && !strcmp(path + n - (sizeof cdx - 1), cdx) ? "cyclonedx"
									    : "spdx";
}

int
evidence_sbom(const struct evidence *v, const char *format, json_t **out,
	      struct encl_err *e)
{
	encl_auto(encl_sbom_clear) struct encl_sbom s = {.v = NULL};
	const struct encl_sbom_request r = {.inventory = &v->inventory,
					    .sha256 = &v->state.sha256,
					    .measurements = &v->state.measurements,
					    .lock = v->lock};

	if (encl_sbom_collect(&r, &s, e))
		return -1;
	*out = !strcmp(format, "cyclonedx") ? encl_sbom_cyclonedx(&s)
					    : encl_sbom_spdx(&s);
	return 0;
}

int
evidence_write(const json_t *doc, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_json_pretty(doc);

	if (path)
		return encl_write_file(path, text, strlen(text), 0644, e);
	report("%s", text);
	return 0;
}

/* ---- provenance ---- */

/* "scheme:…" without blanks */
static bool
is_uri(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");

	if (!n || text[n] != ':' || !text[n + 1])
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

int
evidence_run_read(const struct args *args, struct evidence_run *out, struct encl_err *e)
{
	static const char *const times[] = {"started", "finished"};
	uint64_t ignored;

	out->builder = args_get(args, "builder-id");
	out->invocation = args_get(args, "invocation-id");
	out->started = args_get(args, "started");
	out->finished = args_get(args, "finished");
	if (out->builder && !is_uri(out->builder))
		return encl_fail(e, ENCL_USAGE, "--builder-id \"%s\": is no URI",
				 out->builder);
	for (size_t i = 0; i < 2; i++) {
		const char *text = args_get(args, times[i]);

		if (text && !encl_parse_time(text, &ignored))
			return encl_fail(e, ENCL_USAGE,
					 "--%s: \"%s\" is no time such as "
					 "2026-01-31T12:00:00Z",
					 times[i], text);
	}
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int
evidence_provenance(const struct evidence *v, const char *name,
		    const struct evidence_run *r, json_t **out, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	struct encl_digest file;
	size_t n;

	if (encl_read_file(v->manifest->file, ENCL_LOCK_MAX, &text, &n, e))
		return -1;
	encl_digest_of(ENCL_SHA256, text, n, &file);

	const struct encl_provenance p = {
		.name = base_name(name),
		.sha256 = v->state.sha256,
		.oci = r->oci,
		.manifest = base_name(v->manifest->file),
		.manifest_file = &file,
		.meaning = v->manifest_digest,
		.lock_name = base_name(v->lock_path),
		.lock_digest = v->lock_digest,
		.lock = v->lock,
		.pins = &v->pins,
		.metadata = v->eif.metadata,
		.builder = r->builder,
		.invocation = r->invocation,
		.started = r->started,
		.finished = r->finished,
	};

	*out = encl_provenance(&p);
	return 0;
}
