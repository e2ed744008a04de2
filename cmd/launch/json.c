/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) by jsmn, which only finds the tokens: lookups, numbers and
 * unescaping are here.  No recursion; what is malformed is not found.
 */
#include "launch/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

static const jsmntok_t *
token(const struct json *j, int i)
{
	return (const jsmntok_t *)j->tokens + i;
}

bool
json_parse(struct json *j, const char *text, size_t n)
{
	jsmn_parser p;
	int count;

	*j = (struct json){.text = text};
	jsmn_init(&p);
	count = jsmn_parse(&p, text, n, NULL, 0);
	if (count <= 0 || count > JSON_TOKENS_MAX)
		return false;
	j->tokens = calloc((size_t)count, sizeof(jsmntok_t));
	if (!j->tokens)
		return false;
	jsmn_init(&p);
	j->n = jsmn_parse(&p, text, n, j->tokens, (unsigned)count);
	if (j->n > 0 && token(j, 0)->type == JSMN_OBJECT)
		return true;
	json_clear(j);
	return false;
}

void
json_clear(struct json *j)
{
	free(j->tokens);
	j->tokens = NULL;
	j->n = 0;
}

static bool
is_key(const struct json *j, int i, int object, const char *key, size_t n)
{
	const jsmntok_t *t = token(j, i);

	return t->type == JSMN_STRING && t->parent == object && t->size == 1 &&
	       (size_t)(t->end - t->start) == n && i + 1 < j->n &&
	       token(j, i + 1)->parent == i && memcmp(j->text + t->start, key, n) == 0;
}

/* The value of a key in the object at token i, or -1. */
static int
member(const struct json *j, int i, const char *key, size_t n)
{
	int object = i;

	for (i++; i < j->n && token(j, i)->start < token(j, object)->end; i++)
		if (is_key(j, i, object, key, n))
			return i + 1;
	return -1;
}

static const jsmntok_t *
find(const struct json *j, const char *path)
{
	int i = j->n ? 0 : -1;

	while (i >= 0 && *path) {
		size_t n = strcspn(path, ".");

		if (token(j, i)->type != JSMN_OBJECT)
			return NULL;
		i = member(j, i, path, n);
		path += n + (path[n] == '.');
	}
	return i >= 0 ? token(j, i) : NULL;
}

bool
json_is_of(const struct json *j, const char *const *keys)
{
	size_t members = 0;
	size_t found = 0;

	for (int i = 1; i < j->n; i++) {
		if (token(j, i)->parent < 0)
			return false; /* behind the object */
		members += token(j, i)->parent == 0;
	}
	for (; *keys; keys++) {
		size_t n = strlen(*keys);
		size_t times = 0;

		for (int i = 1; i < j->n; i++)
			times += is_key(j, i, 0, *keys, n);
		if (times > 1)
			return false;
		found += times;
	}
	return j->n > 0 && found == members &&
	       !j->text[token(j, 0)->end +
			(int)strspn(j->text + token(j, 0)->end, " \t\r\n")];
}

enum json_kind
json_kind(const struct json *j, const char *path)
{
	const jsmntok_t *t = find(j, path);

	if (!t)
		return JSON_ABSENT;
	if (t->type == JSMN_STRING)
		return JSON_TEXT;
	return t->type == JSMN_PRIMITIVE && j->text[t->start] == 'n' ? JSON_NULL
								     : JSON_OTHER;
}

/* Four hexadecimal digits (jsmn has seen to that they are). */
static uint32_t
hex4(const char *s)
{
	char digits[5] = {s[0], s[1], s[2], s[3], 0};

	return (uint32_t)strtoul(digits, NULL, 16);
}

/* Of \uXXXX or \uXXXX\uXXXX; *s is moved to its last character. */
static uint32_t
escape(const char **s, const char *end)
{
	uint32_t c;
	uint32_t low;

	if (end - *s < 5)
		return 0xfffd;
	c = hex4(*s + 1);
	*s += 4;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || end - *s < 7 || (*s)[1] != '\\' || (*s)[2] != 'u')
		return 0xfffd;
	low = hex4(*s + 3);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*s += 6;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static size_t
utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* One character at *s, which is moved behind it, into out; its bytes. */
static size_t
character(const char **s, const char *end, char out[4])
{
	uint32_t c = (unsigned char)**s;

	if (c == '\\' && *s + 1 < end) {
		++*s;
		c = **s == 'u' ? escape(s, end)
			       : (uint32_t)(strchr("bfnrt", **s) ? ' ' : **s);
	} else if (c >= 0x80) { /* a byte of a character goes on as it is */
		out[0] = *(*s)++;
		return 1;
	}
	++*s;
	return utf8(c < ' ' || c == 127 ? ' ' : c, out);
}

bool
json_text(const struct json *j, const char *path, char *out, size_t room)
{
	const jsmntok_t *t = find(j, path);
	const char *s;
	const char *end;
	size_t n = 0;

	out[0] = 0;
	if (!t || t->type != JSMN_STRING)
		return false;
	s = j->text + t->start;
	end = j->text + t->end;
	while (s < end) {
		char bytes[4];
		size_t k = character(&s, end, bytes);

		if (n + k >= room) {
			/* Not into the middle of a character. */
			if ((bytes[0] & 0xc0) == 0x80)
				while (n && (out[--n] & 0xc0) == 0x80)
					;
			break;
		}
		memcpy(out + n, bytes, k);
		n += k;
	}
	out[n] = 0;
	return true;
}

bool
json_int(const struct json *j, const char *path, long *out)
{
	const jsmntok_t *t = find(j, path);
	char digits[12] = "";
	size_t n = t ? (size_t)(t->end - t->start) : 0;
	char *end;

	if (!t || t->type != JSMN_PRIMITIVE || !n || n >= sizeof digits)
		return false;
	memcpy(digits, j->text + t->start, n);
	if (digits[0] != '-' && (digits[0] < '0' || digits[0] > '9'))
		return false;
	*out = strtol(digits, &end, 10);
	return *end == 0;
}

bool
json_flag(const struct json *j, const char *path)
{
	const jsmntok_t *t = find(j, path);

	return t && t->type == JSMN_PRIMITIVE && j->text[t->start] == 't';
}
