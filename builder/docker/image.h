/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this stage that put images into the tree share. */
#ifndef ENCL_DOCKER_IMAGE_H
#define ENCL_DOCKER_IMAGE_H

#include "base/buf.h"
#include "docker/docker.h"
#include "sources/image_source.h"

/* Docker's own limit for the layers of an image. */
enum { ENCL_DOCKER_MAX_LAYERS = 125 };

/* One image, open: of a source, or of layers that are one tree by now. */
struct encl_docker_opened {
	char *what;			 /* for errors */
	struct encl_image_source source; /* store.what NULL: made here */
	struct encl_tree *made;
	char *config; /* verbatim */
	size_t config_size;
	json_t *config_doc;
	struct encl_digest id;
	struct encl_digest *diff_ids; /* SHA-256 */
	struct encl_digest *chain_ids;
	size_t n_layers;
	uint64_t made_size; /* of the one layer's tar */
};
int encl_docker_open(struct encl_env *env, const struct encl_manifest *m,
		     const struct encl_docker_image *image, const json_t *pin,
		     struct encl_docker_opened *out, struct encl_err *e) ENCL_MUST_CHECK;
void encl_docker_opened_clear(struct encl_docker_opened *o);
ENCL_AUTO_VAL(struct encl_docker_opened, encl_docker_opened_clear);

/* made.c: the tree of image->layers, its tar's DiffID, and a config. */
int encl_docker_make(struct encl_env *env, const struct encl_manifest *m,
		     const struct encl_docker_image *image, const json_t *pin,
		     struct encl_docker_opened *o, struct encl_err *e) ENCL_MUST_CHECK;

/* "sha256:…" without its first 7 bytes, in text of ENCL_DIGEST_TEXT. */
const char *encl_docker_hex(const struct encl_digest *d, char *text);

/*
 * A name as Docker shows it, malloc'ed: docker.io/library/ left out, ":latest"
 * filled in.  ENCL_USAGE for what is no name (or one with a digest).
 */
int encl_docker_name(const char *text, char **out, struct encl_err *e) ENCL_MUST_CHECK;

/* A folder and a small file of the tool's own, between begin and end. */
int encl_docker_add_folder(struct encl_tree *t, const char *path, uint32_t mode,
			   uint64_t sde, struct encl_err *e) ENCL_MUST_CHECK;
int encl_docker_add_file(struct encl_tree *t, const char *path, uint32_t mode,
			 uint64_t sde, const void *data, size_t n,
			 struct encl_err *e) ENCL_MUST_CHECK;
int encl_docker_add_link(struct encl_tree *t, const char *path, const char *target,
			 uint64_t sde, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What collects images: a data root (store.c) or an archive (archive.c).  add
 * adds the bytes of layers that were not there yet to *bytes, those of all to
 * loaded->bytes.
 */
struct encl_docker_collector {
	int (*add)(struct encl_docker_collector *c, struct encl_docker_opened *o,
		   struct encl_docker_loaded *loaded, uint64_t *bytes,
		   struct encl_err *e);
	int (*finish)(struct encl_docker_collector *c, struct encl_err *e);
	void (*free)(struct encl_docker_collector *c);
};
struct encl_docker_collector *encl_docker_store_new(struct encl_env *env,
						    const struct encl_manifest *m,
						    struct encl_tree *tree);
struct encl_docker_collector *encl_docker_archive_new(struct encl_env *env,
						      const struct encl_manifest *m,
						      struct encl_tree *tree);

#endif
