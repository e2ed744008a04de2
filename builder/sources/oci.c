/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, manifests and configs of images. */
#include "sources/oci.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "sources/image_store.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

static const struct {
	const char *media_type;
	enum encl_oci_kind kind;
} documents[] = {
	{OCI "index.v1+json", ENCL_OCI_INDEX},
	{DOCKER "distribution.manifest.list.v2+json", ENCL_OCI_INDEX},
	{OCI "manifest.v1+json", ENCL_OCI_MANIFEST},
	{DOCKER "distribution.manifest.v2+json", ENCL_OCI_MANIFEST},
};

/* How the bytes are compressed is told by their magic, not by the name. */
static const char *const layer_types[] = {
	OCI "layer.v1.tar",
	OCI "layer.v1.tar+gzip",
	OCI "layer.v1.tar+zstd",
	DOCKER "image.rootfs.diff.tar",
	DOCKER "image.rootfs.diff.tar.gzip",
	DOCKER "image.rootfs.diff.tar.zstd",
};

const char *
encl_oci_arch(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? "amd64" : "arm64";
}

/* Names of a document are shown as they are only where they are harmless. */
static int
fail_named(struct encl_err *e, const char *what, const char *format, const char *name)
{
	encl_auto(encl_free) char *safe = encl_escape(name, strlen(name));

	safe[strlen(safe) < 200 ? strlen(safe) : 200] = 0;
	return encl_fail(e, ENCL_FAILED, "%s: %s \"%s\"", what, format, safe);
}

static enum encl_oci_kind
kind_of(const char *media_type)
{
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
		if (!strcmp(documents[i].media_type, media_type))
			return documents[i].kind;
	return ENCL_OCI_OTHER;
}

int
encl_oci_descriptor(const json_t *v, const char *what, struct encl_oci_descriptor *out,
		    struct encl_err *e)
{
	struct encl_oci_descriptor d = {0};
	const char *digest;

	if (encl_json_str(v, "mediaType", what, &d.media_type, e) ||
	    encl_json_str(v, "digest", what, &digest, e) ||
	    encl_json_u64(v, "size", what, &d.size, e))
		return -1;
	if (strstr(d.media_type, "distribution.manifest.v1+"))
		return encl_fail(e, ENCL_FAILED,
				 "%s: Docker image manifest schema 1 is not supported; "
				 "pull and save the image with a current tool",
				 what);
	if (!encl_digest_parse(digest, &d.digest))
		return fail_named(e, what, "not a sha256 or sha512 digest:", digest);
	encl_digest_format(&d.digest, d.text);
	d.kind = kind_of(d.media_type);
	d.doc = v;
	*out = d;
	return 0;
}

static int
check_schema(const json_t *doc, const char *what, struct encl_err *e)
{
	uint64_t version;

	if (!json_is_object(doc))
		return encl_fail(e, ENCL_FAILED, "%s: not a JSON object", what);
	if (encl_json_u64(doc, "schemaVersion", what, &version, e))
		return -1;
	if (version == 1)
		return encl_fail(e, ENCL_FAILED,
				 "%s: Docker image manifest schema 1 is not supported; "
				 "pull and save the image with a current tool",
				 what);
	if (version != 2)
		return encl_fail(e, ENCL_FAILED, "%s: schemaVersion is not 2", what);
	if (json_object_get(doc, "manifests") && json_object_get(doc, "layers"))
		return encl_fail(e, ENCL_FAILED,
				 "%s: is an index and a manifest at once; refused", what);
	return 0;
}

int
encl_oci_check(const json_t *doc, const struct encl_oci_descriptor *from,
	       const char *what, enum encl_oci_kind *kind, struct encl_err *e)
{
	const json_t *own = json_object_get(doc, "mediaType");
	enum encl_oci_kind is =
		json_object_get(doc, "manifests") ? ENCL_OCI_INDEX : ENCL_OCI_MANIFEST;

	if (check_schema(doc, what, e))
		return -1;
	if (own &&
	    (!json_is_string(own) ||
	     (from->media_type && strcmp(json_string_value(own), from->media_type) != 0)))
		return encl_fail(
			e, ENCL_FAILED,
			"%s: its mediaType is not the one that it is referred to by",
			what);
	if (own && kind_of(json_string_value(own)) == ENCL_OCI_OTHER)
		return fail_named(e, what,
				  "not a container image:", json_string_value(own));
	if ((own && kind_of(json_string_value(own)) != is) ||
	    (from->kind != ENCL_OCI_OTHER && from->kind != is))
		return encl_fail(e, ENCL_FAILED,
				 "%s: its content is not of its mediaType", what);
	if (kind)
		*kind = is;
	return 0;
}

static bool
is_config_type(const char *media_type)
{
	return !strcmp(media_type, OCI "config.v1+json") ||
	       !strcmp(media_type, DOCKER "container.image.v1+json");
}

static int
check_layer_type(const char *media_type, const char *what, struct encl_err *e)
{
	for (size_t i = 0; i < sizeof layer_types / sizeof *layer_types; i++)
		if (!strcmp(media_type, layer_types[i]))
			return 0;
	if (strstr(media_type, "nondistributable") || strstr(media_type, "foreign"))
		return fail_named(e, what,
				  "foreign layers are not supported:", media_type);
	return fail_named(e, what, "unsupported type of layer:", media_type);
}

static int
take_layer(const json_t *v, const char *what, struct encl_image_layer *out,
	   struct encl_err *e)
{
	struct encl_oci_descriptor d = {.media_type = ""};

	if (encl_oci_descriptor(v, what, &d, e) ||
	    check_layer_type(d.media_type, what, e))
		return -1;
	out->has_digest = true;
	out->digest = d.digest;
	out->size = d.size;
	out->media_type = encl_xstrdup(d.media_type);
	out->file = encl_image_blob_name(&d.digest);
	return 0;
}

int
encl_oci_manifest(const json_t *doc, const char *what, struct encl_image *out,
		  struct encl_oci_descriptor *config, struct encl_err *e)
{
	encl_auto(encl_free) char *config_what = encl_xasprintf("%s: config", what);
	json_t *layers = NULL;
	json_t *v = NULL;

	if (encl_json_object(doc, "config", what, &v, e) ||
	    encl_oci_descriptor(v, config_what, config, e))
		return -1;
	if (!is_config_type(config->media_type))
		return fail_named(e, what, "not a container image, its config is",
				  config->media_type);
	if (encl_json_array(doc, "layers", what, &layers, e))
		return -1;
	if (json_array_size(layers) > ENCL_IMAGE_MAX_LAYERS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d layers", what,
				 ENCL_IMAGE_MAX_LAYERS);
	out->layers = encl_xcalloc(json_array_size(layers) + 1, sizeof *out->layers);
	for (size_t i = 0; i < json_array_size(layers); i++) {
		encl_auto(encl_free) char *at =
			encl_xasprintf("%s: layers[%zu]", what, i);

		out->n_layers = i + 1;
		if (take_layer(json_array_get(layers, i), at, &out->layers[i], e))
			return -1;
	}
	return 0;
}

static int
check_platform(const json_t *config, enum encl_arch arch, const char *what,
	       struct encl_err *e)
{
	const json_t *os = json_object_get(config, "os");
	const char *architecture;

	if (encl_json_str(config, "architecture", what, &architecture, e))
		return -1;
	if (os && (!json_is_string(os) || strcmp(json_string_value(os), "linux") != 0))
		return encl_fail(e, ENCL_FAILED, "%s: the image is not for linux", what);
	if (!strcmp(architecture, encl_oci_arch(arch)))
		return 0;
	encl_auto(encl_free) char *safe = encl_escape(architecture, strlen(architecture));

	safe[strlen(safe) < 40 ? strlen(safe) : 40] = 0;
	return encl_fail(e, ENCL_FAILED,
			 "%s: the image is for linux/%s, but arch is %s (linux/%s)", what,
			 safe, encl_arch_name(arch), encl_oci_arch(arch));
}

int
encl_oci_config(struct encl_image *image, enum encl_arch arch, const char *what,
		struct encl_err *e)
{
	json_t *rootfs;
	json_t *ids;

	if (!json_is_object(image->config_doc))
		return encl_fail(e, ENCL_FAILED, "%s: not a JSON object", what);
	if (check_platform(image->config_doc, arch, what, e) ||
	    encl_json_object(image->config_doc, "rootfs", what, &rootfs, e) ||
	    encl_json_array(rootfs, "diff_ids", what, &ids, e))
		return -1;
	if (json_array_size(ids) != image->n_layers)
		return encl_fail(e, ENCL_FAILED, "%s: %zu diff_ids for %zu layers", what,
				 json_array_size(ids), image->n_layers);
	for (size_t i = 0; i < image->n_layers; i++) {
		const json_t *v = json_array_get(ids, i);

		if (!json_is_string(v) ||
		    strlen(json_string_value(v)) != json_string_length(v) ||
		    !encl_digest_parse(json_string_value(v), &image->layers[i].diff_id))
			return encl_fail(e, ENCL_FAILED,
					 "%s: diff_ids[%zu] is not a sha256 or sha512 "
					 "digest",
					 what, i);
	}
	return 0;
}

void
encl_image_add_name(struct encl_image *image, const char *name)
{
	image->names =
		encl_xrealloc(image->names, image->n_names + 1, sizeof *image->names);
	image->names[image->n_names++] = encl_xstrdup(name);
}

void
encl_image_clear(struct encl_image *i)
{
	for (size_t n = 0; n < i->n_names; n++)
		free(i->names[n]);
	free(i->names);
	free(i->config_file);
	for (size_t n = 0; n < i->n_layers; n++) {
		free(i->layers[n].media_type);
		free(i->layers[n].file);
	}
	free(i->layers);
	json_decref(i->config_doc);
	memset(i, 0, sizeof *i);
}
