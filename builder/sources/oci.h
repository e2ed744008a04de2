/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON documents of an image (image-spec 1.1: descriptor, index, manifest,
 * config; Docker's schema 2 alike), checked and reduced to what is used.
 */
#ifndef ENCL_SOURCES_OCI_H
#define ENCL_SOURCES_OCI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "manifest/manifest.h"

enum encl_oci_kind { ENCL_OCI_OTHER, ENCL_OCI_INDEX, ENCL_OCI_MANIFEST };

struct encl_oci_descriptor {
	enum encl_oci_kind kind;
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];
	uint64_t size;
	const char *media_type; /* borrowed from the document */
	const json_t *doc;	/* the descriptor itself; borrowed */
};
/* ENCL_FAILED also for Docker's schema 1, by its name. */
int encl_oci_descriptor(const json_t *v, const char *what,
			struct encl_oci_descriptor *out,
			struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The document is of the kind that its descriptor says (kind OTHER: of the
 * kind that it says itself): mediaType, schemaVersion, and not an index and a
 * manifest at once (CVE-2021-41190).  *kind (may be NULL) gets its kind.
 */
int encl_oci_check(const json_t *doc, const struct encl_oci_descriptor *from,
		   const char *what, enum encl_oci_kind *kind,
		   struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The manifest or index to take out of an index: of the architecture (no
 * platform counts as any), no attestation, no artifact.  name (or NULL): with
 * this tag or image name.  top: more than one choice is an error that lists
 * them; else the first one is taken.  found is false where there is none;
 * *e then says so (ENCL_FAILED) although 0 is returned.
 */
int encl_oci_choose(const json_t *index, enum encl_arch arch, const char *name, bool top,
		    const char *what, struct encl_oci_descriptor *out, bool *found,
		    struct encl_err *e) ENCL_MUST_CHECK;

enum { ENCL_IMAGE_MAX_LAYERS = 1000 };

struct encl_image_layer {
	bool has_digest; /* of the stored bytes; not in Docker's old format */
	struct encl_digest digest;
	uint64_t size; /* of the stored bytes; with has_digest */
	struct encl_digest diff_id;
	char *media_type; /* or NULL */
	char *file;	  /* name in the store */
};
struct encl_image {
	char index[ENCL_DIGEST_TEXT];	 /* "" where there is none */
	char manifest[ENCL_DIGEST_TEXT]; /* "" in Docker's old format */
	char config[ENCL_DIGEST_TEXT];
	json_t *config_doc;
	char *config_file; /* name in the store */
	char **names;	   /* that the source gives it, as they stand there */
	size_t n_names;
	struct encl_image_layer *layers;
	size_t n_layers;
};
void encl_image_clear(struct encl_image *i);
ENCL_AUTO_VAL(struct encl_image, encl_image_clear);

/* Layers out of a manifest; *config is where its config is. */
int encl_oci_manifest(const json_t *doc, const char *what, struct encl_image *out,
		      struct encl_oci_descriptor *config,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* DiffIDs out of image->config_doc, one a layer; os and architecture checked. */
int encl_oci_config(struct encl_image *image, enum encl_arch arch, const char *what,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* Keeps a name that the source gives the image. */
void encl_image_add_name(struct encl_image *image, const char *name);

/* "amd64", "arm64" */
const char *encl_oci_arch(enum encl_arch arch);

#endif
