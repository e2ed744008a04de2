/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small texts of the docker section and of Compose files: ports, volumes,
 * sizes, durations, capabilities, command lines.
 */
#ifndef ENCL_MANIFEST_DOCKER_VALUE_H
#define ENCL_MANIFEST_DOCKER_VALUE_H

#include <stdint.h>

#include "base/arena.h"
#include "manifest/manifest.h"

/*
 * "[ADDRESS:]HOST:CONTAINER[/tcp|/udp]", "HOST:CONTAINER:OPTION",
 * "FOLDER[:OPTIONS]".  NULL, or what is wrong as it follows the quoted text;
 * strings of *out live in the arena.
 */
const char *encl_docker_port(struct encl_arena *arena, const char *text,
			     struct encl_publish *out);
const char *encl_docker_volume(struct encl_arena *arena, const char *text,
			       struct encl_mount *out);
const char *encl_docker_tmpfs(struct encl_arena *arena, const char *text,
			      struct encl_mount *out);

/* Their one spelling, in the arena. */
const char *encl_docker_port_text(struct encl_arena *arena, const struct encl_publish *p);
const char *encl_docker_mount_text(struct encl_arena *arena, const struct encl_mount *m);

/* Soft and hard limit of "1024", "1024:2048" or "-1". */
bool encl_docker_ulimit(const char *text, int64_t *soft, int64_t *hard);

/* "256m", "1.5g", "1048576" (bytes), "64MiB"; false where it is no size. */
bool encl_docker_size(const char *text, uint64_t *bytes);

/* "1m30s", "500ms", "1.5h"; false where it is none or not in whole milliseconds. */
bool encl_docker_duration(const char *text, uint64_t *ms);

/* The name without "CAP_" in capital letters, of the table; NULL: unknown. */
const char *encl_docker_capability(const char *text);
bool encl_docker_ulimit_name(const char *text);

/*
 * Words as the POSIX shell makes them of quotes and backslashes, without any
 * expansion.  NULL, or what is wrong.
 */
const char *encl_docker_words(struct encl_arena *arena, const char *text,
			      struct encl_strings *out);

#endif
