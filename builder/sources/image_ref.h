/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image is: oci:DIR, oci-archive:FILE, docker-archive:FILE,
 * docker-daemon:NAME, or else a registry's HOST/NAME[:TAG][@DIGEST].
 */
#ifndef ENCL_SOURCES_IMAGE_REF_H
#define ENCL_SOURCES_IMAGE_REF_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "registry/reference.h"

enum encl_image_kind {
	ENCL_IMAGE_OCI,
	ENCL_IMAGE_OCI_ARCHIVE,
	ENCL_IMAGE_DOCKER_ARCHIVE,
	ENCL_IMAGE_DOCKER_DAEMON,
	ENCL_IMAGE_REGISTRY
};

struct encl_image_ref {
	enum encl_image_kind kind;
	char *path;   /* of a daemon: the name; of a registry: the whole reference */
	char *name;   /* after the second colon: tag, or repository:tag; or NULL */
	char *digest; /* "sha256:…" after an @; or NULL */
	struct encl_reference *reference; /* of a registry; digest is its too */
};
/* A path ends at the first colon or "@sha256:"/"@sha512:". */
int encl_image_ref_parse(const char *text, struct encl_image_ref *out,
			 struct encl_err *e) ENCL_MUST_CHECK;
void encl_image_ref_clear(struct encl_image_ref *r);
ENCL_AUTO_VAL(struct encl_image_ref, encl_image_ref_clear);

/* "oci", "oci-archive", "docker-archive", "docker-daemon", "registry" */
const char *encl_image_kind_name(enum encl_image_kind kind);

/* Two names of an image as docker reads them: "redis" is
 * "docker.io/library/redis:latest". */
bool encl_image_name_equal(const char *a, const char *b);

#endif
