/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's configuration file, from what settings.c chose. */
#ifndef ENCL_DOCKER_DAEMON_H
#define ENCL_DOCKER_DAEMON_H

#include <jansson.h>

#include "docker/docker.h"

/* "dns" (new reference); NULL: what /etc/resolv.conf says, by Docker's rules. */
json_t *encl_docker_dns(const struct encl_manifest *m, bool bridge);

/* The whole of daemon.json, keys in byte order (new reference). */
json_t *encl_docker_daemon(const struct encl_manifest *m,
			   const struct encl_docker_settings *s);

#endif
