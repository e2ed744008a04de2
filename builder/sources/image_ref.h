/* SPDX-License-Identifier: Apache-2.0 */
/* Where a local image is: oci:DIR, oci-archive:FILE, docker-archive:FILE. */
#ifndef ENCL_SOURCES_IMAGE_REF_H
#define ENCL_SOURCES_IMAGE_REF_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"

enum encl_image_kind {
	ENCL_IMAGE_OCI,
	ENCL_IMAGE_OCI_ARCHIVE,
	ENCL_IMAGE_DOCKER_ARCHIVE
};

struct encl_image_ref {
	enum encl_image_kind kind;
	char *path;
	char *name;   /* after the second colon: tag, or repository:tag; or NULL */
	char *digest; /* "sha256:…" after an @; or NULL */
};
/* The path ends at the first colon or "@sha256:"/"@sha512:". */
int encl_image_ref_parse(const char *text, struct encl_image_ref *out,
			 struct encl_err *e) ENCL_MUST_CHECK;
void encl_image_ref_clear(struct encl_image_ref *r);
ENCL_AUTO_VAL(struct encl_image_ref, encl_image_ref_clear);

/* "oci", "oci-archive", "docker-archive" */
const char *encl_image_kind_name(enum encl_image_kind kind);

/* Two names of an image as docker reads them: "redis" is
 * "docker.io/library/redis:latest". */
bool encl_image_name_equal(const char *a, const char *b);

#endif
