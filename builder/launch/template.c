/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates to files, line by line: "@{FILTER:KEY}" is a value as the filter
 * writes it; in front of a line "@{?KEY}" and "@{!KEY}" keep it or leave it out,
 * "@{*KEY}" has it once for each element of a list.
 */
#include "launch/template.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

struct render {
	const char *name; /* of the template */
	size_t line;
	size_t column; /* of the placeholder, in the output's line */
	const json_t *values;
	const json_t *item; /* of the list that the line is for, or NULL */
	struct encl_buf *out;
};

static int ENCL_PRINTF(4, 5) fail(struct render *r, enum encl_code code,
				  struct encl_err *e, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	return encl_fail(e, code, "template %s, line %zu: %s", r->name, r->line, text);
}

static const json_t *
value_of(const struct render *r, const char *key)
{
	const json_t *v = r->item ? json_object_get(r->item, key) : NULL;

	return v ? v : json_object_get(r->values, key);
}

/* What "@{?KEY}" takes for nothing. */
static bool
is_given(const json_t *v)
{
	return v && !json_is_null(v) && !json_is_false(v) &&
	       !(json_is_string(v) && !*json_string_value(v)) &&
	       !(json_is_integer(v) && !json_integer_value(v)) &&
	       !(json_is_array(v) && !json_array_size(v));
}

/* Needs no quotes in a shell, in a unit's ExecStart=. */
static bool
is_plain(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./:=,@+-";

	return *text && !text[strspn(text, safe)];
}

static bool
is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void
put_shell(struct encl_buf *out, const char *text)
{
	if (is_plain(text)) {
		encl_buf_add_str(out, text);
		return;
	}
	encl_buf_add_byte(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			encl_buf_add_str(out, "'\\''");
		else
			encl_buf_add_byte(out, (uint8_t)*text);
	encl_buf_add_byte(out, '\'');
}

/* systemd.service(5), "Command lines": C's escapes; "%" and "$" are doubled. */
static void
put_unit(struct encl_buf *out, const char *text)
{
	if (is_plain(text)) {
		encl_buf_add_str(out, text);
		return;
	}
	encl_buf_add_byte(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			encl_buf_add_fmt(out, "\\%c", c);
		else if (c == '%' || c == '$')
			encl_buf_add_fmt(out, "%c%c", c, c);
		else if (c < ' ' || c > '~')
			encl_buf_add_fmt(out, "\\x%02x", c);
		else
			encl_buf_add_byte(out, c);
	}
	encl_buf_add_byte(out, '"');
}

/* JSON's strings of printable ASCII are YAML's double-quoted ones. */
static void
put_yaml(struct encl_buf *out, const char *text)
{
	encl_buf_add_byte(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			encl_buf_add_byte(out, '\\');
		encl_buf_add_byte(out, (uint8_t)*text);
	}
	encl_buf_add_byte(out, '"');
}

/* Further lines begin below the first one. */
static int
put_block(struct render *r, const char *text, struct encl_err *e)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return fail(r, ENCL_USAGE, e,
				    "a control character cannot stand here");
		if (c == '\n' && !text[1])
			break;
		encl_buf_add_byte(r->out, c);
		for (size_t i = 0; c == '\n' && text[1] != '\n' && i < r->column; i++)
			encl_buf_add_byte(r->out, ' ');
	}
	return 0;
}

static int
put_text(struct render *r, const char *filter, const char *text, struct encl_err *e)
{
	if (!strcmp(filter, "sh"))
		put_shell(r->out, text);
	else if (!strcmp(filter, "unit"))
		put_unit(r->out, text);
	else if (!strcmp(filter, "block"))
		return put_block(r, text, e);
	else if (strcmp(filter, "yaml") != 0 && strcmp(filter, "line") != 0)
		return fail(r, ENCL_FAILED, e, "\"%s\" is no filter for a text", filter);
	else if (!is_printable(text))
		return fail(r, ENCL_USAGE, e,
			    "only printable ASCII can stand here, and one line of it");
	else if (*filter == 'y')
		put_yaml(r->out, text);
	else
		encl_buf_add_str(r->out, text);
	return 0;
}

/* A list of words: as many arguments, or a flow sequence. */
static int
put_list(struct render *r, const char *filter, const json_t *list, struct encl_err *e)
{
	bool yaml = !strcmp(filter, "yaml");
	const json_t *v;
	size_t i;

	encl_buf_add_str(r->out, yaml ? "[" : "");
	json_array_foreach (list, i, v) {
		encl_buf_add_str(r->out, !i ? "" : yaml ? ", " : " ");
		if (!json_is_string(v))
			return fail(r, ENCL_FAILED, e, "the list is not one of words");
		if (put_text(r, filter, json_string_value(v), e))
			return -1;
	}
	encl_buf_add_str(r->out, yaml ? "]" : "");
	return 0;
}

static int
put(struct render *r, const char *filter, const char *key, struct encl_err *e)
{
	const json_t *v = value_of(r, key);

	if (json_is_array(v))
		return put_list(r, filter, v, e);
	if (json_is_integer(v) && !strcmp(filter, "num")) {
		encl_buf_add_fmt(r->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		return 0;
	}
	if (!json_is_string(v))
		return fail(r, ENCL_FAILED, e, "\"%s\" is not there, or is no %s", key,
			    filter);
	return put_text(r, filter, json_string_value(v), e);
}

/* "@{" … "}" at p: the two sides of its ":", and what follows; NULL: no end. */
static const char *
cut(const char *p, const char *end, char **filter, char **key)
{
	const char *close = memchr(p, '}', (size_t)(end - p));
	const char *colon = close ? memchr(p, ':', (size_t)(close - p)) : NULL;

	if (!colon)
		return NULL;
	*filter = encl_xstrndup(p + 2, (size_t)(colon - p) - 2);
	*key = encl_xstrndup(colon + 1, (size_t)(close - colon) - 1);
	return close + 1;
}

static int
put_line(struct render *r, const char *p, const char *end, struct encl_err *e)
{
	size_t begin = r->out->len;

	while (p < end) {
		const char *at = memmem(p, (size_t)(end - p), "@{", 2);
		encl_auto(encl_free) char *filter = NULL;
		encl_auto(encl_free) char *key = NULL;

		encl_buf_add(r->out, p, (size_t)((at ? at : end) - p));
		if (!at)
			break;
		r->column = r->out->len - begin;
		p = cut(at, end, &filter, &key);
		if (!p)
			return fail(r, ENCL_FAILED, e, "a placeholder has no end");
		if (put(r, filter, key, e))
			return -1;
	}
	return 0;
}

/* "@{?KEY}" and its like in front of a line. */
static int
put_conditional(struct render *r, const char *p, const char *end, struct encl_err *e)
{
	const json_t *list = NULL;
	const json_t *v;
	size_t i;

	while (end - p > 3 && p[0] == '@' && p[1] == '{' && strchr("?!*", p[2])) {
		const char *close = memchr(p, '}', (size_t)(end - p));
		encl_auto(encl_free) char *key = NULL;

		if (!close)
			return fail(r, ENCL_FAILED, e, "a condition has no end");
		key = encl_xstrndup(p + 3, (size_t)(close - p) - 3);
		v = value_of(r, key);
		if (p[2] == '*' && !json_is_array(v))
			return fail(r, ENCL_FAILED, e, "\"%s\" is no list", key);
		if (p[2] == '*')
			list = v;
		else if (is_given(v) != (p[2] == '?'))
			return 0;
		p = close + 1;
	}
	if (!list)
		return put_line(r, p, end, e);
	json_array_foreach (list, i, v) {
		r->item = v;
		if (put_line(r, p, end, e))
			return -1;
	}
	r->item = NULL;
	return 0;
}

int
encl_template_render(const char *name, const char *text, const json_t *values, char **out,
		     struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	struct render r = {.name = name, .values = values, .out = &b};

	encl_buf_init(&b, ENCL_TEMPLATE_MAX);
	for (const char *p = text; *p;) {
		const char *newline = strchr(p, '\n');
		const char *end = newline ? newline + 1 : p + strlen(p);

		r.line++;
		if (put_conditional(&r, p, end, e))
			return -1;
		p = end;
	}
	if (encl_buf_check(&b, name, e))
		return -1;
	*out = (char *)encl_buf_steal(&b, &r.column);
	return 0;
}

char *
encl_template_shell_word(const char *text)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	size_t n;

	encl_buf_init(&b, ENCL_TEMPLATE_MAX);
	put_shell(&b, text);
	return (char *)encl_buf_steal(&b, &n);
}
