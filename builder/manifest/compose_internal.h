/* SPDX-License-Identifier: Apache-2.0 */
/* What compose.c, compose_keys.c and compose_value.c share. */
#ifndef ENCL_MANIFEST_COMPOSE_INTERNAL_H
#define ENCL_MANIFEST_COMPOSE_INTERNAL_H

#include "manifest/internal.h"
#include "manifest/manifest.h"

struct encl_compose {
	struct encl_decoder d;
	struct encl_manifest *m;
	const struct encl_yaml_node *services;
	const struct encl_yaml_node *volumes; /* top level, or NULL */
};

/*
 * The value of a Compose key as the value of a key of docker.containers: the
 * node itself, a new one in the arena, or NULL where a problem was reported.
 */
typedef struct encl_yaml_node *encl_compose_turn(struct encl_compose *c,
						 struct encl_yaml_node *node,
						 const struct encl_where *w);

struct encl_compose_row {
	const char *name;	 /* NULL ends a table */
	const char *key;	 /* of docker.containers; NULL: refused */
	encl_compose_turn *turn; /* NULL: the same value */
	const char *why;	 /* refused: why, and what to do */
};
extern const struct encl_compose_row encl_compose_service_rows[];
extern const struct encl_compose_row encl_compose_health_rows[];

/* The row, or NULL after reporting the key as refused or unknown. */
const struct encl_compose_row *encl_compose_find(struct encl_compose *c,
						 const struct encl_compose_row *rows,
						 struct encl_yaml_node *node,
						 const struct encl_where *w);

/* The name of the container that a service becomes. */
const char *encl_compose_name(const struct encl_compose *c, const char *service);

encl_compose_turn encl_compose_words, encl_compose_environment, encl_compose_labels,
	encl_compose_hosts, encl_compose_ports, encl_compose_volumes, encl_compose_list,
	encl_compose_depends, encl_compose_ulimits, encl_compose_memory,
	encl_compose_seconds, encl_compose_restart, encl_compose_test;

#endif
