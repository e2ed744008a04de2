/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and configs of images from outside. */
#include "push/received.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "sources/oci.h"

static const int pcr_numbers[ENCL_RECEIVED_PCRS] = {0, 1, 2, 8};
#define MAX_SIZE (UINT64_C(1) << 40)

void
encl_received_clear(struct encl_received *r)
{
	for (size_t i = 0; i < ENCL_RECEIVED_PCRS; i++)
		free(r->pcrs[i]);
	free(r->title);
	free(r->parts);
	memset(r, 0, sizeof *r);
}

bool
encl_received_arch(const char *oci, enum encl_arch *out)
{
	static const enum encl_arch all[] = {ENCL_ARCH_X86_64, ENCL_ARCH_AARCH64};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(encl_oci_arch(all[i]), oci)) {
			*out = all[i];
			return true;
		}
	return false;
}

static bool
is_pcr(const char *text)
{
	return strlen(text) == 2 * (size_t)ENCL_PCR_SIZE &&
	       strspn(text, "0123456789abcdef") == 2 * (size_t)ENCL_PCR_SIZE;
}

/* Takes "PREFIXpcr0" and so on out of an object; twice told is once told. */
static int
take_pcrs(struct encl_received *r, const json_t *from, const char *prefix,
	  const char *what, struct encl_err *e)
{
	for (size_t i = 0; i < ENCL_RECEIVED_PCRS; i++) {
		encl_auto(encl_free) char *key =
			encl_xasprintf("%spcr%d", prefix, pcr_numbers[i]);
		const json_t *v = json_object_get(from, key);
		const char *text = json_string_value(v);

		if (!v)
			continue;
		if (!text || !is_pcr(text))
			return encl_fail(e, ENCL_FAILED,
					 "%s: \"%s\" is not 96 hex digits", what, key);
		if (r->pcrs[i] && strcmp(r->pcrs[i], text) != 0)
			return encl_fail(e, ENCL_MISMATCH,
					 "%s: manifest and config name another PCR%d",
					 what, pcr_numbers[i]);
		if (!r->pcrs[i])
			r->pcrs[i] = encl_xstrdup(text);
	}
	return 0;
}

/* A layer's title as a file's name: nothing that could be taken for another
 * file, a folder or an option. */
static char *
safe_title(const json_t *layer, bool split)
{
	const char *text = json_string_value(json_object_get(
		json_object_get(layer, "annotations"), ENCL_ANNOTATION_TITLE));
	size_t n = text ? strlen(text) : 0;

	if (split && n > 9 && !strncmp(text + n - 9, ".part", 5))
		n -= 9;
	if (n < 5 || n > 200 || *text == '.' || *text == '-' ||
	    strncmp(text + n - 4, ".eif", 4) != 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("/\\'\"`$", text[i]))
			return NULL;
	return encl_xstrndup(text, n);
}

/* "3/5" for the third of five. */
static int
check_part(const json_t *layer, size_t i, size_t n, const char *what, struct encl_err *e)
{
	encl_auto(encl_free) char *want = encl_xasprintf("%zu/%zu", i + 1, n);
	const char *text = json_string_value(json_object_get(
		json_object_get(layer, "annotations"), ENCL_ANNOTATION_PART));

	if (text ? !strcmp(text, want) : n == 1)
		return 0;
	return encl_fail(
		e, ENCL_FAILED,
		"%s: image layer %zu of %zu is not marked as part %s of an image", what,
		i + 1, n, want);
}

static int
take_part(struct encl_received *r, const json_t *layer, const char *what,
	  struct encl_err *e)
{
	struct encl_artifact_part *part = &r->parts[r->n_parts];
	struct encl_oci_descriptor d = {.media_type = ""};

	if (encl_oci_descriptor(layer, what, &d, e))
		return -1;
	if (!d.size || d.size > MAX_SIZE - r->size)
		return encl_fail(e, ENCL_FAILED, "%s: a size that no image has", what);
	*part = (struct encl_artifact_part){d.digest, r->size, d.size};
	r->size += d.size;
	r->n_parts++;
	return 0;
}

static bool
has_type(const json_t *v, const char *key, const char *type)
{
	const char *text = json_string_value(json_object_get(v, key));

	return text && !strcmp(text, type);
}

/* The layers that are an image: by their type; else the only layer of what is
 * an artifact of that type. */
static json_t *
image_layers(const json_t *doc, const json_t *layers)
{
	json_t *list = json_array();
	json_t *layer;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)layers, i, layer)
		if (has_type(layer, "mediaType", ENCL_ARTIFACT_EIF))
			json_array_append(list, layer);
	if (!json_array_size(list) && json_array_size(layers) == 1 &&
	    has_type(doc, "artifactType", ENCL_ARTIFACT_EIF))
		json_array_append(list, json_array_get(layers, 0));
	return list;
}

static int
take_parts(struct encl_received *r, const json_t *list, const char *what,
	   struct encl_err *e)
{
	size_t n = json_array_size(list);
	const json_t *layer;
	size_t i;

	if (!n)
		return encl_fail(e, ENCL_FAILED,
				 "%s: is not an enclave image (no layer of the type "
				 "" ENCL_ARTIFACT_EIF ")",
				 what);
	if (n > ENCL_ARTIFACT_MAX_PARTS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d parts", what,
				 ENCL_ARTIFACT_MAX_PARTS);
	r->parts = encl_xcalloc(n, sizeof *r->parts);
	json_array_foreach ((json_t *)(uintptr_t)list, i, layer)
		if (check_part(layer, i, n, what, e) || take_part(r, layer, what, e))
			return -1;
	r->title = safe_title(json_array_get(list, 0), n > 1);
	if (n == 1 && r->parts[0].digest.algo == ENCL_SHA256) {
		r->has_digest = true;
		r->sha256 = r->parts[0].digest;
	}
	return 0;
}

static int
take_config(struct encl_received *r, const json_t *doc, const char *what,
	    struct encl_err *e)
{
	const json_t *config = json_object_get(doc, "config");
	struct encl_oci_descriptor d = {.media_type = ""};

	if (!has_type(config, "mediaType", ENCL_ARTIFACT_CONFIG))
		return 0;
	if (encl_oci_descriptor(config, what, &d, e))
		return encl_wrap(e, "config");
	if (d.size > ENCL_RECEIVED_CONFIG_MAX)
		return encl_fail(e, ENCL_FAILED, "%s: its config is larger than %d bytes",
				 what, ENCL_RECEIVED_CONFIG_MAX);
	r->has_config = true;
	r->config = d.digest;
	r->config_size = d.size;
	return 0;
}

int
encl_received_manifest(const json_t *doc, const char *what, struct encl_received *out,
		       struct encl_err *e)
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	struct encl_oci_descriptor any = {.kind = ENCL_OCI_OTHER};
	encl_auto(json_decref) json_t *list = NULL;
	enum encl_oci_kind kind;
	json_t *layers = NULL;

	if (encl_oci_check(doc, &any, what, &kind, e))
		return -1;
	if (kind != ENCL_OCI_MANIFEST)
		return encl_fail(e, ENCL_FAILED, "%s: an index within an index", what);
	if (encl_json_array(doc, "layers", what, &layers, e))
		return -1;
	list = image_layers(doc, layers);
	if (take_parts(&r, list, what, e) || take_config(&r, doc, what, e) ||
	    take_pcrs(&r, json_object_get(doc, "annotations"), ENCL_ANNOTATION, what, e))
		return -1;
	*out = encl_take(r, (struct encl_received){.title = NULL});
	return 0;
}

static int
take_whole(struct encl_received *r, const json_t *eif, const char *what,
	   struct encl_err *e)
{
	struct encl_digest digest;
	const char *text;
	uint64_t size;

	if (encl_json_str(eif, "digest", what, &text, e) ||
	    encl_json_u64(eif, "size", what, &size, e))
		return -1;
	if (!encl_digest_parse(text, &digest) || digest.algo != ENCL_SHA256)
		return encl_fail(e, ENCL_FAILED, "%s: \"digest\" is not a sha256 digest",
				 what);
	if (size != r->size || (r->has_digest && !encl_digest_equal(&digest, &r->sha256)))
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: manifest and config name another image", what);
	for (size_t i = 0; r->n_parts > 1 && i < r->n_parts; i++)
		if (encl_digest_equal(&digest, &r->parts[i].digest))
			return encl_fail(e, ENCL_FAILED,
					 "%s: a part of the image is the whole", what);
	r->has_digest = true;
	r->sha256 = digest;
	return 0;
}

int
encl_received_config(struct encl_received *r, const json_t *doc, const char *what,
		     struct encl_err *e)
{
	uint64_t version;
	const char *arch;
	json_t *eif;
	json_t *pcrs;

	if (!json_is_object(doc))
		return encl_fail(e, ENCL_FAILED, "%s: not a JSON object", what);
	if (encl_json_u64(doc, "schemaVersion", what, &version, e))
		return -1;
	if (version != 1)
		return encl_fail(e, ENCL_FAILED,
				 "%s: schemaVersion %" PRIu64
				 "; this enclavebuild reads 1",
				 what, version);
	if (encl_json_str(doc, "architecture", what, &arch, e) ||
	    encl_json_object(doc, "eif", what, &eif, e) ||
	    encl_json_object(doc, "measurements", what, &pcrs, e))
		return -1;
	if (!encl_received_arch(arch, &r->arch))
		return encl_fail(e, ENCL_FAILED,
				 "%s: \"architecture\" is neither amd64 nor arm64", what);
	r->has_arch = true;
	if (take_whole(r, eif, what, e) || take_pcrs(r, pcrs, "", what, e))
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (!json_object_get(pcrs, (const char *[]){"pcr0", "pcr1", "pcr2"}[i]))
			return encl_fail(e, ENCL_FAILED, "%s: \"pcr%zu\" is missing",
					 what, i);
	r->config_read = true;
	return 0;
}

/* ---- the image itself ---- */

static const struct encl_pcr *
pcr_of(const struct encl_measurements *m, size_t i)
{
	const struct encl_pcr *all[ENCL_RECEIVED_PCRS] = {&m->pcr0, &m->pcr1, &m->pcr2,
							  m->has_pcr8 ? &m->pcr8 : NULL};

	return all[i];
}

static int
compare_pcr(const struct encl_received *r, const struct encl_measurements *m, size_t i,
	    const char *what, struct encl_err *e)
{
	const struct encl_pcr *pcr = pcr_of(m, i);
	char text[2 * ENCL_PCR_SIZE + 1] = "none (it is not signed)";

	if (pcr)
		encl_hex(pcr->bytes, ENCL_PCR_SIZE, text);
	/* the config tells all of them, so none there means none */
	if (!r->pcrs[i] && (!r->config_read || !pcr))
		return 0;
	if (r->pcrs[i] && !strcmp(r->pcrs[i], text))
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: the registry says PCR%d %s, the image has %s", what,
			 pcr_numbers[i], r->pcrs[i] ? r->pcrs[i] : "none", text);
}

int
encl_received_compare(const struct encl_received *r, const struct encl_eif *eif,
		      const struct encl_image_state *s, const char *what,
		      struct encl_err *e)
{
	if (eif->size != r->size ||
	    (r->has_digest && !encl_digest_equal(&r->sha256, &s->sha256)))
		return encl_fail(e, ENCL_FAILED,
				 "%s: its bytes are not those that the registry names",
				 what);
	if (r->has_arch && r->arch != eif->arch)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: the registry says %s, the image is for %s", what,
				 encl_arch_name(r->arch), encl_arch_name(eif->arch));
	for (size_t i = 0; i < ENCL_RECEIVED_PCRS; i++)
		if (compare_pcr(r, &s->measurements, i, what, e))
			return -1;
	return 0;
}
