/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 7512: attributes of the path end in ';', those of the query in '&'.  What
 * is not known is refused: it would narrow down which key is meant.
 */
#include "base/pkcs11_uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"

enum { MAX_URI = 4096 };

static const struct {
	const char *name;
	bool query;
} attributes[ENCL_PKCS11_ATTRIBUTES] = {
	[ENCL_PKCS11_TOKEN] = {"token", false},
	[ENCL_PKCS11_MANUFACTURER] = {"manufacturer", false},
	[ENCL_PKCS11_MODEL] = {"model", false},
	[ENCL_PKCS11_SERIAL] = {"serial", false},
	[ENCL_PKCS11_OBJECT] = {"object", false},
	[ENCL_PKCS11_ID] = {"id", false},
	[ENCL_PKCS11_TYPE] = {"type", false},
	[ENCL_PKCS11_PIN_SOURCE] = {"pin-source", true},
	[ENCL_PKCS11_MODULE_PATH] = {"module-path", true},
};

void
encl_pkcs11_uri_clear(struct encl_pkcs11_uri *u)
{
	for (size_t i = 0; i < ENCL_PKCS11_ATTRIBUTES; i++)
		free(u->values[i]);
	free(u->key);
	memset(u, 0, sizeof *u);
}

/* %XX undone; NULL: not well-formed, empty, or a NUL. */
static char *
decode(const char *p, size_t n)
{
	static const char plain[] = "-._~:[]@!$'()*+,=/";
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = MAX_URI};
	uint64_t byte;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%') {
			if (n - i < 3 || !encl_parse_hex(p + i + 1, 2, &byte) || !byte)
				return NULL;
			encl_buf_add_byte(&b, (uint8_t)byte);
			i += 2;
		} else if (isalnum((unsigned char)p[i]) || strchr(plain, p[i]) ||
			   p[i] == '&' || p[i] == '?') {
			encl_buf_add_byte(&b, (uint8_t)p[i]);
		} else {
			return NULL;
		}
	}
	return b.len ? (char *)encl_buf_steal(&b, NULL) : NULL;
}

/* One NAME=VALUE. */
static const char *
take(struct encl_pkcs11_uri *u, const char *p, size_t n, bool query)
{
	const char *equals = memchr(p, '=', n);
	size_t name = equals ? (size_t)(equals - p) : n;
	char *value;

	if (name == 9 && !memcmp(p, "pin-value", 9))
		return "has the PIN in it (pin-value), where others see it; give a file "
		       "by ?pin-source=/PATH, or ENCLAVEBUILD_PKCS11_PIN";
	for (size_t i = 0; i < ENCL_PKCS11_ATTRIBUTES; i++) {
		if (attributes[i].query != query || strlen(attributes[i].name) != name ||
		    memcmp(attributes[i].name, p, name) != 0)
			continue;
		if (u->values[i])
			return "has an attribute twice";
		value = equals ? decode(equals + 1, n - name - 1) : NULL;
		u->values[i] = value;
		return value ? NULL
			     : "has an attribute that is empty or not encoded as a URI's";
	}
	return "has an attribute that is not known here; known are token, manufacturer, "
	       "model, serial, object, id, type, and behind a ? pin-source and "
	       "module-path";
}

static const char *
take_all(struct encl_pkcs11_uri *u, const char *p, size_t n, bool query)
{
	const char *problem = NULL;

	while (n && !problem) {
		const char *end = memchr(p, query ? '&' : ';', n);
		size_t m = end ? (size_t)(end - p) : n;

		problem = take(u, p, m, query);
		n -= m + (end != NULL);
		p += m + (end != NULL);
	}
	return problem;
}

/* "file:/x" is "/x". */
static void
plain_path(char **at)
{
	if (*at && !strncmp(*at, "file:/", 6)) {
		char *path = encl_xstrdup(*at + strlen("file:"));

		free(*at);
		*at = path;
	}
}

static const char *
check(struct encl_pkcs11_uri *u)
{
	const char *type = u->values[ENCL_PKCS11_TYPE];

	plain_path(&u->values[ENCL_PKCS11_PIN_SOURCE]);
	if (!u->values[ENCL_PKCS11_TOKEN] && !u->values[ENCL_PKCS11_SERIAL])
		return "does not say which token: token= or serial=";
	if (!u->values[ENCL_PKCS11_OBJECT] && !u->values[ENCL_PKCS11_ID])
		return "does not say which key: object= or id=";
	if (type && strcmp(type, "private") != 0)
		return "is not of a private key: type=";
	if (u->values[ENCL_PKCS11_PIN_SOURCE] &&
	    *u->values[ENCL_PKCS11_PIN_SOURCE] != '/')
		return "has a pin-source that is not a file's absolute path";
	if (u->values[ENCL_PKCS11_MODULE_PATH] &&
	    *u->values[ENCL_PKCS11_MODULE_PATH] != '/')
		return "has a module-path that is not absolute";
	return NULL;
}

static char *
key_part(const struct encl_pkcs11_uri *u)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = (size_t)4 * MAX_URI};

	encl_buf_add_str(&b, "pkcs11:");
	for (size_t i = 0; i < ENCL_PKCS11_TYPE; i++) {
		const char *v = u->values[i];

		if (!v)
			continue;
		encl_buf_add_fmt(&b, "%s=", attributes[i].name);
		for (; *v; v++)
			if (isalnum((unsigned char)*v) || strchr("-._~", *v))
				encl_buf_add_byte(&b, (uint8_t)*v);
			else
				encl_buf_add_fmt(&b, "%%%02X", (unsigned char)*v);
		encl_buf_add_str(&b, ";");
	}
	encl_buf_add_str(&b, "type=private");
	return (char *)encl_buf_steal(&b, NULL);
}

const char *
encl_pkcs11_uri_parse(const char *text, struct encl_pkcs11_uri *out)
{
	encl_auto(encl_pkcs11_uri_clear) struct encl_pkcs11_uri u = {.key = NULL};
	const char *problem;
	const char *query;

	if (strncmp(text, "pkcs11:", 7) != 0 || strlen(text) > MAX_URI)
		return "is not a pkcs11: URI";
	text += 7;
	query = strchr(text, '?');
	problem =
		take_all(&u, text, query ? (size_t)(query - text) : strlen(text), false);
	if (!problem && query)
		problem = take_all(&u, query + 1, strlen(query + 1), true);
	if (!problem)
		problem = check(&u);
	if (problem || !out)
		return problem;
	u.key = key_part(&u);
	*out = encl_take(u, (struct encl_pkcs11_uri){.key = NULL});
	return NULL;
}
