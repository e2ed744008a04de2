/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an image, in a folder, in an archive or in the cache, by their
 * names. */
#ifndef ENCL_SOURCES_IMAGE_STORE_H
#define ENCL_SOURCES_IMAGE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "manifest/manifest.h"
#include "sources/entry.h"
#include "sources/image_ref.h"
#include "sources/tar_index.h"

enum { ENCL_IMAGE_JSON_MAX = 4 * 1024 * 1024 };

struct encl_image_store {
	const char *what;	      /* path as in the manifest; borrowed */
	int dirfd;		      /* folder; -1 otherwise */
	struct encl_blob *archive;    /* plain tar; or NULL */
	struct encl_tar_index *index; /* of archive */
	/* neither: blobs of the cache, which come from this repository */
	struct encl_env *env;
	const struct encl_reference *where; /* borrowed; NULL for a local image */
};
/* Of a local image.  A compressed archive is made plain in the cache first. */
int encl_image_store_open(struct encl_env *env, const struct encl_manifest *m,
			  const struct encl_image_ref *ref, struct encl_image_store *out,
			  struct encl_err *e) ENCL_MUST_CHECK;
/* The tar in fd (taken over). */
int encl_image_store_of_tar(int own_fd, uint64_t size, const char *what,
			    struct encl_image_store *out,
			    struct encl_err *e) ENCL_MUST_CHECK;
void encl_image_store_clear(struct encl_image_store *s);
ENCL_AUTO_VAL(struct encl_image_store, encl_image_store_clear);

/* A file: size bytes at offset of blob (a reference; NULL: it is not there).
 * name has no ".." and does not begin with "/"; a symbolic link in a folder is
 * refused. */
struct encl_image_file {
	struct encl_blob *blob;
	uint64_t offset;
	uint64_t size;
};
int encl_image_store_find(const struct encl_image_store *s, const char *name,
			  struct encl_image_file *out,
			  struct encl_err *e) ENCL_MUST_CHECK;
void encl_image_file_clear(struct encl_image_file *f);
ENCL_AUTO_VAL(struct encl_image_file, encl_image_file_clear);

/* A file of at most ENCL_IMAGE_JSON_MAX bytes (malloc'ed, with a NUL that does
 * not count); *text is NULL where it is not there. */
int encl_image_store_text(const struct encl_image_store *s, const char *name, char **text,
			  size_t *n, struct encl_err *e) ENCL_MUST_CHECK;

/* A JSON document of at most ENCL_IMAGE_JSON_MAX bytes; *out is NULL where it
 * is not there.  digest (may be NULL) gets its SHA-256. */
int encl_image_store_json(const struct encl_image_store *s, const char *name,
			  json_t **out, struct encl_digest *digest,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* The same for a blob, verified by its digest and (unless UINT64_MAX) size. */
int encl_image_store_blob(const struct encl_image_store *s, const struct encl_digest *d,
			  uint64_t size, json_t **out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* "blobs/sha256/<hex>"; malloc'ed. */
char *encl_image_blob_name(const struct encl_digest *d);

#endif
