/* SPDX-License-Identifier: Apache-2.0 */
/* An image's digest and the pins of its lock to SLSA provenance. */
#include "verify/provenance.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "registry/reference.h"
#include "verify/purl.h"

static json_t *
hex_of(const struct encl_digest *d)
{
	char hex[2 * ENCL_DIGEST_MAX + 1];

	encl_hex(d->bytes, encl_digest_size(d->algo), hex);
	return json_string(hex);
}

/* DigestSet: {"sha256": …}; the digest of a tree is none of a file's bytes. */
static json_t *
digest_set(const struct encl_digest *d, bool tree)
{
	const char *name = d->algo == ENCL_SHA512 ? "sha512" : "sha256";

	return json_pack("{s:o}", tree ? "enclavebuildTree" : name, hex_of(d));
}

static json_t *
named(const char *name, const struct encl_digest *d)
{
	return json_pack("{s:o, s:o}", "name", encl_json_text(name), "digest",
			 digest_set(d, false));
}

/* ---- what went in ---- */

static char *
uri_of(const struct encl_pin *p)
{
	encl_auto(encl_reference_clear) struct encl_reference ref = {.host = NULL};
	encl_auto(encl_free) char *where = NULL;
	char digest[ENCL_DIGEST_TEXT];
	struct encl_err ignored;

	if (p->kind == ENCL_PIN_PACKAGE)
		return encl_purl("deb", "debian", p->name, p->version,
				 (const struct encl_purl_qualifier[]){
					 {"arch", p->arch}, {"distro", p->suite}},
				 2);
	if ((p->kind != ENCL_PIN_MANIFEST && p->kind != ENCL_PIN_INDEX) ||
	    !p->reference || encl_reference_parse(p->reference, &ref, &ignored))
		return NULL;
	encl_digest_format(&p->digest, digest);
	where = encl_xasprintf("%s/%s", ref.host, ref.repository);
	return encl_purl("oci", NULL, strrchr(where, '/') + 1, digest,
			 (const struct encl_purl_qualifier[]){{"repository_url", where},
							      {"tag", ref.tag}},
			 2);
}

static json_t *
annotations(const struct encl_pin *p)
{
	json_t *v = json_pack("{s:s, s:[s]}", "kind", encl_pin_kind_name(p->kind),
			      "items", p->item);

	if (p->version)
		json_object_set_new(v, "version", encl_json_text(p->version));
	if (p->kind == ENCL_PIN_RELEASE && p->suite)
		json_object_set_new(v, "suite", encl_json_text(p->suite));
	if (p->filename)
		json_object_set_new(v, "filename", encl_json_text(p->filename));
	if (p->has_diff_id) {
		char text[ENCL_DIGEST_TEXT];

		encl_digest_format(&p->diff_id, text);
		json_object_set_new(v, "diffId", json_string(text));
	}
	return v;
}

static json_t *
dependency(const struct encl_pin *p, const char *uri)
{
	json_t *v = json_object();

	if (uri)
		json_object_set_new(v, "uri", json_string(uri));
	json_object_set_new(v, "digest",
			    digest_set(&p->digest, p->kind == ENCL_PIN_DIRECTORY));
	if (*p->name)
		json_object_set_new(v, "name", encl_json_text(p->name));
	if (p->media_type)
		json_object_set_new(v, "mediaType", encl_json_text(p->media_type));
	json_object_set_new(v, "annotations", annotations(p));
	return v;
}

/* Each once; the items that asked for it are listed. */
static json_t *
dependencies(const struct encl_pins *pins)
{
	encl_auto(json_decref) json_t *seen = json_object();
	json_t *list = json_array();

	for (size_t i = 0; i < pins->n; i++) {
		const struct encl_pin *p = &pins->v[i];
		encl_auto(encl_free) char *uri = uri_of(p);
		encl_auto(json_decref) json_t *v = dependency(p, uri);
		char digest[ENCL_DIGEST_TEXT];
		encl_auto(encl_free) char *key = NULL;
		const char *text = json_string_value(json_object_get(v, "name"));
		json_t *before;

		encl_digest_format(&p->digest, digest);
		key = encl_xasprintf("%d %s %s", (int)p->kind, digest,
				     uri    ? uri
				     : text ? text
					    : "");
		before = json_object_get(seen, key);
		if (before) {
			json_t *items = json_object_get(
				json_object_get(before, "annotations"), "items");

			json_array_append_new(items, json_string(p->item));
			continue;
		}
		json_object_set(seen, key, v);
		json_array_append(list, v);
	}
	return list;
}

/* ---- the statement ---- */

static json_t *
subjects(const struct encl_provenance *p)
{
	json_t *list = json_array();

	json_array_append_new(list, named(p->name, &p->sha256));
	if (p->oci)
		json_array_append_new(list, named(p->name, p->oci));
	return list;
}

/* All that the user decides: the manifest by what it means (local files by their
 * content; this digest stands in the image too) and by its bytes, and the lock, which
 * says what its words stood for. */
static json_t *
external(const struct encl_provenance *p)
{
	char meaning[ENCL_DIGEST_TEXT];
	json_t *v = json_object();

	encl_digest_format(&p->meaning, meaning);
	json_object_set_new(v, "manifestDigest", json_string(meaning));
	if (p->manifest_file)
		json_object_set_new(v, "manifest", named(p->manifest, p->manifest_file));
	json_object_set_new(v, "lock", named(p->lock_name, &p->lock_digest));
	return v;
}

static json_t *
internal(const struct encl_provenance *p, const json_t *metadata)
{
	const json_t *build = json_object_get(metadata, "BuildMetadata");
	const json_t *own = json_object_get(json_object_get(metadata, "CustomMetadata"),
					    "enclavebuild");
	const json_t *compressor = json_object_get(p->lock, "compressor");
	json_t *v = json_pack("{s:{s:O*, s:O*}, s:O*, s:O*, s:O*, s:O*}", "tool", "name",
			      json_object_get(build, "BuildTool"), "version",
			      json_object_get(build, "BuildToolVersion"), "compat",
			      json_object_get(own, "compat"), "layout",
			      json_object_get(own, "layout"), "arch",
			      json_object_get(p->lock, "arch"), "buildTime",
			      json_object_get(build, "BuildTime"));

	if (json_string_length(compressor))
		json_object_set(v, "compressor", (json_t *)(uintptr_t)compressor);
	return v;
}

static json_t *
run_details(const struct encl_provenance *p, const json_t *metadata)
{
	const json_t *version = json_object_get(
		json_object_get(metadata, "BuildMetadata"), "BuildToolVersion");
	json_t *v =
		json_pack("{s:{s:o, s:{s:O*}}}", "builder", "id",
			  encl_json_text(p->builder ? p->builder : ENCL_BUILDER_LOCAL),
			  "version", "enclavebuild", version);
	const struct {
		const char *key, *value;
	} run[] = {{"invocationId", p->invocation},
		   {"startedOn", p->started},
		   {"finishedOn", p->finished}};
	json_t *of_run = json_object();

	for (size_t i = 0; i < sizeof run / sizeof *run; i++)
		if (run[i].value)
			json_object_set_new(of_run, run[i].key,
					    encl_json_text(run[i].value));
	if (json_object_size(of_run))
		json_object_set(v, "metadata", of_run);
	json_decref(of_run);
	return v;
}

json_t *
encl_provenance(const struct encl_provenance *p)
{
	encl_auto(json_decref) json_t *metadata = json_loads(p->metadata, 0, NULL);

	return json_pack("{s:s, s:o, s:s, s:{s:{s:s, s:o, s:o, s:o}, s:o}}", "_type",
			 "https://in-toto.io/Statement/v1", "subject", subjects(p),
			 "predicateType", "https://slsa.dev/provenance/v1", "predicate",
			 "buildDefinition", "buildType", ENCL_BUILD_TYPE,
			 "externalParameters", external(p), "internalParameters",
			 internal(p, metadata), "resolvedDependencies",
			 dependencies(p->pins), "runDetails", run_details(p, metadata));
}
