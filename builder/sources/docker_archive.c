/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker save as it was before Docker 25, and as podman and skopeo write it:
 * manifest.json = [{Config, RepoTags, Layers}], names of files in the archive.
 * Layers have no digest of their own; the DiffIDs of the config cover them.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "sources/image_open.h"

enum { MAX_IMAGES = 1000, LIST_CAP = 600 };

static const char *
tag_at(const json_t *image, size_t i)
{
	return json_string_value(json_array_get(json_object_get(image, "RepoTags"), i));
}

static bool
has_tag(const json_t *image, const char *name)
{
	for (size_t i = 0; i < json_array_size(json_object_get(image, "RepoTags")); i++)
		if (tag_at(image, i) && encl_image_name_equal(tag_at(image, i), name))
			return true;
	return false;
}

static void
list_tags(const json_t *list, struct encl_buf *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *tag = tag_at(json_array_get(list, i), 0);
		encl_auto(encl_free) char *safe = encl_escape(
			tag ? tag : "(untagged)", strlen(tag ? tag : "(untagged)"));

		if (out->len + strlen(safe) + 8 <= LIST_CAP)
			encl_buf_add_fmt(out, "%s%s", i ? ", " : "", safe);
	}
}

int
encl_docker_archive_choose(const json_t *list, const char *name, const char *what,
			   const json_t **out, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf tags = {.cap = LIST_CAP};
	const json_t *found = NULL;

	if (!json_is_array(list) || json_array_size(list) > MAX_IMAGES)
		return encl_fail(e, ENCL_FAILED,
				 "%s: manifest.json: not a list of at most %d images",
				 what, MAX_IMAGES);
	list_tags(list, &tags);
	if (!json_array_size(list))
		return encl_fail(e, ENCL_FAILED, "%s: holds no image", what);
	if (!name && json_array_size(list) > 1)
		return encl_fail(e, ENCL_FAILED,
				 "%s: holds several images; name one of %s after a colon",
				 what, encl_buf_text(&tags));
	for (size_t i = 0; i < json_array_size(list) && !found; i++)
		if (!name || has_tag(json_array_get(list, i), name))
			found = json_array_get(list, i);
	if (!found)
		return encl_fail(e, ENCL_FAILED, "%s: no image \"%s\"; it has %s", what,
				 name, encl_buf_text(&tags));
	*out = found;
	return 0;
}

/* A name in the archive: it must not matter what lies outside of it. */
static int
check_name(const char *name, const char *what, struct encl_err *e)
{
	bool bad = *name == '/' || !*name;

	for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
		bad = bad || (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'));
	if (!bad)
		return 0;
	encl_auto(encl_free) char *safe = encl_escape(name, strlen(name));

	safe[strlen(safe) < 200 ? strlen(safe) : 200] = 0;
	return encl_fail(e, ENCL_FAILED, "%s: manifest.json: \"%s\" leaves the archive",
			 what, safe);
}

/* "<hex>.json" and "blobs/sha256/<hex>" promise a digest. */
static int
check_config_name(const char *name, const char *digest, const char *what,
		  struct encl_err *e)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;
	size_t n = strspn(base, "0123456789abcdef");

	if (n != 64 || (base[n] && strcmp(base + n, ".json") != 0))
		return 0;
	if (!strncmp(base, strchr(digest, ':') + 1, 64))
		return 0;
	return encl_fail(e, ENCL_FAILED, "%s: %s: digest mismatch: its bytes have %s",
			 what, name, digest);
}

static int
take_config(const struct encl_image_store *store, const char *name,
	    struct encl_image *out, struct encl_err *e)
{
	struct encl_digest d;

	if (check_name(name, store->what, e) ||
	    encl_image_store_json(store, name, &out->config_doc, &d, e))
		return -1;
	if (!out->config_doc)
		return encl_fail(e, ENCL_FAILED, "%s: config %s is not there",
				 store->what, name);
	encl_digest_format(&d, out->config);
	out->config_file = encl_xstrdup(name);
	return check_config_name(name, out->config, store->what, e);
}

static int
take_layers(const struct encl_image_store *store, const json_t *layers,
	    struct encl_image *out, struct encl_err *e)
{
	if (json_array_size(layers) > ENCL_IMAGE_MAX_LAYERS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d layers", store->what,
				 ENCL_IMAGE_MAX_LAYERS);
	out->layers = encl_xcalloc(json_array_size(layers) + 1, sizeof *out->layers);
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const char *name = json_string_value(json_array_get(layers, i));

		if (!name)
			return encl_fail(e, ENCL_FAILED,
					 "%s: manifest.json: Layers[%zu] is not a string",
					 store->what, i);
		if (check_name(name, store->what, e))
			return -1;
		out->layers[i].file = encl_xstrdup(name);
		out->n_layers = i + 1;
	}
	return 0;
}

/* By id: the image whose config has this digest. */
static int
open_entry(const struct encl_image_store *store, const json_t *entry, enum encl_arch arch,
	   struct encl_image *out, struct encl_err *e)
{
	encl_auto(encl_free) char *what = NULL;
	const char *config;
	json_t *layers;

	if (encl_json_str(entry, "Config", "manifest.json", &config, e) ||
	    encl_json_array(entry, "Layers", "manifest.json", &layers, e))
		return encl_wrap(e, "%s", store->what);
	if (take_config(store, config, out, e) || take_layers(store, layers, out, e))
		return -1;
	for (size_t i = 0; i < json_array_size(json_object_get(entry, "RepoTags")); i++)
		if (tag_at(entry, i))
			encl_image_add_name(out, tag_at(entry, i));
	what = encl_xasprintf("%s: config %s", store->what, out->config);
	return encl_oci_config(out, arch, what, e);
}

static int
open_by_id(const struct encl_image_store *store, const json_t *list, const char *id,
	   enum encl_arch arch, struct encl_image *out, struct encl_err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		encl_auto(encl_image_clear) struct encl_image one = {0};
		const char *config;

		if (encl_json_str(entry, "Config", "manifest.json", &config, e))
			return encl_wrap(e, "%s", store->what);
		if (take_config(store, config, &one, e))
			return -1;
		if (!strcmp(one.config, id))
			return open_entry(store, entry, arch, out, e);
	}
	return encl_fail(e, ENCL_FAILED, "%s: no image with the id %s", store->what, id);
}

int
encl_docker_archive_open(const struct encl_image_store *store,
			 const struct encl_image_ref *ref, enum encl_arch arch,
			 struct encl_image *out, struct encl_err *e)
{
	encl_auto(json_decref) json_t *list = NULL;
	const json_t *entry = NULL;

	if (encl_image_store_json(store, "manifest.json", &list, NULL, e))
		return -1;
	if (!list)
		return encl_fail(e, ENCL_FAILED,
				 "%s: not a docker-archive: no manifest.json in it",
				 store->what);
	if (ref->digest && json_is_array(list))
		return open_by_id(store, list, ref->digest, arch, out, e);
	if (encl_docker_archive_choose(list, ref->name, store->what, &entry, e))
		return -1;
	return open_entry(store, entry, arch, out, e);
}
