/* SPDX-License-Identifier: Apache-2.0 */
/* Images of this machine's Docker daemon. */
#ifndef ENCL_SOURCES_IMAGE_DAEMON_H
#define ENCL_SOURCES_IMAGE_DAEMON_H

#include <jansson.h>

#include "base/env.h"
#include "sources/image_ref.h"
#include "sources/image_store.h"
#include "sources/oci.h"

/*
 * Saves the image by the daemon's API (DOCKER_HOST, else
 * unix:///var/run/docker.sock) into the cache and opens it.  With a pin (or
 * NULL), the daemon is asked only where the cache lacks the image with that
 * config.  *store borrows ref.
 */
int encl_image_daemon_open(struct encl_env *env, const struct encl_image_ref *ref,
			   const json_t *pin, enum encl_arch arch,
			   struct encl_image_store *store, struct encl_image *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

#endif
