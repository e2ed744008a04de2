/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs -> canonical JSON, by the table of keys: its order, its defaults, one
 * spelling for everything.  An optional key without default that was not given
 * stays out, so a later version's new keys change no digest of today.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "manifest/format.h"
#include "manifest/manifest.h"
#include "manifest/schema.h"

static json_t *encode_map(const struct encl_key *keys, const char *base);

static uint64_t
number_at(const struct encl_key *k, const char *base)
{
	uint64_t wide;
	uint32_t narrow;

	if (k->field_size == sizeof(bool))
		return *(const bool *)(base + k->at);
	if (k->field_size == sizeof wide) {
		memcpy(&wide, base + k->at, sizeof wide);
		return wide;
	}
	memcpy(&narrow, base + k->at, sizeof narrow);
	return narrow;
}

static const char *
text_at(const struct encl_key *k, const char *base)
{
	const char *text;

	memcpy(&text, base + k->at, sizeof text);
	return text;
}

static json_t *
encode_text(const struct encl_key *k, const char *base)
{
	const char *text;

	if (k->format == &encl_format_mode)
		return json_sprintf("%04o", (unsigned)number_at(k, base));
	text = k->field_size ? text_at(k, base) : k->words[0];
	if (!text)
		text = k->null_word;
	return text ? json_string(text) : NULL;
}

/* What is out of range stands for "not given": UINT32_MAX where the field is an
 * int of -1, 0 where the least is more. */
static json_t *
encode_number(const struct encl_key *k, const char *base)
{
	uint64_t v = number_at(k, base);

	if (k->null_word && !v)
		return json_string(k->null_word);
	if (!k->fallback && v < k->min)
		return NULL;
	return v > k->max ? NULL : json_integer((json_int_t)v);
}

/* Whole numbers as such; others as text, no float's rounding is ours. */
static json_t *
encode_decimal(const struct encl_key *k, const char *base)
{
	uint64_t v = number_at(k, base);
	encl_auto(encl_free) char *text = encl_manifest_decimal(v);

	if (!k->fallback && v < k->min)
		return NULL;
	return v % 1000 ? json_string(text) : json_integer((json_int_t)(v / 1000));
}

static json_t *
encode_depends(const struct encl_key *k, const char *base)
{
	const struct encl_dependency *list;
	json_t *out;
	size_t n;

	memcpy(&list, base + k->at, sizeof list);
	memcpy(&n, base + k->count_at, sizeof n);
	if (!n)
		return NULL;
	out = json_object();
	for (size_t i = 0; i < n; i++)
		json_object_set_new(out, list[i].name,
				    json_string(k->words[list[i].condition]));
	return out;
}

static json_t *
encode_enum(const struct encl_key *k, const char *base)
{
	unsigned v = (unsigned)number_at(k, base);

	if (k->map_choice && v == k->map_choice)
		return encode_map(k->keys, base);
	return json_string(k->words[v]);
}

static json_t *
encode_texts(const struct encl_key *k, const char *base)
{
	struct encl_strings list;
	json_t *out;

	memcpy(&list, base + k->at, sizeof list);
	/* an empty list that was given can mean another thing than none */
	if (!list.n && (!k->given || !*(const bool *)(base + k->given - 1)))
		return NULL;
	out = json_array();
	for (size_t i = 0; i < list.n; i++)
		json_array_append_new(out, json_string(list.v[i]));
	return out;
}

static json_t *
encode_pairs(const struct encl_key *k, const char *base)
{
	struct encl_pairs list;
	json_t *out;

	memcpy(&list, base + k->at, sizeof list);
	if (!list.n)
		return NULL;
	out = json_object();
	for (size_t i = 0; i < list.n; i++)
		json_object_set_new(out, list.v[i].key, json_string(list.v[i].value));
	return out;
}

static json_t *
encode_maps(const struct encl_key *k, const char *base)
{
	const char *items;
	json_t *out;
	size_t n;

	memcpy(&items, base + k->at, sizeof items);
	memcpy(&n, base + k->count_at, sizeof n);
	if (!n)
		return NULL;
	out = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, encode_map(k->keys, items + i * k->item_size));
	return out;
}

static json_t *
encode_bool(const struct encl_key *k, const char *base)
{
	bool v;

	memcpy(&v, base + k->at, sizeof v);
	return !v && (k->flags & ENCL_KEY_SPARSE) ? NULL : json_boolean(v);
}

static json_t *
sparse(const struct encl_key *k, json_t *own_value)
{
	if (!(k->flags & ENCL_KEY_SPARSE) || json_object_size(own_value) ||
	    json_array_size(own_value))
		return own_value;
	json_decref(own_value);
	return NULL;
}

/* Is a map with ENCL_KEY_IF_GIVEN not there? */
static bool
left_out(const struct encl_key *k, const char *base)
{
	return (k->flags & ENCL_KEY_IF_GIVEN) &&
	       !*(const bool *)(base + k->at + k->given - 1);
}

/* NULL: nothing to say. */
static json_t *
encode(const struct encl_key *k, const char *base)
{
	switch (k->type) {
	case ENCL_KEY_TEXT:
	case ENCL_KEY_WORD:
		return encode_text(k, base);
	case ENCL_KEY_NUMBER:
		return encode_number(k, base);
	case ENCL_KEY_BOOL:
		return encode_bool(k, base);
	case ENCL_KEY_ENUM:
		return encode_enum(k, base);
	case ENCL_KEY_TEXTS:
		return encode_texts(k, base);
	case ENCL_KEY_PAIRS:
		return encode_pairs(k, base);
	case ENCL_KEY_DECIMAL:
		return encode_decimal(k, base);
	case ENCL_KEY_DEPENDS:
		return encode_depends(k, base);
	case ENCL_KEY_MAP:
		if (left_out(k, base))
			return NULL;
		return sparse(k, encode_map(k->keys, base + k->at));
	case ENCL_KEY_MAPS:
		return sparse(k, encode_maps(k, base));
	case ENCL_KEY_LATER:
		break;
	}
	return NULL;
}

/* Was this key of a choice the chosen one? */
static bool
chosen(const struct encl_key *k, const char *base)
{
	unsigned choice;

	if (!k->chooses)
		return true;
	memcpy(&choice, base + k->chooses - 1, sizeof choice);
	return choice == k->choice;
}

/* Of "a|b", is one there?  Keys that need none always fit. */
static bool
needs_met(const struct encl_key *keys, const struct encl_key *k, const char *base)
{
	if (!k->needs)
		return true;
	for (const struct encl_key *other = keys; other->name; other++) {
		json_t *v;

		if (!encl_manifest_in_words(k->needs, other->name) ||
		    !chosen(other, base))
			continue;
		v = encode(other, base);
		json_decref(v);
		if (v)
			return true;
	}
	return false;
}

static json_t *
encode_map(const struct encl_key *keys, const char *base)
{
	json_t *out = json_object();

	for (const struct encl_key *k = keys; k->name; k++) {
		json_t *v;

		if ((k->flags & (ENCL_KEY_UNMEASURED | ENCL_KEY_ALIAS)) ||
		    !chosen(k, base) || !needs_met(keys, k, base))
			continue;
		v = encode(k, base);
		if (v)
			json_object_set_new(out, k->name, v);
	}
	return out;
}

json_t *
encl_manifest_canonical(const struct encl_manifest *m)
{
	return encode_map(encl_manifest_keys, (const char *)m);
}
