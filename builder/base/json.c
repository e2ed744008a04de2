/* SPDX-License-Identifier: Apache-2.0 */
/* JSON under limits, over jansson. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/stream.h"

enum { MAX_DEPTH = 64, MAX_VALUES = 1 << 18, BYTES_PER_VALUE = 16 };

/*
 * jansson's own limit is 2048 levels; ours is what I-JSON documents need.  And
 * an empty object takes it a hundred times the two bytes: documents of nothing
 * else are none.
 */
static int
check_shape(const char *text, size_t n, const char *what, struct encl_err *e)
{
	size_t most = n / BYTES_PER_VALUE > MAX_VALUES ? n / BYTES_PER_VALUE : MAX_VALUES;
	size_t values = 0;
	unsigned depth = 0;
	int in_string = 0;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		values += !in_string && (c == ',' || c == '[' || c == '{');
		if (values > most)
			return encl_fail(e, ENCL_FAILED, "%s: more than %zu values", what,
					 most);
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = 0;
		} else if (c == '"') {
			in_string = 1;
		} else if (c == '[' || c == '{') {
			if (++depth > MAX_DEPTH)
				return encl_fail(e, ENCL_FAILED,
						 "%s: nested deeper than %d levels", what,
						 MAX_DEPTH);
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return 0;
}

int
encl_json_parse(const char *text, size_t n, const char *what, json_t **out,
		struct encl_err *e)
{
	json_error_t je;
	json_t *v;

	if (check_shape(text, n, what, e))
		return -1;
	v = json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
	if (!v)
		return encl_fail(e, ENCL_FAILED, "%s:%d:%d: not valid JSON: %s", what,
				 je.line, je.column, je.text);
	*out = v;
	return 0;
}

int
encl_json_read(const char *path, size_t max, json_t **out, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	if (encl_read_file(path, max, &text, &n, e))
		return -1;
	return encl_json_parse(text, n, path, out, e);
}

static int
wrong_type(const char *key, const char *what, const char *type, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s: \"%s\" is missing or not %s", what, key,
			 type);
}

int
encl_json_str(const json_t *obj, const char *key, const char *what, const char **out,
	      struct encl_err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return wrong_type(key, what, "a string", e);
	*out = json_string_value(v);
	return 0;
}

int
encl_json_u64(const json_t *obj, const char *key, const char *what, uint64_t *out,
	      struct encl_err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return wrong_type(key, what, "a number of 0 or more", e);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

int
encl_json_array(const json_t *obj, const char *key, const char *what, json_t **out,
		struct encl_err *e)
{
	json_t *v = json_object_get(obj, key);

	if (!json_is_array(v))
		return wrong_type(key, what, "a list", e);
	*out = v;
	return 0;
}

int
encl_json_object(const json_t *obj, const char *key, const char *what, json_t **out,
		 struct encl_err *e)
{
	json_t *v = json_object_get(obj, key);

	if (!json_is_object(v))
		return wrong_type(key, what, "an object", e);
	*out = v;
	return 0;
}

/* Bytes of the one character of UTF-8 at s, by jansson's own rules; 0: none. */
static size_t
character(const char *s)
{
	for (size_t n = 1; n <= 4 && s[n - 1]; n++) {
		encl_auto(json_decref) json_t *v = json_stringn(s, n);

		if (v)
			return n;
	}
	return 0;
}

json_t *
encl_json_text(const char *bytes)
{
	json_t *whole = json_string(bytes);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = SIZE_MAX};

	if (whole)
		return whole;
	while (*bytes) {
		size_t n = character(bytes);

		if (n)
			encl_buf_add(&b, bytes, n);
		else
			encl_buf_add_fmt(&b, "\\x%02x", (unsigned char)*bytes);
		bytes += n ? n : 1;
	}
	return json_string(encl_buf_text(&b));
}

static char *
dump(const json_t *v, size_t flags)
{
	char *s = json_dumps(v, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	if (!s)
		abort();
	return s;
}

char *
encl_json_compact(const json_t *v)
{
	return dump(v, JSON_COMPACT);
}

char *
encl_json_pretty(const json_t *v)
{
	encl_auto(encl_free) char *s = dump(v, JSON_INDENT(2));

	return encl_xasprintf("%s\n", s);
}
