/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's programs in the image. */
#ifndef ENCL_DOCKER_ENGINE_H
#define ENCL_DOCKER_ENGINE_H

#include "docker/docker.h"

/*
 * After all layers: checks that dockerd finds what it runs (ENCL_USAGE with
 * every program that is missing and its package), and that iptables is of the
 * backend that s names; removes what an enclave has
 * no use for (without engine.cli also docker and ctr; what rootfs brings by
 * directory, file or image stays), makes /etc/docker, /var/lib/docker and,
 * where the image has none, an os-release.
 */
int encl_docker_engine_trim(const struct encl_manifest *m,
			    const struct encl_docker_settings *s, struct encl_tree *tree,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
