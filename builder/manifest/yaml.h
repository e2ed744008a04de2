/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML file as a tree of nodes with positions.  Only what every reader of
 * YAML understands alike gets in: one document, no anchors, aliases, tags,
 * merge keys or directives, no key twice.  Scalars stay text.
 */
#ifndef ENCL_MANIFEST_YAML_H
#define ENCL_MANIFEST_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/manifest.h"

struct encl_arena;
struct encl_manifest_report;

enum {
	ENCL_YAML_MAX_FILE = 1024 * 1024,
	ENCL_YAML_MAX_DEPTH = 32,
	ENCL_YAML_MAX_NODES = 20000,
	ENCL_YAML_MAX_SCALAR = 256 * 1024
};

enum encl_yaml_kind { ENCL_YAML_TEXT, ENCL_YAML_LIST, ENCL_YAML_MAP };

struct encl_yaml_node {
	enum encl_yaml_kind kind;
	struct encl_pos pos;
	bool bad;	  /* a problem with this value was reported */
	bool plain;	  /* text without quotes and not a block */
	const char *text; /* never NULL for text */
	size_t len;	  /* no NUL within */
	const char *key;  /* in a map; else NULL */
	uint32_t key_hash;
	struct encl_pos key_pos;
	struct encl_yaml_node *first; /* of a list or map */
	struct encl_yaml_node *last;
	struct encl_yaml_node *next;
	size_t n;
};

/*
 * All nodes and texts live in the arena.  Problems go to r; NULL means that
 * there is no tree because of one of them.  text is at most
 * ENCL_YAML_MAX_FILE bytes (more is a problem).
 */
struct encl_yaml_node *encl_manifest_yaml_parse(const char *text, size_t n,
						struct encl_arena *arena,
						struct encl_manifest_report *r);

/* The value of a key, or NULL; NULL in is NULL out. */
struct encl_yaml_node *encl_manifest_yaml_get(const struct encl_yaml_node *map,
					      const char *key);

/* The i-th element, or NULL; NULL in is NULL out. */
struct encl_yaml_node *encl_manifest_yaml_at(const struct encl_yaml_node *list, size_t i);

#endif
