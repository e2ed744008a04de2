/* SPDX-License-Identifier: Apache-2.0 */
/* Auth files: the most specific key that fits, and what its entry says. */
#include "registry/auth_file.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/stream.h"
#include "registry/helper.h"

enum { MAX_FILE = 4 * 1024 * 1024, MAX_AUTH = 1024 * 1024 };

const char *
encl_auth_canonical_host(const char *host)
{
	if (!strcmp(host, "index.docker.io") || !strcmp(host, "registry-1.docker.io"))
		return "docker.io";
	return host;
}

const char *
encl_auth_server(const char *host)
{
	return !strcmp(encl_auth_canonical_host(host), "docker.io") ? ENCL_AUTH_HUB_KEY
								    : host;
}

static bool
is_blank(const char *text, size_t n)
{
	while (n && text[n - 1] && strchr(" \t\r\n", text[n - 1]))
		n--;
	return !n;
}

int
encl_auth_file_parse(const char *text, size_t n, const char *path, json_t **out,
		     struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = NULL;

	if (is_blank(text, n))
		doc = json_object();
	else if (encl_secret_json_parse(text, n, path, &doc, e))
		return -1;
	if (!json_is_object(doc))
		return encl_fail(e, ENCL_FAILED, "%s: not a JSON object", path);
	*out = encl_take(doc, NULL);
	return 0;
}

int
encl_auth_file_read(const char *path, json_t **out, struct encl_err *e)
{
	encl_auto(encl_secret_free) char *text = NULL;
	size_t n;

	*out = NULL;
	if (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (encl_read_file(path, MAX_FILE, &text, &n, e))
		return -1;
	return encl_auth_file_parse(text, n, path, out, e);
}

/* Whether a key means the whole host: itself, with a scheme before it or the
 * path of an API version behind it. */
static bool
key_is_host(const char *key, const char *host)
{
	const char *https = !strncmp(key, "https://", 8) ? key + 8 : NULL;
	const char *http = !strncmp(key, "http://", 7) ? key + 7 : NULL;
	const char *rest = https ? https : http ? http : key;
	size_t n = strcspn(rest, "/");
	encl_auto(encl_free) char *name = encl_xstrndup(rest, n);
	bool version = !strcmp(rest + n, "/v1/") || !strcmp(rest + n, "/v2/");

	if (rest != key)
		version = version || !strcmp(rest + n, "/v1") || !strcmp(rest + n, "/v2");
	if (rest[n] && strcmp(rest + n, "/") != 0 && !version)
		return false;
	return !strcmp(encl_auth_canonical_host(name), encl_auth_canonical_host(host));
}

/* The member whose key fits best: host/ns/repo, host/ns, host, host's others. */
static const json_t *
lookup(const json_t *map, const char *host, const char *repository)
{
	encl_auto(encl_free) char *key =
		encl_xasprintf("%s/%s", encl_auth_canonical_host(host), repository);
	json_t *v;
	const char *k;
	char *slash;

	while ((slash = strrchr(key, '/'))) {
		v = json_object_get(map, key);
		if (v)
			return v;
		*slash = 0;
	}
	v = json_object_get(map, encl_auth_server(host));
	if (v)
		return v;
	json_object_foreach ((json_t *)(uintptr_t)map, k, v)
		if (key_is_host(k, host))
			return v;
	return NULL;
}

static int
wrong(const char *path, const char *member, const char *host, const char *what,
      struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s: %s of \"%s\" is %s", path, member, host,
			 what);
}

int
encl_auth_file_helper(const json_t *doc, const char *path, const char *host,
		      const char *repository, const char **name, const char **key,
		      struct encl_err *e)
{
	const json_t *v = lookup(json_object_get(doc, "credHelpers"), host, repository);

	*name = NULL;
	*key = "credHelpers";
	if (!v) {
		*key = "credsStore";
		v = json_object_get(doc, "credsStore");
	}
	if (!v || (json_is_string(v) && !json_string_length(v)))
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v) ||
	    !encl_helper_name_ok(json_string_value(v)))
		return encl_fail(e, ENCL_FAILED,
				 "%s: %s: not the name of a credential helper (what "
				 "follows \"docker-credential-\")",
				 path, *key);
	*name = json_string_value(v);
	return 0;
}

/* base64 of "user:password"; Docker once put NULs behind the password. */
static int
decode_auth(const char *text, const char *path, const char *host,
	    struct encl_credentials *out, struct encl_err *e)
{
	size_t n = strlen(text);
	encl_auto(encl_secret_buf_clear) struct encl_buf plain;
	char *colon;
	int size;

	encl_secret_buf_init(&plain, n);
	size = n % 4 || n > MAX_AUTH
		       ? -1
		       : EVP_DecodeBlock(plain.data, (const uint8_t *)text, (int)n);
	colon = size > 0 ? memchr(plain.data, ':', (size_t)size) : NULL;
	if (!colon || memchr(plain.data, 0, (size_t)((uint8_t *)colon - plain.data)))
		return wrong(path, "\"auth\"", host, "not base64 of USER:PASSWORD", e);
	*colon = 0;
	out->user = encl_xstrdup((const char *)plain.data);
	out->password = encl_xstrdup(colon + 1);
	return 0;
}

static int
take_text(const json_t *entry, const char *key, const char *path, const char *host,
	  char **out, struct encl_err *e)
{
	const json_t *v = json_object_get(entry, key);

	*out = NULL;
	if (!v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)))
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return wrong(path, key, host, "not text", e);
	*out = encl_xstrdup(json_string_value(v));
	return 0;
}

int
encl_auth_file_entry(const json_t *doc, const char *path, const char *host,
		     const char *repository, struct encl_credentials *out, bool *found,
		     struct encl_err *e)
{
	const json_t *entry = lookup(json_object_get(doc, "auths"), host, repository);
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_secret_free) char *auth = NULL;

	*found = false;
	if (!entry || json_is_null(entry))
		return 0;
	if (!json_is_object(entry))
		return wrong(path, "auths", host, "not an object", e);
	if (take_text(entry, "auth", path, host, &auth, e) ||
	    take_text(entry, "identitytoken", path, host, &c.identity_token, e) ||
	    take_text(entry, "registrytoken", path, host, &c.registry_token, e))
		return -1;
	/* it is sent as it is */
	for (const char *s = c.registry_token; s && *s; s++)
		if (*s <= ' ' || *s > '~')
			return wrong(path, "registrytoken", host,
				     "not fit for a header field", e);
	if (auth) {
		if (decode_auth(auth, path, host, &c, e))
			return -1;
	} else if (take_text(entry, "username", path, host, &c.user, e) ||
		   take_text(entry, "password", path, host, &c.password, e)) {
		return -1;
	}
	if (c.user && !strcmp(c.user, "<token>") && !c.identity_token)
		c.identity_token = encl_take(c.password, NULL);
	*found = c.identity_token || c.registry_token || (c.user && c.password);
	if (*found)
		*out = encl_take(c, (struct encl_credentials){0});
	return 0;
}

static json_t *
base64_of(const char *user, const char *password)
{
	encl_auto(encl_secret_free) char *plain = encl_xasprintf("%s:%s", user, password);
	size_t n = strlen(plain);
	encl_auto(encl_secret_buf_clear) struct encl_buf text;

	encl_secret_buf_init(&text, n * 4 / 3 + 8);
	EVP_EncodeBlock(text.data, (const uint8_t *)plain, (int)n);
	return json_string((const char *)text.data);
}

void
encl_auth_file_set(json_t *doc, const char *host, const struct encl_credentials *c)
{
	json_t *auths = json_object_get(doc, "auths");
	json_t *entry = json_object();

	if (!json_is_object(auths)) {
		auths = json_object();
		json_object_set_new(doc, "auths", auths);
	}
	if (c->user)
		json_object_set_new(entry, "auth",
				    base64_of(c->user, c->password ? c->password : ""));
	if (c->identity_token)
		json_object_set_new(entry, "identitytoken",
				    json_string(c->identity_token));
	if (c->registry_token)
		json_object_set_new(entry, "registrytoken",
				    json_string(c->registry_token));
	json_object_set_new(auths, encl_auth_server(host), entry);
}

bool
encl_auth_file_remove(json_t *doc, const char *host)
{
	json_t *auths = json_object_get(doc, "auths");
	const char *key;
	json_t *entry;
	void *next;
	bool any = false;

	json_object_foreach_safe(auths, next, key, entry)
	{
		if (!key_is_host(key, host))
			continue;
		json_object_del(auths, key);
		any = true;
	}
	return any;
}
