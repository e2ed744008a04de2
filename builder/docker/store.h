/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write Docker's data root share. */
#ifndef ENCL_DOCKER_STORE_H
#define ENCL_DOCKER_STORE_H

#include "docker/image.h"

#define ENCL_DOCKER_IMAGE_STORE ENCL_DOCKER_STORE "/image/overlay2"

struct encl_docker_place {
	struct encl_tree *tree;
	uint64_t sde;
};

int encl_docker_add_text(const struct encl_docker_place *p, const char *folder,
			 const char *name, uint32_t mode, const char *text,
			 struct encl_err *e) ENCL_MUST_CHECK;

/* Layer `at` of an image, whose content holds so many bytes, in overlay2/ and
 * in image/overlay2/layerdb/. */
int encl_docker_add_layer(const struct encl_docker_place *p,
			  const struct encl_docker_opened *o, size_t at, uint64_t bytes,
			  struct encl_err *e) ENCL_MUST_CHECK;

#endif
