/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes -> structs by the table of keys; depth is the table's, not the file's. */
#include "manifest/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/parse.h"
#include "manifest/internal.h"

enum { MAX_LEVELS = 16 };

/* Keys that the file made up stand in quotes where they could mislead. */
static void
render_key(const char *key, struct encl_buf *b)
{
	size_t n = strlen(key);
	encl_auto(encl_free) char *q = encl_manifest_quote(key, n);

	if (n && n <= 64 &&
	    strspn(key,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		    n)
		encl_buf_add_fmt(b, "%s%s", b->len ? "." : "", key);
	else
		encl_buf_add_fmt(b, "%s%s", b->len ? "." : "", q);
}

static void
render(const struct encl_where *w, struct encl_buf *b)
{
	const struct encl_where *levels[MAX_LEVELS];
	size_t n = 0;

	for (; w && n < MAX_LEVELS; w = w->up)
		levels[n++] = w;
	while (n-- > 0) {
		if (levels[n]->key)
			render_key(levels[n]->key, b);
		else
			encl_buf_add_fmt(b, "[%zu]", levels[n]->index);
	}
}

void
encl_decode_problem(struct encl_decoder *d, const struct encl_where *w,
		    struct encl_yaml_node *node, struct encl_pos pos, const char *fmt,
		    ...)
{
	encl_auto(encl_buf_clear) struct encl_buf path;
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	encl_buf_init(&path, 4096);
	render(w, &path);
	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_manifest_report_add(d->r, pos, encl_buf_text(&path), "%s", text);
	if (node)
		node->bad = true;
}

static void
decode_maps(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	    void *base, const struct encl_where *w)
{
	char *items;
	size_t n = 0;

	if (!node || !encl_decode_is(d, node, ENCL_YAML_LIST, w) ||
	    !encl_decode_count(d, k, node, w))
		return;
	items = encl_arena_alloc(d->arena, node->n * k->item_size);
	for (struct encl_yaml_node *c = node->first; c; c = c->next) {
		struct encl_where at = {w, NULL, n};
		char *item = items + n++ * k->item_size;

		memcpy(item + k->item_pos - 1, &c->pos, sizeof c->pos);
		if (encl_decode_is(d, c, ENCL_YAML_MAP, &at))
			encl_decode_map(d, k->keys, c, c->pos, item, &at);
	}
	memcpy((char *)base + k->at, &items, sizeof items);
	memcpy((char *)base + k->count_at, &n, sizeof n);
}

void
encl_decode_key(struct encl_decoder *d, const struct encl_key *k,
		struct encl_yaml_node *node, struct encl_pos pos, void *base,
		const struct encl_where *w)
{
	char *inner = (char *)base + (k->type == ENCL_KEY_MAP ? k->at : 0);
	bool yes = true;

	if (node && k->chooses)
		memcpy((char *)base + k->chooses - 1, &k->choice, sizeof k->choice);
	if (node && k->given)
		memcpy(inner + k->given - 1, &yes, sizeof yes);
	if (k->pos)
		memcpy(inner + k->pos - 1, &pos, sizeof pos);
	if (k->type == ENCL_KEY_MAPS) {
		decode_maps(d, k, node, base, w);
	} else if (k->type == ENCL_KEY_MAP) {
		if (!node || encl_decode_is(d, node, ENCL_YAML_MAP, w))
			encl_decode_map(d, k->keys, node, pos, inner, w);
	} else if (k->keys && node && node->kind == ENCL_YAML_MAP) {
		if (k->map_choice)
			memcpy((char *)base + k->at, &k->map_choice,
			       sizeof k->map_choice);
		encl_decode_map(d, k->keys, node, pos, base, w);
	} else {
		encl_decode_value(d, k, node, base, w);
	}
}

/* "image", "archive" or "file" */
static char *
list_group(const struct encl_key *keys)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	const struct encl_key *last = NULL;
	size_t len;

	encl_buf_init(&b, 1024);
	for (; keys->name; keys++) {
		if (!(keys->flags & ENCL_KEY_ONE_OF))
			continue;
		if (last)
			encl_buf_add_fmt(&b, "%s\"%s\"", b.len ? ", " : "", last->name);
		last = keys;
	}
	encl_buf_add_fmt(&b, " or \"%s\"", last ? last->name : "");
	return (char *)encl_buf_steal(&b, &len);
}

/* Exactly one of the keys that exclude each other. */
static void
check_group(struct encl_decoder *d, const struct encl_key *keys,
	    struct encl_yaml_node *node, const struct encl_where *w)
{
	const struct encl_yaml_node *first = NULL;
	bool needed = false;

	for (const struct encl_key *k = keys; k->name; k++)
		needed = needed || (k->flags & ENCL_KEY_ONE_OF);
	for (struct encl_yaml_node *c = node->first; c; c = c->next) {
		const struct encl_key *k = encl_manifest_key(keys, c->key);
		struct encl_where at = {w, c->key, 0};

		if (!k || !(k->flags & ENCL_KEY_ONE_OF))
			continue;
		if (first)
			encl_decode_problem(
				d, &at, node, c->key_pos,
				"cannot stand beside \"%s\"; give one of them",
				first->key);
		else
			first = c;
	}
	if (!first && needed) {
		encl_auto(encl_free) char *names = list_group(keys);

		encl_decode_problem(d, w, node, node->pos, "needs one of %s", names);
	}
}

/* "image" or "package", from "image|package" */
static char *
list_needs(const char *words)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t len;

	encl_buf_init(&b, 256);
	while (*words) {
		size_t n = strcspn(words, "|");

		encl_buf_add_fmt(&b, "%s\"%.*s\"", b.len ? " or " : "", (int)n, words);
		words += n + (words[n] == '|');
	}
	return (char *)encl_buf_steal(&b, &len);
}

/* Is one of the words of "a|b" a key of the map? */
static bool
has_one(const struct encl_yaml_node *node, const char *words)
{
	for (const struct encl_yaml_node *c = node->first; c; c = c->next)
		if (encl_manifest_in_words(words, c->key))
			return true;
	return false;
}

static void
check_absent(struct encl_decoder *d, const struct encl_key *k,
	     struct encl_yaml_node *node, const struct encl_where *w)
{
	struct encl_where at = {w, k->name, 0};

	if ((k->flags & ENCL_KEY_REQUIRED) && k->words && !k->words[1])
		encl_decode_problem(d, &at, NULL, node->pos,
				    "required, but not there; write \"%s: %s\"", k->name,
				    k->words[0]);
	else if (k->flags & ENCL_KEY_REQUIRED)
		encl_decode_problem(d, &at, NULL, node->pos,
				    "required, but not there%s%s", k->way_out ? "; " : "",
				    k->way_out ? k->way_out : "");
	else if (k->needs_me && has_one(node, k->needs))
		encl_decode_problem(d, &at, NULL,
				    encl_manifest_yaml_get(node, k->needs)->key_pos,
				    "required beside \"%s\", but not there", k->needs);
}

static void
check_present(struct encl_decoder *d, const struct encl_key *k,
	      struct encl_yaml_node *node, struct encl_yaml_node *value,
	      const struct encl_where *w)
{
	if (k->needs && !has_one(node, k->needs)) {
		encl_auto(encl_free) char *names = list_needs(k->needs);

		encl_decode_problem(d, w, value, value->key_pos, "only goes with %s",
				    names);
	}
}

static void
check_unknown(struct encl_decoder *d, const struct encl_key *keys,
	      struct encl_yaml_node *node, const struct encl_where *w)
{
	for (struct encl_yaml_node *c = node->first; c; c = c->next) {
		struct encl_where at = {w, c->key, 0};
		const char *near;

		if (encl_manifest_key(keys, c->key))
			continue;
		near = encl_manifest_nearest(keys, c->key);
		encl_decode_problem(d, &at, c, c->key_pos, "unknown key%s%s%s",
				    near ? " (did you mean \"" : "", near ? near : "",
				    near ? "\"?)" : "");
	}
}

void
encl_decode_map(struct encl_decoder *d, const struct encl_key *keys,
		struct encl_yaml_node *node, struct encl_pos pos, void *base,
		const struct encl_where *w)
{
	for (const struct encl_key *k = keys; k->name; k++) {
		struct encl_yaml_node *value = encl_manifest_yaml_get(node, k->name);
		struct encl_where at = {w, k->name, 0};

		if (value && k->type == ENCL_KEY_LATER) {
			encl_decode_problem(d, &at, value, value->key_pos,
					    "not supported: %s", k->help);
			continue;
		}
		if (k->type == ENCL_KEY_LATER)
			continue;
		if (value)
			check_present(d, k, node, value, &at);
		else if (node)
			check_absent(d, k, node, w);
		/* alternatives share fields: one that is absent sets no defaults */
		if (value || !(k->flags & ENCL_KEY_ONE_OF))
			encl_decode_key(d, k, value, value ? value->pos : pos, base, &at);
	}
	if (node) {
		check_group(d, keys, node, w);
		check_unknown(d, keys, node, w);
	}
}

void
encl_decode_finish_layer(struct encl_decoder *d, struct encl_layer *l)
{
	struct encl_layer_packages *p = &l->packages;

	if (l->kind == ENCL_LAYER_PACKAGES && !p->n_sources) {
		p->sources = encl_arena_memdup(d->arena, &p->single, sizeof p->single);
		p->n_sources = 1;
	}
	if (l->kind != ENCL_LAYER_FILE)
		l->mode = (uint32_t)-1;
}

void
encl_decode_finish_signal(struct encl_decoder *d, const char **signal)
{
	unsigned number = *signal ? encl_parse_signal(*signal) : 0;
	char text[ENCL_SIGNAL_TEXT];

	if (!number)
		return;
	encl_format_signal_number(number, text);
	*signal = encl_arena_strdup(d->arena, text);
}

void
encl_manifest_decode(struct encl_yaml_node *root, struct encl_manifest *m,
		     struct encl_manifest_report *r)
{
	struct encl_decoder d = {m->arena, r};

	m->boot.level = -1;
	if (!encl_decode_is(&d, root, ENCL_YAML_MAP, NULL))
		return;
	encl_decode_map(&d, encl_manifest_keys, root, root->pos, m, NULL);
	for (size_t i = 0; i < m->n_layers; i++)
		encl_decode_finish_layer(&d, &m->layers[i]);
	for (size_t i = 0; i < m->n_services; i++)
		encl_decode_finish_signal(&d, &m->services[i].unit.stop_signal);
	if (m->docker.given)
		encl_decode_finish_docker(&d, m);
}
