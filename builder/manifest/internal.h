/* SPDX-License-Identifier: Apache-2.0 */
/* What decode.c and decode_value.c share. */
#ifndef ENCL_MANIFEST_INTERNAL_H
#define ENCL_MANIFEST_INTERNAL_H

#include "base/err.h"
#include "manifest/report.h"
#include "manifest/schema.h"
#include "manifest/yaml.h"

struct encl_arena;

/* Where decoding is; rendered as rootfs[1].archive.at only for a problem. */
struct encl_where {
	const struct encl_where *up; /* NULL at the top */
	const char *key;	     /* NULL: an element */
	size_t index;
};

struct encl_decoder {
	struct encl_arena *arena;
	struct encl_manifest_report *r;
};

/* Reports at pos; marks node (may be NULL) bad. */
void encl_decode_problem(struct encl_decoder *d, const struct encl_where *w,
			 struct encl_yaml_node *node, struct encl_pos pos,
			 const char *fmt, ...) ENCL_PRINTF(5, 6);

/*
 * All but MAP, MAPS and LATER: the value of a key into the field below base;
 * node NULL takes the default.
 */
void encl_decode_value(struct encl_decoder *d, const struct encl_key *k,
		       struct encl_yaml_node *node, void *base,
		       const struct encl_where *w);

/* A key of any type but LATER; node NULL takes the default, pos is the map's then. */
void encl_decode_key(struct encl_decoder *d, const struct encl_key *k,
		     struct encl_yaml_node *node, struct encl_pos pos, void *base,
		     const struct encl_where *w);

/* All keys of a map; node NULL: it is not given, its keys take their defaults. */
void encl_decode_map(struct encl_decoder *d, const struct encl_key *keys,
		     struct encl_yaml_node *node, struct encl_pos pos, void *base,
		     const struct encl_where *w);

/* What the table cannot say: both ways to write apt sources become one. */
void encl_decode_finish_layer(struct encl_decoder *d, struct encl_layer *l);

/* A signal by the one name it has; what is none stays. */
void encl_decode_finish_signal(struct encl_decoder *d, const char **signal);

/* decode_docker.c: texts into structs, names and ports into one spelling. */
void encl_decode_finish_docker(struct encl_decoder *d, struct encl_manifest *m);
void encl_decode_finish_container(struct encl_decoder *d,
				  const struct encl_docker *docker,
				  struct encl_container *c);

/* A node of the wanted kind, or a problem and false. */
bool encl_decode_is(struct encl_decoder *d, struct encl_yaml_node *node,
		    enum encl_yaml_kind kind, const struct encl_where *w);

/* The number of elements is in k->min..k->max, or a problem and false. */
bool encl_decode_count(struct encl_decoder *d, const struct encl_key *k,
		       struct encl_yaml_node *node, const struct encl_where *w);

#endif
