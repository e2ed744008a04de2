/* SPDX-License-Identifier: Apache-2.0 */
/* Table of keys -> JSON Schema, draft 2020-12. */
#include "manifest/jsonschema.h"

#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "manifest/format.h"
#include "manifest/schema.h"

static json_t *object_schema(const struct encl_key *keys);

/* An editor's YAML makes 1.10 a number where the manifest takes a text. */
static json_t *
text_schema(const struct encl_format *f)
{
	json_t *s = f->free_text ? json_pack("{s:[s,s,s]}", "type", "string", "number",
					     "boolean")
				 : json_pack("{s:s}", "type", "string");

	if (!f->empty_ok)
		json_object_set_new(s, "minLength", json_integer(1));
	json_object_set_new(s, "maxLength", json_integer((json_int_t)f->max));
	if (f->pattern)
		json_object_set_new(s, "pattern", json_string(f->pattern));
	return s;
}

static json_t *
number_schema(const struct encl_key *k)
{
	json_t *s = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
			      (json_int_t)k->min, "maximum", (json_int_t)k->max);

	if (k->null_word)
		return json_pack("{s:[o, {s:s}]}", "oneOf", s, "const", k->null_word);
	return s;
}

static json_t *
decimal_schema(const struct encl_key *k)
{
	return json_pack("{s:s, s:f, s:f}", "type", "number", "minimum",
			 (double)k->min / 1000, "maximum", (double)k->max / 1000);
}

static json_t *
depends_schema(const struct encl_key *k)
{
	json_t *words = json_array();

	for (size_t i = 0; k->words[i]; i++)
		json_array_append_new(words, json_string(k->words[i]));
	return json_pack("{s:s, s:{s:s, s:I}, s:{s:o}, s:I}", "type", "object",
			 "propertyNames", "pattern", k->name_format->pattern, "maxLength",
			 (json_int_t)k->name_format->max, "additionalProperties", "enum",
			 words, "maxProperties", (json_int_t)k->max);
}

static json_t *
words_schema(const struct encl_key *k)
{
	json_t *words = json_array();

	if (!strcmp(k->words[0], "false")) {
		json_decref(words);
		return json_pack("{s:s}", "type", "boolean");
	}
	for (size_t i = 0; k->words[i]; i++)
		json_array_append_new(words, json_string(k->words[i]));
	if (k->keys)
		return json_pack("{s:[{s:o}, o]}", "oneOf", "enum", words,
				 object_schema(k->keys));
	return json_pack("{s:o}", "enum", words);
}

static json_t *
list_schema(const struct encl_key *k, json_t *items)
{
	json_t *s = json_pack("{s:s, s:o}", "type", "array", "items", items);

	if (k->min)
		json_object_set_new(s, "minItems", json_integer((json_int_t)k->min));
	json_object_set_new(s, "maxItems", json_integer((json_int_t)k->max));
	if (k->flags & ENCL_KEY_UNIQUE)
		json_object_set_new(s, "uniqueItems", json_true());
	return s;
}

static json_t *
pairs_schema(const struct encl_key *k)
{
	return json_pack("{s:s, s:{s:s, s:I}, s:o, s:I}", "type", "object",
			 "propertyNames", "pattern", k->name_format->pattern, "maxLength",
			 (json_int_t)k->name_format->max, "additionalProperties",
			 text_schema(k->format), "maxProperties", (json_int_t)k->max);
}

static json_t *
value_schema(const struct encl_key *k)
{
	switch (k->type) {
	case ENCL_KEY_TEXT:
		return k->keys ? json_pack("{s:[o, o]}", "oneOf", text_schema(k->format),
					   object_schema(k->keys))
			       : text_schema(k->format);
	case ENCL_KEY_NUMBER:
		return number_schema(k);
	case ENCL_KEY_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	case ENCL_KEY_ENUM:
	case ENCL_KEY_WORD:
		return words_schema(k);
	case ENCL_KEY_TEXTS:
		return list_schema(k, text_schema(k->format));
	case ENCL_KEY_PAIRS:
		return pairs_schema(k);
	case ENCL_KEY_DECIMAL:
		return decimal_schema(k);
	case ENCL_KEY_DEPENDS:
		return depends_schema(k);
	case ENCL_KEY_MAP:
		return object_schema(k->keys);
	case ENCL_KEY_MAPS:
		return list_schema(k, object_schema(k->keys));
	case ENCL_KEY_LATER:
		break;
	}
	abort();
}

static json_t *
default_of(const struct encl_key *k)
{
	uint64_t v;

	if (k->type == ENCL_KEY_TEXTS)
		return json_pack("[s]", k->fallback);
	if (!strcmp(k->fallback, "true") || !strcmp(k->fallback, "false"))
		return json_boolean(!strcmp(k->fallback, "true"));
	if ((k->type == ENCL_KEY_NUMBER || k->type == ENCL_KEY_DECIMAL) &&
	    encl_parse_uint(k->fallback, 10, k->max, &v))
		return json_integer((json_int_t)v);
	return json_string(k->fallback);
}

static json_t *
key_schema(const struct encl_key *k)
{
	json_t *s = json_pack("{s:s}", "description", k->help);
	json_t *value = value_schema(k);

	json_object_update(s, value);
	json_decref(value);
	if (k->fallback)
		json_object_set_new(s, "default", default_of(k));
	return s;
}

/* {"required": [key]} */
static json_t *requires(const char *key, size_t n)
{
	return json_pack("{s:[s#]}", "required", key, (int)n);
}

/* Exactly one of the group, as the parser asks. */
static void
add_group(json_t *schema, const struct encl_key *keys)
{
	json_t *one = json_array();

	for (; keys->name; keys++)
		if (keys->flags & ENCL_KEY_ONE_OF)
			json_array_append_new(one,
					      requires(keys->name, strlen(keys->name)));
	if (json_array_size(one))
		json_object_set(schema, "oneOf", one);
	json_decref(one);
}

/* "level" goes with "compression", "config" with "image" and the other way round. */
static void
add_needs(json_t *schema, const struct encl_key *keys)
{
	json_t *all = json_object();

	for (const struct encl_key *k = keys; k->name; k++) {
		json_t *any = json_array();

		for (const char *p = k->needs; p && *p;) {
			size_t n = strcspn(p, "|");

			json_array_append_new(any, requires(p, n));
			p += n + (p[n] == '|');
		}
		if (k->needs)
			json_object_set_new(all, k->name,
					    json_pack("{s:O}", "anyOf", any));
		if (k->needs_me)
			json_object_set_new(all, k->needs,
					    requires(k->name, strlen(k->name)));
		json_decref(any);
	}
	if (json_object_size(all))
		json_object_set(schema, "dependentSchemas", all);
	json_decref(all);
}

static json_t *
object_schema(const struct encl_key *keys)
{
	json_t *properties = json_object();
	json_t *required = json_array();
	json_t *s = json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 0);

	for (const struct encl_key *k = keys; k->name; k++) {
		if (k->type == ENCL_KEY_LATER)
			continue;
		json_object_set_new(properties, k->name, key_schema(k));
		if (k->flags & ENCL_KEY_REQUIRED)
			json_array_append_new(required, json_string(k->name));
	}
	if (json_array_size(required))
		json_object_set(s, "required", required);
	json_decref(required);
	add_group(s, keys);
	add_needs(s, keys);
	json_object_set_new(s, "properties", properties);
	return s;
}

json_t *
encl_manifest_json_schema(void)
{
	json_t *s =
		json_pack("{s:s, s:s, s:s}", "$schema",
			  "https://json-schema.org/draft/2020-12/schema", "title",
			  "enclave.yaml", "description",
			  "What `enclavebuild` makes an AWS Nitro enclave image from.");
	json_t *object = object_schema(encl_manifest_keys);

	json_object_update(s, object);
	json_decref(object);
	return s;
}
