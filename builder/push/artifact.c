/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an image into config, manifest and index: keys in a fixed
 * order, ASCII only, no blanks. */
#include "push/artifact.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "registry/registry.h"
#include "sources/oci.h"

void
encl_artifact_clear(struct encl_artifact *a)
{
	free(a->title);
	free(a->name);
	free(a->version);
	free(a->created);
	free(a->manifest);
	free(a->cmdline);
	free(a->parts);
	memset(a, 0, sizeof *a);
}

/* Text from inside an image; what is not UTF-8 is shown escaped. */
static json_t *
text_value(const char *text)
{
	json_t *v = json_string(text);
	encl_auto(encl_free) char *escaped = NULL;

	if (v)
		return v;
	escaped = encl_escape(text, strlen(text));
	return json_string(escaped);
}

/* A header may say anything; JSON's numbers end at 2^63. */
static json_int_t
number(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (json_int_t)v;
}

static json_t *
digest_value(const struct encl_digest *d)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	return json_string(text);
}

static void
set_pcr(json_t *to, const char *prefix, unsigned number, const struct encl_pcr *pcr)
{
	encl_auto(encl_free) char *key = encl_xasprintf("%spcr%u", prefix, number);
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	json_object_set_new(to, key, json_string(hex));
}

static void
set_pcrs(json_t *to, const char *prefix, const struct encl_measurements *m)
{
	set_pcr(to, prefix, 0, &m->pcr0);
	set_pcr(to, prefix, 1, &m->pcr1);
	set_pcr(to, prefix, 2, &m->pcr2);
	if (m->has_pcr8)
		set_pcr(to, prefix, 8, &m->pcr8);
}

static json_t *
sections_value(const struct encl_artifact *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n_sections; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "type",
					encl_section_name(a->sections[i].type), "offset",
					(json_int_t)a->sections[i].offset, "size",
					(json_int_t)a->sections[i].size));
	return list;
}

char *
encl_artifact_config(const struct encl_artifact *a)
{
	json_t *pcrs = json_pack("{s:s}", "hash", "sha384");
	encl_auto(json_decref) json_t *v = NULL;

	set_pcrs(pcrs, "", &a->pcrs);
	v = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o,"
		      " s:{s:i, s:o, s:I, s:o, s:o, s:I, s:I}, s:o, s:{s:I}}",
		      "schemaVersion", 1, "architecture", encl_oci_arch(a->arch), "os",
		      "linux", "created", a->created, "name", text_value(a->name),
		      "version", text_value(a->version), "eif", "version",
		      (int)a->eif_version, "digest", digest_value(&a->sha256), "size",
		      (json_int_t)a->size, "cmdline", text_value(a->cmdline), "sections",
		      sections_value(a), "defaultMemoryBytes", number(a->default_mem),
		      "defaultCPUs", number(a->default_cpus), "measurements", pcrs,
		      "memory", "neededMiB", (json_int_t)a->memory_mib);
	if (a->compat)
		json_object_set_new(v, "compat", json_integer((json_int_t)a->compat));
	if (a->manifest)
		json_object_set_new(v, "manifest", json_string(a->manifest));
	return encl_json_compact(v);
}

json_t *
encl_artifact_descriptor(const char *media_type, const char *text)
{
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, text, strlen(text), &d);
	return json_pack("{s:s, s:o, s:I}", "mediaType", media_type, "digest",
			 digest_value(&d), "size", (json_int_t)strlen(text));
}

/* Parts get names of their own, so that `oras pull` writes them side by side
 * and `cat` joins them. */
static json_t *
layer(const struct encl_artifact *a, size_t i)
{
	const struct encl_artifact_part *p = &a->parts[i];
	json_t *annotations = json_object();
	encl_auto(encl_free) char *title =
		a->n_parts == 1 ? encl_xstrdup(a->title)
				: encl_xasprintf("%s.part%04zu", a->title, i + 1);
	encl_auto(encl_free) char *part = encl_xasprintf("%zu/%zu", i + 1, a->n_parts);

	json_object_set_new(annotations, ENCL_ANNOTATION_TITLE, text_value(title));
	if (a->n_parts > 1)
		json_object_set_new(annotations, ENCL_ANNOTATION_PART, json_string(part));
	return json_pack("{s:s, s:o, s:I, s:o}", "mediaType", ENCL_ARTIFACT_EIF, "digest",
			 digest_value(&p->digest), "size", (json_int_t)p->size,
			 "annotations", annotations);
}

static json_t *
annotations_of(const struct encl_artifact *a, const json_t *extra)
{
	json_t *v = json_pack("{s:s}", "org.opencontainers.image.created", a->created);

	if (*a->name)
		json_object_set_new(v, ENCL_ANNOTATION_TITLE, text_value(a->name));
	if (*a->version)
		json_object_set_new(v, "org.opencontainers.image.version",
				    text_value(a->version));
	json_object_set_new(v, ENCL_ANNOTATION "arch",
			    json_string(encl_oci_arch(a->arch)));
	json_object_set_new(v, ENCL_ANNOTATION "hash", json_string("sha384"));
	set_pcrs(v, ENCL_ANNOTATION, &a->pcrs);
	if (a->manifest)
		json_object_set_new(v, ENCL_ANNOTATION "manifest",
				    json_string(a->manifest));
	json_object_update(v, (json_t *)(uintptr_t)extra);
	return v;
}

char *
encl_artifact_manifest(const struct encl_artifact *a, const char *config,
		       const json_t *extra)
{
	encl_auto(json_decref) json_t *v = NULL;
	json_t *layers = json_array();

	for (size_t i = 0; i < a->n_parts; i++)
		json_array_append_new(layers, layer(a, i));
	v = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o}", "schemaVersion", 2, "mediaType",
		      ENCL_MEDIA_OCI_MANIFEST, "artifactType", ENCL_ARTIFACT_EIF,
		      "config", encl_artifact_descriptor(ENCL_ARTIFACT_CONFIG, config),
		      "layers", layers, "annotations", annotations_of(a, extra));
	return encl_json_compact(v);
}

static int
by_arch(const void *a, const void *b)
{
	const struct encl_artifact_child *x = a;
	const struct encl_artifact_child *y = b;

	return strcmp(encl_oci_arch(x->arch), encl_oci_arch(y->arch));
}

char *
encl_artifact_index(const struct encl_artifact_child *v, size_t n, const char *created,
		    const json_t *extra)
{
	encl_auto(encl_free) struct encl_artifact_child *sorted =
		encl_xcalloc(n, sizeof *sorted);
	json_t *annotations =
		json_pack("{s:s}", "org.opencontainers.image.created", created);
	encl_auto(json_decref) json_t *doc = NULL;
	json_t *list = json_array();

	memcpy(sorted, v, n * sizeof *v);
	qsort(sorted, n, sizeof *sorted, by_arch);
	for (size_t i = 0; i < n; i++) {
		json_t *d =
			encl_artifact_descriptor(ENCL_MEDIA_OCI_MANIFEST, sorted[i].text);

		json_object_set_new(d, "artifactType", json_string(ENCL_ARTIFACT_EIF));
		json_object_set_new(d, "platform",
				    json_pack("{s:s, s:s}", "architecture",
					      encl_oci_arch(sorted[i].arch), "os",
					      "linux"));
		json_array_append_new(list, d);
	}
	json_object_update(annotations, (json_t *)(uintptr_t)extra);
	doc = json_pack("{s:i, s:s, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType",
			ENCL_MEDIA_OCI_INDEX, "artifactType", ENCL_ARTIFACT_EIF,
			"manifests", list, "annotations", annotations);
	return encl_json_compact(doc);
}

int
encl_artifact_annotate(json_t *annotations, const char *text, struct encl_err *e)
{
	static const char *const ours[] = {"org.opencontainers.image.created",
					   "org.opencontainers.image.title",
					   "org.opencontainers.image.version"};
	const char *equals = strchr(text, '=');
	encl_auto(encl_free) char *key = NULL;
	json_t *value;

	if (!equals || equals == text)
		return encl_fail(e, ENCL_USAGE, "annotation \"%s\": write KEY=VALUE",
				 text);
	key = encl_xstrndup(text, (size_t)(equals - text));
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (!strcmp(key, ours[i]))
			return encl_fail(e, ENCL_USAGE,
					 "annotation %s: comes from the image", key);
	if (!strncmp(key, ENCL_ANNOTATION, strlen(ENCL_ANNOTATION)))
		return encl_fail(e, ENCL_USAGE,
				 "annotation %s: names of " ENCL_ANNOTATION
				 "* are enclavebuild's own",
				 key);
	if (json_object_get(annotations, key))
		return encl_fail(e, ENCL_USAGE, "annotation %s is given twice", key);
	value = json_string(equals + 1);
	if (!value || json_object_set_new(annotations, key, value))
		return encl_fail(e, ENCL_USAGE, "annotation \"%s\" is not UTF-8", text);
	return 0;
}
