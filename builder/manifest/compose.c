/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compose file -> docker.containers: the nodes of each key are turned into what
 * the same key of the manifest takes, and the table of keys does the rest.
 */
#include "manifest/compose.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/stream.h"
#include "manifest/compose_internal.h"
#include "manifest/schema_rows.h"

enum { MAX_SERVICES = 64 };

/* ---- variables ---- */

/* "$$" is a dollar sign; what would come from the builder's environment is
 * refused.  The text is changed in place. */
static void
interpolate(struct encl_compose *c, struct encl_yaml_node *node,
	    const struct encl_where *w)
{
	char *out = encl_arena_strdup(c->d.arena, node->text);
	const char *in = node->text;
	size_t n = 0;

	while (*in) {
		if (*in == '$' && in[1] != '$') {
			size_t len = in[1] == '{' ? strcspn(in, "}") + 1
						  : strcspn(in + 1, " \t\n\"'/:") + 1;
			encl_auto(encl_free) char *q =
				encl_manifest_quote(in, strnlen(in, len));

			encl_decode_problem(
				&c->d, w, node, node->pos,
				"%s would come from the environment of whoever builds; "
				"write the value out, or $$ for a dollar sign",
				q);
			return;
		}
		in += *in == '$';
		out[n++] = *in++;
	}
	out[n] = 0;
	node->text = out;
	node->len = n;
}

/* Names the file in every position, and sees to variables. */
static void
prepare(struct encl_compose *c, struct encl_yaml_node *node, const char *file,
	const struct encl_where *w, unsigned depth)
{
	struct encl_where at = {w, NULL, 0};

	node->pos.file = node->key_pos.file = file;
	if (node->kind == ENCL_YAML_TEXT && strchr(node->text, '$'))
		interpolate(c, node, w);
	if (depth == ENCL_YAML_MAX_DEPTH)
		return;
	for (struct encl_yaml_node *child = node->first; child; child = child->next) {
		at.key = child->key;
		prepare(c, child, file, &at, depth + 1);
		at.index++;
	}
}

/* ---- services ---- */

const char *
encl_compose_name(const struct encl_compose *c, const char *service)
{
	const struct encl_yaml_node *name = encl_manifest_yaml_get(
		encl_manifest_yaml_get(c->services, service), "container_name");

	return name && name->kind == ENCL_YAML_TEXT && name->len ? name->text : service;
}

/* One key's value into the container, by the manifest's table. */
static void
take(struct encl_compose *c, const struct encl_key *keys,
     const struct encl_compose_row *row, struct encl_yaml_node *node,
     struct encl_container *out, const struct encl_where *w)
{
	const struct encl_key *k = encl_manifest_key(keys, row->key);

	if (!node->bad && row->turn)
		node = row->turn(c, node, w);
	if (node)
		encl_decode_key(&c->d, k, node, node->pos, out, w);
}

/* Docker's own defaults hold for what a Compose file leaves out. */
static void
take_health(struct encl_compose *c, struct encl_yaml_node *node,
	    struct encl_container *out, const struct encl_where *w)
{
	struct encl_health *h = &out->unit.health;

	h->pos = node->pos;
	h->interval_ms = h->timeout_ms = 30000;
	if (!encl_decode_is(&c->d, node, ENCL_YAML_MAP, w))
		return;
	for (struct encl_yaml_node *k = node->first; k; k = k->next) {
		struct encl_where at = {w, k->key, 0};
		const struct encl_compose_row *row =
			encl_compose_find(c, encl_compose_health_rows, k, &at);
		const struct encl_yaml_node *first = encl_manifest_yaml_at(k, 0);

		if (row && !strcmp(k->key, "test") && first && k->n == 1 &&
		    !strcmp(first->text, "NONE"))
			out->no_health = true;
		else if (row)
			take(c, encl_manifest_container_health_keys, row, k, out, &at);
	}
	if (out->no_health && h->kind != ENCL_HEALTH_NONE)
		encl_decode_problem(&c->d, w, node, node->pos,
				    "\"disable\" cannot stand beside \"test\"");
	else if (!out->no_health && h->kind == ENCL_HEALTH_NONE &&
		 !encl_manifest_yaml_get(node, "test"))
		encl_decode_problem(&c->d, w, node, node->pos,
				    "needs \"test\" or \"disable: true\"");
}

/* "on-failure:3" */
static void
take_restart_max(struct encl_compose *c, struct encl_yaml_node *node,
		 struct encl_container *out, const struct encl_where *w)
{
	const char *colon = node->kind == ENCL_YAML_TEXT ? strchr(node->text, ':') : NULL;
	struct encl_yaml_node *number;

	if (!colon || node->bad)
		return;
	number = encl_arena_memdup(c->d.arena, node, sizeof *node);
	number->text = colon + 1;
	number->len = strlen(colon + 1);
	number->plain = false;
	encl_decode_key(&c->d,
			encl_manifest_key(encl_manifest_container_keys, "restartMax"),
			number, number->pos, out, w);
}

/* The name is a key of the file, or container_name; then both lead to it. */
static void
take_name(struct encl_compose *c, const struct encl_yaml_node *service,
	  struct encl_container *out, const struct encl_where *w)
{
	const char *name = encl_compose_name(c, service->key);
	struct encl_yaml_node *text = encl_arena_alloc(c->d.arena, sizeof *text);

	text->text = service->key;
	text->len = strlen(service->key);
	text->pos = service->key_pos;
	encl_decode_key(&c->d, encl_manifest_key(encl_manifest_container_keys, "name"),
			text, text->pos, out, w);
	if (!strcmp(name, service->key) || text->bad)
		return;
	out->aliases.v = encl_arena_alloc(c->d.arena, sizeof *out->aliases.v);
	out->aliases.v[out->aliases.n++] = service->key;
}

static void
take_service(struct encl_compose *c, struct encl_yaml_node *service,
	     struct encl_container *out, const struct encl_where *w)
{
	encl_decode_map(&c->d, encl_manifest_container_keys, NULL, service->pos, out, w);
	out->unit.pos = service->key_pos;
	out->image_pos = service->key_pos;
	out->service = service;
	take_name(c, service, out, w);
	if (!encl_decode_is(&c->d, service, ENCL_YAML_MAP, w))
		return;
	for (struct encl_yaml_node *k = service->first; k; k = k->next) {
		struct encl_where at = {w, k->key, 0};
		const struct encl_compose_row *row =
			encl_compose_find(c, encl_compose_service_rows, k, &at);

		if (!row)
			continue;
		if (!strcmp(k->key, "healthcheck")) {
			take_health(c, k, out, &at);
			continue;
		}
		take(c, encl_manifest_container_keys, row, k, out, &at);
		if (!strcmp(k->key, "restart"))
			take_restart_max(c, k, out, &at);
	}
	if (!encl_manifest_yaml_get(service, "image")) {
		struct encl_where at = {w, "image", 0};

		encl_decode_problem(&c->d, &at, NULL, service->key_pos,
				    "required, but not there");
	}
	encl_decode_finish_container(&c->d, &c->m->docker, out);
}

static void
take_services(struct encl_compose *c, struct encl_yaml_node *node,
	      const struct encl_where *w)
{
	struct encl_docker *docker = &c->m->docker;
	struct encl_container *list;
	size_t n = 0;

	if (!encl_decode_is(&c->d, node, ENCL_YAML_MAP, w))
		return;
	if (!node->n || node->n > MAX_SERVICES) {
		encl_decode_problem(&c->d, w, node, node->pos, "%s",
				    node->n ? "more than 64 services"
					    : "the map is empty");
		return;
	}
	list = encl_arena_alloc(c->d.arena, node->n * sizeof *list);
	for (struct encl_yaml_node *s = node->first; s; s = s->next) {
		struct encl_where at = {w, s->key, 0};

		take_service(c, s, &list[n++], &at);
	}
	docker->containers = list;
	docker->n_containers = n;
}

/* ---- the file ---- */

/* Volumes are only named here: memory of the enclave has no drivers. */
static void
check_volumes(struct encl_compose *c, struct encl_yaml_node *node,
	      const struct encl_where *w)
{
	if (!encl_decode_is(&c->d, node, ENCL_YAML_MAP, w))
		return;
	for (struct encl_yaml_node *v = node->first; v; v = v->next) {
		struct encl_where at = {w, v->key, 0};

		if ((v->kind == ENCL_YAML_TEXT && v->plain && !v->len) ||
		    (v->kind == ENCL_YAML_MAP && !v->n))
			continue;
		encl_decode_problem(
			&c->d, &at, v, v->pos,
			"not supported: a volume is memory of the enclave and "
			"has no settings; leave them out");
	}
}

static void
take_top(struct encl_compose *c, struct encl_yaml_node *node, const struct encl_where *w)
{
	static const struct encl_compose_row rows[] = {
		{"services", "", NULL, NULL},
		{"version", "", NULL, NULL},
		{"name", "", NULL, NULL},
		{"volumes", "", NULL, NULL},
		{"networks", NULL, NULL,
		 "all containers share one network; leave it out"},
		{"configs", NULL, NULL,
		 "put the file into the image, or bind a folder of the enclave"},
		{"secrets", NULL, NULL,
		 "put the file into the image, or bind a folder of the enclave"},
		{"include", NULL, NULL, "write the services into this file"},
		{"models", NULL, NULL, "leave it out"},
		{NULL, NULL, NULL, NULL},
	};

	if (!encl_compose_find(c, rows, node, w))
		return;
	if (!strcmp(node->key, "services"))
		take_services(c, node, w);
	else if (!strcmp(node->key, "volumes"))
		check_volumes(c, node, w);
	else
		/* says nothing about what runs */
		(void)encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w);
}

void
encl_manifest_compose_parse(const char *text, size_t n, const char *file,
			    struct encl_manifest *m, struct encl_manifest_report *r)
{
	struct encl_compose c = {.d = {m->arena, r}, .m = m};
	struct encl_yaml_node *root;

	file = encl_arena_strdup(m->arena, file);
	r->file = file;
	root = encl_manifest_yaml_parse(text, n, m->arena, r);
	if (root)
		prepare(&c, root, file, NULL, 0);
	if (root && encl_decode_is(&c.d, root, ENCL_YAML_MAP, NULL)) {
		struct encl_where at = {NULL, "services", 0};

		c.services = encl_manifest_yaml_get(root, "services");
		c.volumes = encl_manifest_yaml_get(root, "volumes");
		if (!c.services)
			encl_decode_problem(&c.d, &at, NULL, root->pos,
					    "required, but not there");
		for (struct encl_yaml_node *k = root->first; k; k = k->next) {
			struct encl_where key = {NULL, k->key, 0};

			take_top(&c, k, &key);
		}
	}
	r->file = NULL;
}

void
encl_manifest_compose(struct encl_manifest *m, struct encl_manifest_report *r)
{
	encl_auto(encl_free) char *path = encl_manifest_path(m, m->docker.compose);
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e = {.code = ENCL_OK};
	size_t n;

	if (encl_read_file(path, ENCL_YAML_MAX_FILE, &text, &n, &e)) {
		encl_manifest_report_add(r, m->docker.compose_pos, "docker.compose", "%s",
					 e.msg);
		return;
	}
	encl_manifest_compose_parse(text, n, path, m, r);
}
