/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENCL_DOCKER_MATCH_H
#define ENCL_DOCKER_MATCH_H
#include "docker/docker.h"
int encl_docker_match_images(const struct encl_manifest *m,
			     const struct encl_docker_images *loaded,
			     struct encl_err *e) ENCL_MUST_CHECK;
#endif
