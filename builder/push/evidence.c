/* SPDX-License-Identifier: Apache-2.0 */
/* Files into artifacts with a subject: which type each is of, by what it says. */
#include "push/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "registry/registry.h"
#include "verify/evidence_subject.h"

#define SPDX	  "application/spdx+json"
#define CYCLONEDX "application/vnd.cyclonedx+json"
#define IN_TOTO	  "application/vnd.in-toto+json"
#define DSSE	  "application/vnd.dsse.envelope.v1+json"
#define BUNDLE	  "application/vnd.dev.sigstore.bundle"

void
encl_evidence_clear(struct encl_evidence *v)
{
	free(v->path);
	free(v->title);
	free(v->artifact_type);
	free(v->media_type);
	json_decref(v->annotations);
	free(v->text);
	memset(v, 0, sizeof *v);
}

static void
set_type(struct encl_evidence *v, const char *artifact, const char *media)
{
	v->artifact_type = encl_xstrdup(artifact);
	v->media_type = encl_xstrdup(media);
}

static int
is_not(const struct encl_evidence *v, const char *what, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s: is not %s", v->path, what);
}

static int
take_spdx(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	const json_t *graph = json_object_get(doc, "@graph"); /* SPDX 3 */

	if (!json_is_string(json_object_get(doc, "spdxVersion")) && !json_is_array(graph))
		return is_not(v, "an SPDX document (no \"spdxVersion\")", e);
	set_type(v, SPDX, SPDX);
	return 0;
}

static int
take_cyclonedx(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	const char *format = json_string_value(json_object_get(doc, "bomFormat"));

	if (!format || strcmp(format, "CycloneDX") != 0)
		return is_not(v, "a CycloneDX document (no \"bomFormat\")", e);
	set_type(v, CYCLONEDX, CYCLONEDX);
	return 0;
}

static int
take_sbom(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	if (json_object_get(doc, "bomFormat"))
		return take_cyclonedx(v, doc, e);
	if (json_object_get(doc, "spdxVersion") || json_object_get(doc, "@graph"))
		return take_spdx(v, doc, e);
	return is_not(v, "an SBOM: neither SPDX nor CycloneDX as JSON", e);
}

static void
annotate(struct encl_evidence *v, const char *key, const char *value)
{
	if (!v->annotations)
		v->annotations = json_object();
	json_object_set_new(v->annotations, key, json_string(value));
}

static const char *
predicate_of(const json_t *statement)
{
	const char *type = json_string_value(json_object_get(statement, "predicateType"));

	return type && strlen(type) < 512 ? type : NULL;
}

static int
take_provenance(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	encl_auto(json_decref) json_t *statement = encl_evidence_statement(doc);
	const char *predicate = predicate_of(statement);

	if (!predicate)
		return is_not(v,
			      "an in-toto statement, nor an envelope with one (no "
			      "\"predicateType\")",
			      e);
	set_type(v, IN_TOTO, statement != doc ? DSSE : IN_TOTO);
	annotate(v, "in-toto.io/predicate-type", predicate);
	return 0;
}

/* Bundles say their media type themselves; cosign looks for these annotations. */
static int
take_bundle(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	const char *type = json_string_value(json_object_get(doc, "mediaType"));
	const json_t *envelope = json_object_get(doc, "dsseEnvelope");
	encl_auto(json_decref) json_t *inner =
		envelope ? encl_evidence_statement(doc) : NULL;

	if (!type || strncmp(type, BUNDLE, strlen(BUNDLE)) != 0 || strlen(type) > 127)
		return is_not(v, "a sigstore bundle (no \"mediaType\" of one)", e);
	if (!envelope && !json_object_get(doc, "messageSignature"))
		return is_not(v,
			      "a sigstore bundle (neither \"dsseEnvelope\" nor "
			      "\"messageSignature\")",
			      e);
	/* v0.1 and v0.2 were written "…bundle+json;version=0.1" */
	if (strchr(type, ';'))
		type = BUNDLE ".v0.3+json";
	set_type(v, type, type);
	annotate(v, "dev.sigstore.bundle.content",
		 envelope ? "dsse-envelope" : "message-signature");
	if (predicate_of(inner))
		annotate(v, "dev.sigstore.bundle.predicateType", predicate_of(inner));
	return 0;
}

static int
take_measurements(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	if (!json_is_string(
		    json_object_get(json_object_get(doc, "Measurements"), "PCR0")))
		return is_not(v, "a measurements file (no \"Measurements\" with PCR0)",
			      e);
	set_type(v, ENCL_ARTIFACT_MEASUREMENTS, ENCL_ARTIFACT_MEASUREMENTS);
	return 0;
}

static int
take_lock(struct encl_evidence *v, const json_t *doc, struct encl_err *e)
{
	if (!json_is_integer(json_object_get(doc, "lockVersion")))
		return is_not(v, "a lock (no \"lockVersion\")", e);
	set_type(v, ENCL_ARTIFACT_LOCK, ENCL_ARTIFACT_LOCK);
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct encl_evidence *v, const json_t *doc, struct encl_err *e);
} types[] = {
	{"bundle", take_bundle}, {"cyclonedx", take_cyclonedx},
	{"lock", take_lock},	 {"measurements", take_measurements},
	{"sbom", take_sbom},	 {"provenance", take_provenance},
	{"spdx", take_spdx},
};

/* "type/subtype" of the characters of RFC 6838. */
static bool
is_media_type(const char *text)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t a = strspn(text, chars);
	size_t b = text[a] == '/' ? strspn(text + a + 1, chars) : 0;

	return a && b && !text[a + 1 + b] && a + b < 255;
}

static int
take(struct encl_evidence *v, const char *type, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(types[i].name, type) != 0)
			continue;
		return encl_json_parse(v->text, v->size, v->path, &doc, e)
			       ? -1
			       : types[i].take(v, doc, e);
	}
	set_type(v, type, type);
	return 0;
}

static bool
is_type(const char *type)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(types[i].name, type))
			return true;
	return is_media_type(type);
}

int
encl_evidence_open(const char *type, const char *path, struct encl_evidence *out,
		   struct encl_err *e)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	const char *slash = strrchr(path, '/');

	if (!is_type(type))
		return encl_fail(e, ENCL_USAGE,
				 "attach %s: the type is none of bundle, cyclonedx, "
				 "lock, measurements, provenance, sbom, spdx and no "
				 "media type",
				 type);
	v.path = encl_xstrdup(path);
	v.title = encl_xstrdup(slash ? slash + 1 : path);
	if (encl_read_file(path, ENCL_EVIDENCE_MAX, &v.text, &v.size, e) ||
	    take(&v, type, e))
		return -1;
	encl_digest_of(ENCL_SHA256, v.text, v.size, &v.digest);
	*out = encl_take(v, (struct encl_evidence){.path = NULL});
	return 0;
}

char *
encl_evidence_manifest(const struct encl_evidence *v, const char *subject_type,
		       const char *subject, const char *created)
{
	json_t *annotations =
		json_pack("{s:s}", "org.opencontainers.image.created", created);
	json_t *config = encl_artifact_descriptor(ENCL_MEDIA_OCI_EMPTY, "{}");
	encl_auto(json_decref) json_t *doc = NULL;
	json_t *title = json_string(v->title);
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&v->digest, digest);
	json_object_set_new(config, "data", json_string("e30="));
	json_object_update(annotations, v->annotations);
	doc = json_pack("{s:i, s:s, s:s, s:o, s:[{s:s, s:s, s:I, s:{s:o}}], s:o, s:o}",
			"schemaVersion", 2, "mediaType", ENCL_MEDIA_OCI_MANIFEST,
			"artifactType", v->artifact_type, "config", config, "layers",
			"mediaType", v->media_type, "digest", digest, "size",
			(json_int_t)v->size, "annotations", ENCL_ANNOTATION_TITLE,
			title ? title : json_string("evidence"), "subject",
			encl_artifact_descriptor(subject_type, subject), "annotations",
			annotations);
	return encl_json_compact(doc);
}
