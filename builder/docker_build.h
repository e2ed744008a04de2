/* SPDX-License-Identifier: Apache-2.0 */
/* What the docker: section adds to a build. */
#ifndef ENCL_DOCKER_BUILD_H
#define ENCL_DOCKER_BUILD_H

#include "base/arena.h"
#include "docker/docker.h"
#include "units.h"

struct encl_docker_build {
	struct encl_docker_settings settings;
	struct encl_docker_images images;
	struct encl_arena *arena; /* texts of the units */
};
void encl_docker_build_clear(struct encl_docker_build *d);
ENCL_AUTO_VAL(struct encl_docker_build, encl_docker_build_clear);

/* The engine's layer as the kernel wants it: iptables, if the pin holds the
 * package, stands for the backend that it has.  *out refers to arena. */
void encl_docker_engine_layer(const struct encl_manifest *m,
			      const struct encl_docker_settings *s, const json_t *pin,
			      struct encl_arena *arena, struct encl_layer *out);

/*
 * After the layers: checks and trims the engine, puts the images and
 * /etc/docker/daemon.json into the tree.  lock: the whole lock; d->settings is
 * filled in with the storage that these images need.
 */
int encl_docker_build_install(struct encl_env *env, const struct encl_manifest *m,
			      const json_t *lock, const char *kernel_config,
			      struct encl_tree *tree, struct encl_docker_build *d,
			      struct encl_err *e) ENCL_MUST_CHECK;

/* Adds the daemon's unit, and one for each container in the manifest's order;
 * texts live in d. */
void encl_docker_build_units(const struct encl_manifest *m, struct encl_docker_build *d,
			     struct encl_units *units);

#endif
