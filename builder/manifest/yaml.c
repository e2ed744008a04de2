/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml events -> nodes with line:column, under limits and without recursion. */
#include "manifest/yaml.h"

#include <string.h>

#include <yaml.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "manifest/report.h"
#include "manifest/text.h"

/* An open list or map.  In a map, a key is read before each value. */
struct frame {
	struct encl_yaml_node *node;
	const char *key;
	struct encl_pos key_pos;
	bool have_key;
	bool drop; /* the value of this key is read, but not kept */
};

struct reader {
	struct encl_arena *arena;
	struct encl_manifest_report *r;
	struct encl_yaml_node *root;
	struct frame stack[ENCL_YAML_MAX_DEPTH];
	unsigned depth;
	unsigned nodes;
	unsigned documents;
	bool stop;
};

ENCL_AUTO_VAL(yaml_parser_t, yaml_parser_delete);
ENCL_AUTO_VAL(yaml_event_t, yaml_event_delete);

static struct encl_pos
pos_of(yaml_mark_t mark)
{
	return (struct encl_pos){.line = (unsigned)mark.line + 1,
				 .column = (unsigned)mark.column + 1};
}

static uint32_t
hash_of(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

static struct encl_yaml_node *
find(const struct encl_yaml_node *map, const char *key, uint32_t hash)
{
	for (struct encl_yaml_node *c = map->first; c; c = c->next)
		if (c->key_hash == hash && !strcmp(c->key, key))
			return c;
	return NULL;
}

struct encl_yaml_node *
encl_manifest_yaml_get(const struct encl_yaml_node *map, const char *key)
{
	if (!map || map->kind != ENCL_YAML_MAP)
		return NULL;
	return find(map, key, hash_of(key));
}

struct encl_yaml_node *
encl_manifest_yaml_at(const struct encl_yaml_node *list, size_t i)
{
	struct encl_yaml_node *c;

	if (!list || list->kind != ENCL_YAML_LIST)
		return NULL;
	for (c = list->first; c && i > 0; i--)
		c = c->next;
	return c;
}

static void
stop(struct reader *rd, struct encl_pos pos, const char *what, unsigned max)
{
	encl_manifest_report_add(rd->r, pos, "", "more than %u %s", max, what);
	rd->stop = true;
}

/* Puts a node where the file has it: root, list element or value of a key. */
static void
attach(struct reader *rd, struct encl_yaml_node *node)
{
	struct frame *f = rd->depth ? &rd->stack[rd->depth - 1] : NULL;

	if (!f || !f->node) {
		rd->root = node;
		return;
	}
	if (f->node->kind == ENCL_YAML_MAP) {
		if (!f->have_key) {
			encl_manifest_report_add(rd->r, node->pos, "",
						 "a key must be text");
			f->have_key = f->drop = true;
			return;
		}
		f->have_key = false;
		if (f->drop)
			return;
		node->key = f->key;
		node->key_hash = hash_of(f->key);
		node->key_pos = f->key_pos;
	}
	if (f->node->last)
		f->node->last->next = node;
	else
		f->node->first = node;
	f->node->last = node;
	f->node->n++;
}

static struct encl_yaml_node *
add(struct reader *rd, enum encl_yaml_kind kind, const yaml_event_t *ev)
{
	struct encl_yaml_node *node = encl_arena_alloc(rd->arena, sizeof *node);

	node->kind = kind;
	node->pos = pos_of(ev->start_mark);
	node->text = "";
	attach(rd, node);
	return node;
}

/* Anchors and tags are refused; the value itself is still looked at. */
static void
refuse_properties(struct reader *rd, const yaml_event_t *ev, const yaml_char_t *anchor,
		  const yaml_char_t *tag)
{
	struct encl_pos pos = pos_of(ev->start_mark);

	if (anchor)
		encl_manifest_report_add(
			rd->r, pos, "",
			"anchors (&%.64s) are not allowed; write the value out",
			(const char *)anchor);
	if (tag) {
		encl_auto(encl_free) char *q =
			encl_manifest_quote((const char *)tag, strlen((const char *)tag));

		encl_manifest_report_add(
			rd->r, pos, "",
			"tags (%s) are not allowed; the key decides the type", q);
	}
}

static void
take_key(struct reader *rd, struct frame *f, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	struct encl_pos pos = pos_of(ev->start_mark);
	const struct encl_yaml_node *first;

	f->have_key = true;
	f->drop = false;
	f->key_pos = pos;
	f->key = encl_arena_strndup(rd->arena, text, ev->data.scalar.length);
	if (!strcmp(f->key, "<<") && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		encl_manifest_report_add(
			rd->r, pos, "",
			"merge keys (<<) are not allowed; write the keys out");
		f->drop = true;
		return;
	}
	first = find(f->node, f->key, hash_of(f->key));
	if (first || strlen(f->key) != ev->data.scalar.length) {
		encl_auto(encl_free) char *q =
			encl_manifest_quote(text, ev->data.scalar.length);

		f->drop = true;
		if (!first)
			encl_manifest_report_add(rd->r, pos, "",
						 "key %s contains a NUL character", q);
		else
			encl_manifest_report_add(
				rd->r, pos, "",
				"key %s is given twice; it is already at line %u", q,
				first->key_pos.line);
	}
}

static void
on_scalar(struct reader *rd, const yaml_event_t *ev)
{
	struct frame *f = rd->depth ? &rd->stack[rd->depth - 1] : NULL;
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct encl_yaml_node *node;

	refuse_properties(rd, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
	if (f && f->node && f->node->kind == ENCL_YAML_MAP && !f->have_key) {
		take_key(rd, f, ev);
		return;
	}
	node = add(rd, ENCL_YAML_TEXT, ev);
	node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (len > ENCL_YAML_MAX_SCALAR) {
		encl_manifest_report_add(rd->r, node->pos, "",
					 "a value longer than %d bytes",
					 ENCL_YAML_MAX_SCALAR);
		node->bad = true;
		return;
	}
	if (memchr(text, 0, len)) {
		encl_manifest_report_add(rd->r, node->pos, "",
					 "a value contains a NUL character");
		node->bad = true;
		return;
	}
	node->text = encl_arena_strndup(rd->arena, text, len);
	node->len = len;
}

static void
on_open(struct reader *rd, enum encl_yaml_kind kind, const yaml_event_t *ev)
{
	struct encl_yaml_node *node;

	if (rd->depth == ENCL_YAML_MAX_DEPTH) {
		stop(rd, pos_of(ev->start_mark), "levels of nesting",
		     ENCL_YAML_MAX_DEPTH);
		return;
	}
	node = add(rd, kind, ev);
	rd->stack[rd->depth++] = (struct frame){.node = node};
}

static void
on_alias(struct reader *rd, const yaml_event_t *ev)
{
	encl_manifest_report_add(rd->r, pos_of(ev->start_mark), "",
				 "aliases (*%.64s) are not allowed; write the value out",
				 (const char *)ev->data.alias.anchor);
	add(rd, ENCL_YAML_TEXT, ev)->bad = true;
}

static void
on_document(struct reader *rd, const yaml_event_t *ev)
{
	struct encl_pos pos = pos_of(ev->start_mark);

	if (ev->data.document_start.version_directive ||
	    ev->data.document_start.tag_directives.start !=
		    ev->data.document_start.tag_directives.end)
		encl_manifest_report_add(
			rd->r, pos, "",
			"directives (%%) are not allowed; leave them out");
	if (++rd->documents > 1) {
		encl_manifest_report_add(rd->r, pos, "",
					 "a second document; one file is one manifest");
		rd->stop = true;
	}
}

static void
on_event(struct reader *rd, const yaml_event_t *ev)
{
	bool is_node = ev->type == YAML_SCALAR_EVENT || ev->type == YAML_ALIAS_EVENT ||
		       ev->type == YAML_SEQUENCE_START_EVENT ||
		       ev->type == YAML_MAPPING_START_EVENT;

	if (is_node && ++rd->nodes > ENCL_YAML_MAX_NODES) {
		stop(rd, pos_of(ev->start_mark), "keys and values", ENCL_YAML_MAX_NODES);
		return;
	}
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		on_document(rd, ev);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(rd, ev);
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(rd, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		refuse_properties(rd, ev, ev->data.sequence_start.anchor,
				  ev->data.sequence_start.tag);
		on_open(rd, ENCL_YAML_LIST, ev);
		break;
	case YAML_MAPPING_START_EVENT:
		refuse_properties(rd, ev, ev->data.mapping_start.anchor,
				  ev->data.mapping_start.tag);
		on_open(rd, ENCL_YAML_MAP, ev);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		rd->depth--;
		break;
	case YAML_STREAM_END_EVENT:
		rd->stop = true;
		break;
	default:
		break;
	}
}

/* Is the line (from 0) indented with a tab? */
static bool
tab_indents(const char *text, const char *end, size_t line)
{
	while (line-- > 0) {
		text = memchr(text, '\n', (size_t)(end - text));
		if (!text)
			return false;
		text++;
	}
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

/* libyaml's words, and for the commonest slip the way out. */
static void
syntax_error(struct reader *rd, const yaml_parser_t *y, const char *text, size_t n)
{
	struct encl_pos pos = pos_of(y->problem_mark);
	const char *problem = y->problem ? y->problem : "unknown error";

	if (tab_indents(text, text + n, y->problem_mark.line))
		encl_manifest_report_add(
			rd->r, pos, "",
			"not valid YAML: a tab cannot indent; use spaces");
	else if (y->context && y->context_mark.line != y->problem_mark.line)
		encl_manifest_report_add(rd->r, pos, "",
					 "not valid YAML: %s %s that began at line %zu",
					 problem, y->context, y->context_mark.line + 1);
	else if (y->context)
		encl_manifest_report_add(rd->r, pos, "", "not valid YAML: %s %s", problem,
					 y->context);
	else
		encl_manifest_report_add(rd->r, pos, "", "not valid YAML: %s", problem);
}

static bool
read_events(struct reader *rd, const char *text, size_t n)
{
	encl_auto(yaml_parser_delete) yaml_parser_t y;

	if (!yaml_parser_initialize(&y))
		return false;
	yaml_parser_set_input_string(&y, (const unsigned char *)text, n);
	yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
	while (!rd->stop) {
		encl_auto(yaml_event_delete) yaml_event_t ev = {0};

		if (!yaml_parser_parse(&y, &ev)) {
			syntax_error(rd, &y, text, n);
			return false;
		}
		on_event(rd, &ev);
	}
	/* stopped inside the tree: what there is of it would only mislead */
	return rd->depth == 0;
}

struct encl_yaml_node *
encl_manifest_yaml_parse(const char *text, size_t n, struct encl_arena *arena,
			 struct encl_manifest_report *r)
{
	struct reader rd = {.arena = arena, .r = r};

	if (n > ENCL_YAML_MAX_FILE) {
		encl_manifest_report_add(r, (struct encl_pos){.line = 0}, "",
					 "larger than %d bytes", ENCL_YAML_MAX_FILE);
		return NULL;
	}
	if (!encl_manifest_text_check(text, n, r) || !read_events(&rd, text, n))
		return NULL;
	if (!rd.root ||
	    (rd.root->kind == ENCL_YAML_TEXT && !rd.root->len && !rd.root->bad)) {
		encl_manifest_report_add(
			r, (struct encl_pos){.line = 1, .column = 1}, "",
			"the file is empty%s",
			r->file ? ""
				: "; \"enclavebuild init\" writes one to begin with");
		return NULL;
	}
	return rd.root;
}
