/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The several ways in which a Compose file writes a value -> the one way of
 * docker.containers.  New nodes keep the position of what they came from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "manifest/compose_internal.h"
#include "manifest/docker_value.h"

/* ---- nodes ---- */

static struct encl_yaml_node *
new_node(struct encl_compose *c, enum encl_yaml_kind kind, struct encl_pos pos)
{
	struct encl_yaml_node *node = encl_arena_alloc(c->d.arena, sizeof *node);

	node->kind = kind;
	node->pos = node->key_pos = pos;
	node->text = "";
	return node;
}

static struct encl_yaml_node *
new_text(struct encl_compose *c, const char *text, struct encl_pos pos)
{
	struct encl_yaml_node *node = new_node(c, ENCL_YAML_TEXT, pos);

	node->text = encl_arena_strdup(c->d.arena, text);
	node->len = strlen(text);
	return node;
}

static void
append(struct encl_yaml_node *list, struct encl_yaml_node *node)
{
	node->next = NULL;
	if (list->last)
		list->last->next = node;
	else
		list->first = node;
	list->last = node;
	list->n++;
}

static struct encl_yaml_node *
copy_of(struct encl_compose *c, const struct encl_yaml_node *node)
{
	return encl_arena_memdup(c->d.arena, node, sizeof *node);
}

static void
wrong_text(struct encl_compose *c, struct encl_yaml_node *node,
	   const struct encl_where *w, const char *what)
{
	encl_auto(encl_free) char *q = encl_manifest_quote(node->text, node->len);

	encl_decode_problem(&c->d, w, node, node->pos, "%s %s", q, what);
}

static struct encl_yaml_node *
child(const struct encl_yaml_node *map, const char *key)
{
	return encl_manifest_yaml_get(map, key);
}

/* Keys of a map outside "a|b|c" are problems; false where there was one. */
static bool
only(struct encl_compose *c, const struct encl_yaml_node *map, const char *words,
     const struct encl_where *w)
{
	bool ok = true;

	for (struct encl_yaml_node *k = map->first; k; k = k->next) {
		struct encl_where at = {w, k->key, 0};

		if (encl_manifest_in_words(words, k->key))
			continue;
		encl_decode_problem(&c->d, &at, k, k->key_pos,
				    "not supported; leave it out");
		ok = false;
	}
	return ok;
}

/* The text at map.key, or fallback; NULL after a problem. */
static const char *
text_of(struct encl_compose *c, const struct encl_yaml_node *map, const char *key,
	const char *fallback, const struct encl_where *w)
{
	struct encl_yaml_node *node = child(map, key);
	struct encl_where at = {w, key, 0};

	if (!node && fallback)
		return fallback;
	if (!node) {
		encl_decode_problem(&c->d, &at, NULL, map->pos,
				    "required, but not there");
		return NULL;
	}
	return encl_decode_is(&c->d, node, ENCL_YAML_TEXT, &at) ? node->text : NULL;
}

/* ---- command lines ---- */

struct encl_yaml_node *
encl_compose_words(struct encl_compose *c, struct encl_yaml_node *node,
		   const struct encl_where *w)
{
	struct encl_yaml_node *list;
	struct encl_strings words;
	const char *wrong;

	if (node->kind != ENCL_YAML_TEXT)
		return node;
	if (!encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	wrong = encl_docker_words(c->d.arena, node->text, &words);
	if (wrong) {
		wrong_text(c, node, w, wrong);
		return NULL;
	}
	list = new_node(c, ENCL_YAML_LIST, node->pos);
	for (size_t i = 0; i < words.n; i++)
		append(list, new_text(c, words.v[i], node->pos));
	return list;
}

/* [CMD, …], [CMD-SHELL, "…"] or a text for the shell. */
struct encl_yaml_node *
encl_compose_test(struct encl_compose *c, struct encl_yaml_node *node,
		  const struct encl_where *w)
{
	struct encl_yaml_node *list = new_node(c, ENCL_YAML_LIST, node->pos);
	const struct encl_yaml_node *first = encl_manifest_yaml_at(node, 0);
	const struct encl_yaml_node *line = node;

	if (node->kind == ENCL_YAML_TEXT &&
	    !encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	if (node->kind == ENCL_YAML_LIST && first && !strcmp(first->text, "CMD") &&
	    node->n > 1) {
		for (const struct encl_yaml_node *p = first->next; p; p = p->next)
			append(list, copy_of(c, p));
		return list;
	}
	if (node->kind == ENCL_YAML_LIST && first && !strcmp(first->text, "CMD-SHELL") &&
	    node->n == 2)
		line = first->next;
	if (line->kind != ENCL_YAML_TEXT) {
		encl_decode_problem(&c->d, w, node, node->pos,
				    "neither a text nor a list that begins with CMD, "
				    "CMD-SHELL or NONE");
		return NULL;
	}
	append(list, new_text(c, "/bin/sh", node->pos));
	append(list, new_text(c, "-c", node->pos));
	append(list, copy_of(c, line));
	return list;
}

/* ---- pairs ---- */

/* A list of "NAME<separator>VALUE" as a map; missing: what is wrong with no
 * separator, or NULL where the value is empty then. */
static struct encl_yaml_node *
pairs_of(struct encl_compose *c, struct encl_yaml_node *node, const char *separators,
	 const char *missing, const struct encl_where *w)
{
	struct encl_yaml_node *map = new_node(c, ENCL_YAML_MAP, node->pos);
	struct encl_where at = {w, NULL, 0};

	if (node->kind != ENCL_YAML_LIST)
		return node;
	for (struct encl_yaml_node *p = node->first; p; p = p->next, at.index++) {
		struct encl_yaml_node *pair;
		size_t n;

		if (!encl_decode_is(&c->d, p, ENCL_YAML_TEXT, &at))
			continue;
		n = strcspn(p->text, separators);
		if (!p->text[n] && missing) {
			wrong_text(c, p, &at, missing);
			continue;
		}
		pair = new_text(c, p->text + n + (p->text[n] != 0), p->pos);
		pair->key = encl_arena_strndup(c->d.arena, p->text, n);
		for (const struct encl_yaml_node *o = map->first; o; o = o->next)
			if (!strcmp(o->key, pair->key))
				pair->bad = true;
		if (pair->bad)
			wrong_text(c, p, &at, "gives a name that is there already");
		else
			append(map, pair);
	}
	return map;
}

struct encl_yaml_node *
encl_compose_environment(struct encl_compose *c, struct encl_yaml_node *node,
			 const struct encl_where *w)
{
	return pairs_of(c, node, "=",
			"has no value; it would come from the environment of whoever "
			"builds; write NAME=VALUE",
			w);
}

struct encl_yaml_node *
encl_compose_labels(struct encl_compose *c, struct encl_yaml_node *node,
		    const struct encl_where *w)
{
	return pairs_of(c, node, "=", NULL, w);
}

struct encl_yaml_node *
encl_compose_hosts(struct encl_compose *c, struct encl_yaml_node *node,
		   const struct encl_where *w)
{
	return pairs_of(c, node, "=:", "has no address; write NAME:ADDRESS", w);
}

/* ---- ports and volumes ---- */

struct encl_yaml_node *
encl_compose_list(struct encl_compose *c, struct encl_yaml_node *node,
		  const struct encl_where *w)
{
	struct encl_yaml_node *list = new_node(c, ENCL_YAML_LIST, node->pos);

	if (node->kind != ENCL_YAML_TEXT)
		return node;
	if (!encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	append(list, copy_of(c, node));
	return list;
}

/* {target, published, host_ip, protocol} as "ADDRESS:HOST:CONTAINER/PROTOCOL" */
static struct encl_yaml_node *
long_port(struct encl_compose *c, struct encl_yaml_node *node, const struct encl_where *w)
{
	bool ok = only(c, node, "target|published|host_ip|protocol", w);
	const char *target = text_of(c, node, "target", NULL, w);
	const char *published = text_of(c, node, "published", NULL, w);
	const char *address = text_of(c, node, "host_ip", "", w);
	const char *protocol = text_of(c, node, "protocol", "tcp", w);
	encl_auto(encl_free) char *text = NULL;
	bool six;

	if (!ok || !target || !published || !address || !protocol)
		return NULL;
	six = strchr(address, ':');
	text = encl_xasprintf("%s%s%s%s%s:%s/%s", six ? "[" : "", address, six ? "]" : "",
			      *address ? ":" : "", published, target, protocol);
	return new_text(c, text, node->pos);
}

/* {type, source, target, read_only} as "SOURCE:TARGET:ro" */
static struct encl_yaml_node *
long_volume(struct encl_compose *c, struct encl_yaml_node *node,
	    const struct encl_where *w)
{
	const char *type = text_of(c, node, "type", NULL, w);
	bool bind = type && !strcmp(type, "bind");
	struct encl_where at = {w, "type", 0};
	encl_auto(encl_free) char *text = NULL;
	const char *source, *target, *readonly;

	if (type && !bind && strcmp(type, "volume") != 0) {
		wrong_text(c, child(node, "type"), &at,
			   "is neither \"bind\" nor \"volume\"; a tmpfs stands under "
			   "tmpfs of the service, such as \"/cache:size=64m\"");
		return NULL;
	}
	if (!only(c, node, "type|source|target|read_only", w) || !type)
		return NULL;
	source = text_of(c, node, "source", "", w);
	target = text_of(c, node, "target", NULL, w);
	readonly = text_of(c, node, "read_only", "false", w);
	if (!source || !target || !readonly)
		return NULL;
	if ((bind && *source != '/') || (!bind && *source == '/') ||
	    (strcmp(readonly, "true") != 0 && strcmp(readonly, "false") != 0)) {
		encl_decode_problem(
			&c->d, w, node, node->pos,
			"a bind has an absolute source, a volume a name or none; "
			"read_only is true or false");
		return NULL;
	}
	text = encl_xasprintf("%s%s%s%s", source, *source ? ":" : "", target,
			      !strcmp(readonly, "true") ? ":ro" : "");
	return new_text(c, text, node->pos);
}

typedef struct encl_yaml_node *long_form(struct encl_compose *c,
					 struct encl_yaml_node *node,
					 const struct encl_where *w);

/* A list whose maps are the long form of a text. */
static struct encl_yaml_node *
shorten(struct encl_compose *c, struct encl_yaml_node *node, long_form *form,
	const struct encl_where *w)
{
	struct encl_yaml_node *list = new_node(c, ENCL_YAML_LIST, node->pos);
	struct encl_where at = {w, NULL, 0};

	if (node->kind != ENCL_YAML_LIST)
		return node;
	for (struct encl_yaml_node *p = node->first; p; p = p->next, at.index++) {
		struct encl_yaml_node *text =
			p->kind == ENCL_YAML_MAP ? form(c, p, &at) : NULL;

		if (!text) {
			text = copy_of(c, p); /* keeps its place in the list */
			text->bad = text->bad || p->kind == ENCL_YAML_MAP;
		}
		append(list, text);
	}
	return list;
}

struct encl_yaml_node *
encl_compose_ports(struct encl_compose *c, struct encl_yaml_node *node,
		   const struct encl_where *w)
{
	return shorten(c, node, long_port, w);
}

/* Named volumes have to be declared, as Compose wants it. */
struct encl_yaml_node *
encl_compose_volumes(struct encl_compose *c, struct encl_yaml_node *node,
		     const struct encl_where *w)
{
	struct encl_yaml_node *list = shorten(c, node, long_volume, w);
	struct encl_where at = {w, NULL, 0};

	if (list->kind != ENCL_YAML_LIST)
		return list;
	for (struct encl_yaml_node *p = list->first; p; p = p->next, at.index++) {
		struct encl_mount m;

		if (p->bad || p->kind != ENCL_YAML_TEXT ||
		    encl_docker_volume(c->d.arena, p->text, &m) ||
		    m.kind != ENCL_MOUNT_VOLUME || !*m.source ||
		    child(c->volumes, m.source))
			continue;
		encl_decode_problem(
			&c->d, &at, p, p->pos,
			"volume \"%s\" is not declared; write \"volumes: {%s: "
			"{}}\" at the top level",
			m.source, m.source);
	}
	return list;
}

/* ---- the rest ---- */

static const char *
condition_of(const char *text)
{
	static const char *const words[][2] = {
		{"service_started", "started"},
		{"service_healthy", "healthy"},
		{"service_completed_successfully", "completed"},
	};

	for (size_t i = 0; text && i < sizeof words / sizeof *words; i++)
		if (!strcmp(words[i][0], text))
			return words[i][1];
	return NULL;
}

static struct encl_yaml_node *
dependency(struct encl_compose *c, const char *service, const char *condition,
	   struct encl_pos pos)
{
	struct encl_yaml_node *text = new_text(c, condition, pos);

	text->key = encl_compose_name(c, service);
	return text;
}

static void
long_dependency(struct encl_compose *c, struct encl_yaml_node *node,
		struct encl_yaml_node *out, const struct encl_where *w)
{
	const char *text, *condition;
	struct encl_where at = {w, "condition", 0};

	if (!encl_decode_is(&c->d, node, ENCL_YAML_MAP, w) ||
	    !only(c, node, "condition", w))
		return;
	text = text_of(c, node, "condition", NULL, w);
	condition = condition_of(text);
	if (condition)
		append(out, dependency(c, node->key, condition, node->key_pos));
	else if (text)
		wrong_text(c, child(node, "condition"), &at,
			   "is not \"service_started\", \"service_healthy\" or "
			   "\"service_completed_successfully\"");
}

struct encl_yaml_node *
encl_compose_depends(struct encl_compose *c, struct encl_yaml_node *node,
		     const struct encl_where *w)
{
	struct encl_yaml_node *map = new_node(c, ENCL_YAML_MAP, node->pos);
	struct encl_where at = {w, NULL, 0};

	if (node->kind == ENCL_YAML_TEXT)
		return node;
	for (struct encl_yaml_node *p = node->first; p; p = p->next, at.index++) {
		at.key = p->key;
		if (node->kind == ENCL_YAML_MAP)
			long_dependency(c, p, map, &at);
		else if (encl_decode_is(&c->d, p, ENCL_YAML_TEXT, &at))
			append(map, dependency(c, p->text, "started", p->pos));
	}
	return map;
}

/* {nofile: {soft: 1, hard: 2}} as {nofile: "1:2"} */
struct encl_yaml_node *
encl_compose_ulimits(struct encl_compose *c, struct encl_yaml_node *node,
		     const struct encl_where *w)
{
	struct encl_yaml_node *map = new_node(c, ENCL_YAML_MAP, node->pos);

	if (node->kind != ENCL_YAML_MAP)
		return node;
	for (struct encl_yaml_node *p = node->first; p; p = p->next) {
		struct encl_where at = {w, p->key, 0};
		encl_auto(encl_free) char *text = NULL;
		struct encl_yaml_node *limit = copy_of(c, p);
		const char *soft = NULL;
		const char *hard = NULL;

		if (p->kind == ENCL_YAML_MAP && only(c, p, "soft|hard", &at)) {
			soft = text_of(c, p, "soft", NULL, &at);
			hard = text_of(c, p, "hard", NULL, &at);
		}
		if (soft && hard) {
			text = encl_xasprintf("%s:%s", soft, hard);
			limit = new_text(c, text, p->pos);
			limit->key = p->key;
			limit->key_pos = p->key_pos;
		} else {
			limit->bad = limit->bad || p->kind == ENCL_YAML_MAP;
		}
		append(map, limit);
	}
	return map;
}

struct encl_yaml_node *
encl_compose_memory(struct encl_compose *c, struct encl_yaml_node *node,
		    const struct encl_where *w)
{
	enum { MIB = 1 << 20 };
	char text[32];
	uint64_t bytes;

	if (!encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	if (!encl_docker_size(node->text, &bytes) || bytes % MIB) {
		wrong_text(c, node, w, "is not a size in whole MiB, such as \"256m\"");
		return NULL;
	}
	if (bytes / MIB < 6) {
		wrong_text(c, node, w, "is less than Docker's minimum, 6m");
		return NULL;
	}
	snprintf(text, sizeof text, "%" PRIu64, bytes / MIB);
	return new_text(c, text, node->pos);
}

struct encl_yaml_node *
encl_compose_seconds(struct encl_compose *c, struct encl_yaml_node *node,
		     const struct encl_where *w)
{
	encl_auto(encl_free) char *text = NULL;
	uint64_t ms;

	if (!encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	if (!encl_docker_duration(node->text, &ms)) {
		wrong_text(c, node, w,
			   "is not a duration such as \"1m30s\" or \"500ms\"");
		return NULL;
	}
	text = encl_manifest_decimal(ms);
	return new_text(c, text, node->pos);
}

/* no, always, on-failure[:N], unless-stopped: nobody stops it by hand here. */
struct encl_yaml_node *
encl_compose_restart(struct encl_compose *c, struct encl_yaml_node *node,
		     const struct encl_where *w)
{
	if (!encl_decode_is(&c->d, node, ENCL_YAML_TEXT, w))
		return NULL;
	if (!strncmp(node->text, "on-failure:", 11))
		return new_text(c, "on-failure", node->pos);
	if (!strcmp(node->text, "unless-stopped"))
		return new_text(c, "always", node->pos);
	if (!strcmp(node->text, "no") || !strcmp(node->text, "always") ||
	    !strcmp(node->text, "on-failure"))
		return node;
	wrong_text(c, node, w,
		   "is not \"no\", \"always\", \"on-failure[:N]\" or \"unless-stopped\"");
	return NULL;
}
