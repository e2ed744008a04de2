/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI layouts and archives (image-spec image-layout.md): oci-layout,
 * index.json, then by digest.  A docker-archive of Docker 25 and newer is both
 * formats; its OCI index is preferred, since it pins more.
 */
#include "sources/image_open.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "sources/image_remote.h"

enum { MAX_INDEX_DEPTH = 3 };

struct opening {
	const struct encl_image_store *store;
	const struct encl_image_ref *ref;
	enum encl_arch arch;
	struct encl_image *out;
};

static int
check_layout(const struct encl_image_store *store, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	const char *version;

	if (encl_image_store_json(store, "oci-layout", &doc, NULL, e))
		return -1;
	if (!doc)
		return encl_fail(e, ENCL_FAILED,
				 "%s: not an OCI image layout: no oci-layout in it",
				 store->what);
	if (encl_json_str(doc, "imageLayoutVersion", "oci-layout", &version, e))
		return encl_wrap(e, "%s", store->what);
	if (strncmp(version, "1.", 2) != 0)
		return encl_fail(e, ENCL_FAILED,
				 "%s: imageLayoutVersion is not 1.0.0, the one that is "
				 "supported",
				 store->what);
	return 0;
}

static int
take_manifest(const struct opening *o, const struct encl_oci_descriptor *d,
	      const json_t *doc, struct encl_err *e)
{
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s: manifest %s", o->store->what, d->text);
	struct encl_oci_descriptor config;

	memcpy(o->out->manifest, d->text, sizeof d->text);
	if (encl_oci_manifest(doc, what, o->out, &config, e) ||
	    encl_image_remote_config(o->store, &config.digest, config.size, e) ||
	    encl_image_store_blob(o->store, &config.digest, config.size,
				  &o->out->config_doc, e))
		return -1;
	memcpy(o->out->config, config.text, sizeof config.text);
	o->out->config_file = encl_image_blob_name(&config.digest);
	encl_auto(encl_free) char *config_what =
		encl_xasprintf("%s: config %s", o->store->what, config.text);

	return encl_oci_config(o->out, o->arch, config_what, e);
}

/* Down from what d names, through indexes, to a manifest. */
static int
descend(const struct opening *o, struct encl_oci_descriptor d, struct encl_err *e)
{
	for (unsigned depth = 0; depth <= MAX_INDEX_DEPTH; depth++) {
		encl_auto(json_decref) json_t *doc = NULL;
		encl_auto(encl_free) char *what =
			encl_xasprintf("%s: %s", o->store->what, d.text);
		enum encl_oci_kind kind;
		bool found;

		if (encl_image_remote_manifest(o->store, &d.digest, e) ||
		    encl_image_store_blob(o->store, &d.digest, d.size, &doc, e) ||
		    encl_oci_check(doc, &d, what, &kind, e))
			return -1;
		if (kind == ENCL_OCI_MANIFEST)
			return take_manifest(o, &d, doc, e);
		memcpy(o->out->index, d.text, sizeof d.text);
		if (encl_oci_choose(doc, o->arch, NULL, false, what, &d, &found, e) ||
		    !found)
			return -1;
		d.media_type = NULL; /* it lived in doc; the kind is kept */
	}
	return encl_fail(e, ENCL_FAILED, "%s: indexes nested deeper than %d",
			 o->store->what, MAX_INDEX_DEPTH);
}

/*
 * containerd's annotation is a whole name; OCI's often is a tag alone, which
 * names no image outside of its layout.
 */
static void
take_name(const struct opening *o, const struct encl_oci_descriptor *d)
{
	const json_t *notes = json_object_get(d->doc, "annotations");
	const char *whole =
		json_string_value(json_object_get(notes, "io.containerd.image.name"));
	const char *ref = json_string_value(
		json_object_get(notes, "org.opencontainers.image.ref.name"));

	if (whole && *whole)
		encl_image_add_name(o->out, whole);
	else if (ref && strpbrk(ref, ":/"))
		encl_image_add_name(o->out, ref);
}

/* index.json has no digest; what it names is verified from there on.
 * found is false (and *e says why) where it does not have the image. */
static int
open_oci(const struct opening *o, bool *found, struct encl_err *e)
{
	encl_auto(json_decref) json_t *index = NULL;
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s: index.json", o->store->what);
	struct encl_oci_descriptor none = {.kind = ENCL_OCI_INDEX};
	struct encl_oci_descriptor d = {.size = UINT64_MAX};

	*found = true;
	if (check_layout(o->store, e))
		return -1;
	if (o->ref->digest) {
		if (!encl_digest_parse(o->ref->digest, &d.digest))
			return encl_fail(e, ENCL_USAGE, "%s: not a digest",
					 o->ref->digest);
		encl_digest_format(&d.digest, d.text);
		return descend(o, d, e);
	}
	if (encl_image_store_json(o->store, "index.json", &index, NULL, e))
		return -1;
	if (!index)
		return encl_fail(e, ENCL_FAILED, "%s is not there", what);
	if (encl_oci_check(index, &none, what, NULL, e) ||
	    encl_oci_choose(index, o->arch, o->ref->name, true, o->store->what, &d, found,
			    e))
		return -1;
	if (!*found)
		return 0;
	take_name(o, &d);
	return descend(o, d, e);
}

int
encl_image_open_digest(const struct encl_image_store *store,
		       const struct encl_digest *digest, enum encl_arch arch,
		       struct encl_image *out, struct encl_err *e)
{
	encl_auto(encl_image_clear) struct encl_image image = {0};
	const struct opening o = {store, NULL, arch, &image};
	struct encl_oci_descriptor d = {.digest = *digest, .size = UINT64_MAX};

	encl_digest_format(digest, d.text);
	if (descend(&o, d, e))
		return -1;
	*out = image;
	memset(&image, 0, sizeof image);
	return 0;
}

static int
has_file(const struct encl_image_store *store, const char *name, bool *has,
	 struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};

	if (encl_image_store_find(store, name, &f, e))
		return -1;
	*has = f.blob != NULL;
	return 0;
}

int
encl_image_open(const struct encl_image_store *store, const struct encl_image_ref *ref,
		enum encl_arch arch, struct encl_image *out, struct encl_err *e)
{
	encl_auto(encl_image_clear) struct encl_image image = {0};
	struct opening o = {store, ref, arch, &image};
	bool docker = ref->kind == ENCL_IMAGE_DOCKER_ARCHIVE;
	bool oci = true;
	bool old = false;
	bool found = false;

	if (docker && (has_file(store, "index.json", &oci, e) ||
		       has_file(store, "manifest.json", &old, e)))
		return -1;
	if (docker && ref->digest) /* an image's id, that of its config */
		oci = oci && !old;
	if (oci && open_oci(&o, &found, e))
		return -1;
	if (!found && docker && (old || !oci) &&
	    !(found = !encl_docker_archive_open(store, ref, arch, &image, e)))
		return -1;
	if (!found)
		return -1;
	*out = image;
	memset(&image, 0, sizeof image);
	return 0;
}
