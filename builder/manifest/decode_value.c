/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value into its field.  The table decides the type, never the look of the
 * text: `no` is text where text is wanted and an error where a number is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/parse.h"
#include "manifest/format.h"
#include "manifest/internal.h"

/* A default always fits its key (the unit test of the table), so that where there
 * is something to complain of there is a node. */
static struct encl_pos
pos_of(const struct encl_yaml_node *node)
{
	return node ? node->pos : (struct encl_pos){.line = 0};
}

static void *
field(const struct encl_key *k, void *base)
{
	return (char *)base + k->at;
}

/* Plain `~` and `null`, and nothing at all: a slip more often than a text. */
static bool
is_null(const struct encl_yaml_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; node->plain && i < sizeof nulls / sizeof *nulls; i++)
		if (!strcmp(node->text, nulls[i]))
			return true;
	return false;
}

bool
encl_decode_is(struct encl_decoder *d, struct encl_yaml_node *node,
	       enum encl_yaml_kind kind, const struct encl_where *w)
{
	static const char *const kinds[] = {"text", "a list", "a map"};

	if (node->bad)
		return false;
	if (node->kind == ENCL_YAML_TEXT && is_null(node)) {
		encl_decode_problem(
			d, w, node, node->pos, "no value; leave the key out, or write %s",
			kind == ENCL_YAML_TEXT ? "it in quotes" : kinds[kind]);
		return false;
	}
	if (node->kind == kind)
		return true;
	encl_decode_problem(d, w, node, node->pos, "%s where %s belongs",
			    kinds[node->kind], kinds[kind]);
	return false;
}

bool
encl_decode_count(struct encl_decoder *d, const struct encl_key *k,
		  struct encl_yaml_node *node, const struct encl_where *w)
{
	if (node->n < k->min)
		encl_decode_problem(d, w, node, node->pos, "the list is empty");
	else if (k->max && node->n > k->max)
		encl_decode_problem(d, w, node, node->pos, "more than %llu entries",
				    (unsigned long long)k->max);
	return !node->bad;
}

static bool
fits(struct encl_decoder *d, const struct encl_format *f, struct encl_yaml_node *node,
     const struct encl_where *w)
{
	encl_auto(encl_free) char *wrong = NULL;

	if (!encl_decode_is(d, node, ENCL_YAML_TEXT, w))
		return false;
	wrong = encl_manifest_format_check(f, node->text, node->len);
	if (wrong)
		encl_decode_problem(d, w, node, node->pos, "%s", wrong);
	return !wrong;
}

static void
put_number(const struct encl_key *k, void *base, uint64_t v)
{
	uint32_t narrow = (uint32_t)v;

	if (k->field_size == sizeof v)
		memcpy(field(k, base), &v, sizeof v);
	else
		memcpy(field(k, base), &narrow, sizeof narrow);
}

static void
put_text(const struct encl_key *k, void *base, const char *text)
{
	uint64_t mode;

	if (k->format == &encl_format_mode && encl_parse_uint(text, 8, 07777, &mode))
		put_number(k, base, mode);
	else if (k->field_size == sizeof text)
		memcpy(field(k, base), &text, sizeof text);
}

/* "a", "a" or "b", "a", "b" or "c" */
static char *
list_words(const char *const *words)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t len;

	encl_buf_init(&b, 1024);
	for (size_t i = 0; words[i]; i++)
		encl_buf_add_fmt(&b, "%s\"%s\"",
				 !i		? ""
				 : words[i + 1] ? ", "
						: " or ",
				 words[i]);
	return (char *)encl_buf_steal(&b, &len);
}

/* True and *at where text is a word of the key. */
static bool
find_word(const struct encl_key *k, const char *text, unsigned *at)
{
	for (unsigned i = 0; k->words[i]; i++)
		if (!strcmp(k->words[i], text)) {
			*at = i;
			return true;
		}
	return false;
}

static void
take_word(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	  void *base, const struct encl_where *w)
{
	const char *text = node ? node->text : k->fallback;
	unsigned i;

	if (!text)
		return;
	if (!find_word(k, text, &i)) {
		encl_auto(encl_free) char *q = encl_manifest_quote(text, strlen(text));
		encl_auto(encl_free) char *words = list_words(k->words);

		encl_decode_problem(d, w, node, pos_of(node), "%s is not %s%s%s%s", q,
				    words, k->keys ? ", nor a map with \"" : "",
				    k->keys ? k->keys->name : "", k->keys ? "\"" : "");
		return;
	}
	if (k->type == ENCL_KEY_ENUM && k->field_size == sizeof(bool))
		*(bool *)field(k, base) = i != 0;
	else if (k->type == ENCL_KEY_ENUM)
		memcpy(field(k, base), &i, sizeof i);
	else
		put_text(k, base, k->words[i]);
}

static void
take_number(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	    void *base, const struct encl_where *w)
{
	const char *text = node ? node->text : k->fallback;
	uint64_t v;

	if (!text || (k->null_word && !strcmp(text, k->null_word)))
		return;
	if (!encl_parse_uint(text, 10, k->max, &v) || v < k->min) {
		encl_auto(encl_free) char *q = encl_manifest_quote(text, strlen(text));

		encl_decode_problem(
			d, w, node, pos_of(node),
			"%s is not a number from %llu to %llu%s%s%s", q,
			(unsigned long long)k->min, (unsigned long long)k->max,
			k->null_word ? " or \"" : "", k->null_word ? k->null_word : "",
			k->null_word ? "\"" : "");
		return;
	}
	put_number(k, base, v);
}

static void
take_decimal(struct encl_decoder *d, const struct encl_key *k,
	     struct encl_yaml_node *node, void *base, const struct encl_where *w)
{
	const char *text = node ? node->text : k->fallback;
	uint64_t v;

	if (!text)
		return;
	if (!encl_parse_thousandths(text, k->max, &v) || v < k->min) {
		encl_auto(encl_free) char *q = encl_manifest_quote(text, strlen(text));
		encl_auto(encl_free) char *min = encl_manifest_decimal(k->min);
		encl_auto(encl_free) char *max = encl_manifest_decimal(k->max);

		encl_decode_problem(d, w, node, pos_of(node),
				    "%s is not a number from %s to %s with at most three "
				    "digits behind the point",
				    q, min, max);
		return;
	}
	put_number(k, base, v);
}

static void
take_bool(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	  void *base, const struct encl_where *w)
{
	const char *text = node ? node->text : k->fallback;
	bool v = !strcmp(text, "true");

	if (!v && strcmp(text, "false") != 0) {
		encl_auto(encl_free) char *q = encl_manifest_quote(text, strlen(text));

		encl_decode_problem(d, w, node, pos_of(node), "%s is not true or false",
				    q);
		return;
	}
	memcpy(field(k, base), &v, sizeof v);
}

static void
take_text(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	  void *base, const struct encl_where *w)
{
	const char *text = node ? node->text : k->fallback;

	if (!text || (k->null_word && !strcmp(text, k->null_word)))
		return;
	if (node && !fits(d, k->format, node, w))
		return;
	put_text(k, base, text);
}

static bool
is_repeated(const struct encl_strings *list, const char *text)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], text))
			return true;
	return false;
}

static void
take_texts(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	   void *base, const struct encl_where *w)
{
	struct encl_strings *list = field(k, base);
	struct encl_where at = {w, NULL, 0};
	size_t n = node ? node->n : k->fallback ? 1 : 0;

	if (node && !encl_decode_count(d, k, node, w))
		return;
	list->v = encl_arena_alloc(d->arena, (n + 1) * sizeof *list->v);
	if (!node && n)
		list->v[list->n++] = k->fallback;
	for (struct encl_yaml_node *c = node ? node->first : NULL; c; c = c->next) {
		bool ok = fits(d, k->format, c, &at);

		at.index++;
		if (!ok)
			continue;
		if ((k->flags & ENCL_KEY_UNIQUE) && is_repeated(list, c->text)) {
			encl_auto(encl_free) char *q =
				encl_manifest_quote(c->text, c->len);

			at.index--;
			encl_decode_problem(d, &at, c, c->pos, "%s is listed twice", q);
			at.index++;
			continue;
		}
		list->v[list->n++] = c->text;
	}
}

static void
take_pairs(struct encl_decoder *d, const struct encl_key *k, struct encl_yaml_node *node,
	   void *base, const struct encl_where *w)
{
	struct encl_pairs *list = field(k, base);

	if (!node || !encl_decode_count(d, k, node, w))
		return;
	list->v = encl_arena_alloc(d->arena, (node->n + 1) * sizeof *list->v);
	for (struct encl_yaml_node *c = node->first; c; c = c->next) {
		encl_auto(encl_free) char *wrong = encl_manifest_format_check(
			k->name_format, c->key, strlen(c->key));
		struct encl_where at = {w, c->key, 0};

		if (wrong)
			encl_decode_problem(d, w, c, c->key_pos, "%s", wrong);
		else if (fits(d, k->format, c, &at))
			list->v[list->n++] = (struct encl_pair){c->key, c->text};
	}
}

/* One "NAME: WORD". */
static bool
take_dependency(struct encl_decoder *d, const struct encl_key *k,
		struct encl_yaml_node *node, struct encl_dependency *out,
		const struct encl_where *w)
{
	encl_auto(encl_free) char *wrong =
		encl_manifest_format_check(k->name_format, node->key, strlen(node->key));
	struct encl_where at = {w, node->key, 0};
	struct encl_key word = {.type = ENCL_KEY_ENUM,
				.words = k->words,
				.at = offsetof(struct encl_dependency, condition),
				.field_size = sizeof out->condition};

	if (wrong) {
		encl_decode_problem(d, w, node, node->key_pos, "%s", wrong);
		return false;
	}
	out->name = node->key;
	if (encl_decode_is(d, node, ENCL_YAML_TEXT, &at))
		take_word(d, &word, node, out, &at);
	return !node->bad;
}

static void
take_depends(struct encl_decoder *d, const struct encl_key *k,
	     struct encl_yaml_node *node, void *base, const struct encl_where *w)
{
	struct encl_dependency *list;
	size_t n = 0;

	if (!node || !encl_decode_count(d, k, node, w))
		return;
	list = encl_arena_alloc(d->arena, (node->n + 1) * sizeof *list);
	for (struct encl_yaml_node *c = node->first; c; c = c->next)
		n += take_dependency(d, k, c, &list[n], w);
	memcpy(field(k, base), &list, sizeof list);
	memcpy((char *)base + k->count_at, &n, sizeof n);
}

void
encl_decode_value(struct encl_decoder *d, const struct encl_key *k,
		  struct encl_yaml_node *node, void *base, const struct encl_where *w)
{
	enum encl_yaml_kind want =
		k->type == ENCL_KEY_TEXTS ? ENCL_YAML_LIST
		: k->type == ENCL_KEY_PAIRS || k->type == ENCL_KEY_DEPENDS
			? ENCL_YAML_MAP
			: ENCL_YAML_TEXT;

	if (node && !encl_decode_is(d, node, want, w))
		return;
	switch (k->type) {
	case ENCL_KEY_TEXT:
		take_text(d, k, node, base, w);
		break;
	case ENCL_KEY_NUMBER:
		take_number(d, k, node, base, w);
		break;
	case ENCL_KEY_BOOL:
		take_bool(d, k, node, base, w);
		break;
	case ENCL_KEY_ENUM:
	case ENCL_KEY_WORD:
		take_word(d, k, node, base, w);
		break;
	case ENCL_KEY_TEXTS:
		take_texts(d, k, node, base, w);
		break;
	case ENCL_KEY_PAIRS:
		take_pairs(d, k, node, base, w);
		break;
	case ENCL_KEY_DECIMAL:
		take_decimal(d, k, node, base, w);
		break;
	case ENCL_KEY_DEPENDS:
		take_depends(d, k, node, base, w);
		break;
	case ENCL_KEY_MAP:
	case ENCL_KEY_MAPS:
	case ENCL_KEY_LATER:
		abort();
	}
}
