/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References by the grammar of distribution-spec 1.1 (names, tags, digests of
 * image-spec descriptor.md) behind a host by Docker's rule.
 */
#include "registry/reference.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz0123456789"
#define ALNUM  LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SCHEME "docker://"

enum { TEXT_MAX = 1024, NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128, HOST_LABEL_MAX = 63 };

/* No reference has a user and a password before its host: they are not shown,
 * in a whole text or in its host alone. */
static void
hide_userinfo(char *text, bool host_alone)
{
	char *scheme = strstr(text, "://");
	char *host = scheme ? scheme + 3 : text;
	size_t n = strcspn(host, "/");
	char *at = host[n] || host_alone ? memrchr(host, '@', n) : NULL;

	if (at > host) {
		*host = '*';
		memmove(host + 1, at, strlen(at) + 1);
	}
}

/* What of a text is refused, shown safely and not too long. */
static int
refuse(const char *text, const char *part, const char *why, struct encl_err *e)
{
	encl_auto(encl_free) char *safe = encl_escape(text, strnlen(text, TEXT_MAX));
	encl_auto(encl_free) char *safe_part = encl_escape(part, strnlen(part, TEXT_MAX));

	hide_userinfo(safe, false);
	hide_userinfo(safe_part, strcmp(text, part) != 0);
	if (strlen(safe) > 200)
		memcpy(safe + 197, "...", 4);
	if (strlen(safe_part) > 200)
		memcpy(safe_part + 197, "...", 4);
	return encl_fail(e, ENCL_USAGE,
			 "\"%s\" is not a reference to an image "
			 "(HOST/NAME[:TAG][@DIGEST]): \"%s\" %s",
			 safe, safe_part, why);
}

/* Lower-case words joined by ".", "_", "__" or dashes. */
static bool
is_component(const char *s, size_t n)
{
	const char *end = s + n;

	for (;;) {
		size_t word = strspn(s, LOWER);
		size_t sep;

		s += word;
		if (!word || s > end)
			return false;
		if (s == end)
			return true;
		sep = strspn(s, "-");
		if (!sep)
			sep = *s == '.' ? 1 : strspn(s, "_");
		if (!sep || (*s == '_' && sep > 2))
			return false;
		s += sep;
	}
}

static bool
is_repository(const char *s)
{
	for (;; s++) {
		size_t n = strcspn(s, "/");

		if (!is_component(s, n))
			return false;
		s += n;
		if (!*s)
			return true;
	}
}

static bool
is_tag(const char *s)
{
	size_t n = strlen(s);

	return n && n <= TAG_MAX_BYTES && *s != '.' && *s != '-' &&
	       strspn(s, ALNUM "_.-") == n;
}

/* Words of letters, digits and inner dashes, joined by dots. */
static bool
is_host_name(const char *s)
{
	for (;; s++) {
		size_t n = strspn(s, ALNUM "-");

		if (!n || n > HOST_LABEL_MAX || *s == '-' || s[n - 1] == '-')
			return false;
		s += n;
		if (!*s)
			return true;
		if (*s != '.')
			return false;
	}
}

static bool
is_host(const char *s)
{
	encl_auto(encl_free) char *name = encl_xstrdup(s);
	char *end = *name == '[' ? strchr(name, ']') : strchr(name, ':');
	struct in6_addr address;
	uint64_t port;

	if (*name == '[') {
		if (!end)
			return false;
		*end++ = 0;
		if (inet_pton(AF_INET6, name + 1, &address) != 1)
			return false;
	} else if (end) {
		*end = 0;
	}
	if (end && *name != '[') {
		if (!encl_parse_uint(end + 1, 10, 65535, &port) || !port)
			return false;
	} else if (end && *end) {
		if (*end != ':' || !encl_parse_uint(end + 1, 10, 65535, &port) || !port)
			return false;
	}
	return *name == '[' || is_host_name(name);
}

/* The bytes of the first component where it is a host, else 0. */
static size_t
host_bytes(const char *s)
{
	size_t n = strcspn(s, "/");

	if (!s[n])
		return 0;
	if (memchr(s, '.', n) || memchr(s, ':', n) || *s == '[' ||
	    (n == 9 && !strncmp(s, "localhost", 9)))
		return n;
	return 0;
}

/* Cuts what is behind the digest's "@" and the tag's ":" off name. */
static int
cut_version(const char *text, char *name, struct encl_reference *r, struct encl_err *e)
{
	char *at = strchr(name, '@');
	char *colon;

	if (at) {
		struct encl_digest d;

		*at++ = 0;
		if (!encl_digest_parse(at, &d))
			return refuse(text, at,
				      "is not a digest (\"sha256:\" and 64 lower-case "
				      "hex digits, or \"sha512:\" and 128)",
				      e);
		r->digest = encl_xstrdup(at);
	}
	colon = strchr(name, ':');
	if (colon) {
		*colon++ = 0;
		if (!is_tag(colon))
			return refuse(text, colon,
				      "is not a tag (at most 128 letters, digits, "
				      "\"_\", \".\" and \"-\"; no \".\" or \"-\" first)",
				      e);
		r->tag = encl_xstrdup(colon);
	}
	return 0;
}

static int
parse_host(const char *text, const char *at, size_t n, struct encl_reference *r,
	   struct encl_err *e)
{
	r->host = encl_xstrndup(at, n);
	if (!strcmp(r->host, "https:") || !strcmp(r->host, "http:"))
		return refuse(text, r->host,
			      "is not a host (NAME[:PORT]); begin with the host", e);
	if (!is_host(r->host))
		return refuse(text, r->host, "is not a host (NAME[:PORT])", e);
	for (char *c = r->host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (!strcmp(r->host, "index.docker.io")) {
		free(r->host);
		r->host = encl_xstrdup("docker.io");
	}
	return 0;
}

static int
parse_repository(const char *text, const char *name, struct encl_reference *r,
		 struct encl_err *e)
{
	bool short_name = !strcmp(r->host, "docker.io") && !strchr(name, '/');

	if (strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return refuse(text, name, "is not a name: it must be in lower case", e);
	if (!is_repository(name))
		return refuse(text, name,
			      "is not a name (words of a-z and 0-9, joined by \".\", "
			      "\"_\", \"__\" or \"-\", in folders joined by \"/\")",
			      e);
	r->repository = encl_xasprintf("%s%s", short_name ? "library/" : "", name);
	if (strlen(r->repository) > NAME_MAX_BYTES)
		return refuse(text, name, "is a name longer than 255 bytes", e);
	return 0;
}

int
encl_reference_parse(const char *text, struct encl_reference *out, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	encl_auto(encl_free) char *name = NULL;
	const char *start = text;
	size_t n;

	if (!strncmp(start, SCHEME, strlen(SCHEME)))
		start += strlen(SCHEME);
	if (strnlen(start, TEXT_MAX + 1) > TEXT_MAX)
		return refuse(text, text, "is longer than 1024 bytes", e);
	n = host_bytes(start);
	if (n) {
		if (parse_host(text, start, n, &r, e))
			return -1;
		start += n + 1;
	} else {
		r.host = encl_xstrdup("docker.io");
	}
	name = encl_xstrdup(start);
	if (cut_version(text, name, &r, e) || parse_repository(text, name, &r, e))
		return -1;
	*out = r;
	memset(&r, 0, sizeof r);
	return 0;
}

void
encl_reference_clear(struct encl_reference *r)
{
	free(r->host);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	memset(r, 0, sizeof *r);
}

char *
encl_reference_text(const struct encl_reference *r)
{
	return encl_xasprintf("%s/%s%s%s%s%s", r->host, r->repository, r->tag ? ":" : "",
			      r->tag ? r->tag : "", r->digest ? "@" : "",
			      r->digest ? r->digest : "");
}

const char *
encl_reference_version(const struct encl_reference *r)
{
	if (r->digest)
		return r->digest;
	return r->tag ? r->tag : "latest";
}

const char *
encl_reference_api_host(const struct encl_reference *r)
{
	return strcmp(r->host, "docker.io") ? r->host : "registry-1.docker.io";
}

bool
encl_reference_looks_like(const char *text)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	struct encl_err ignored = {.code = ENCL_OK};
	struct stat st;

	if (!strncmp(text, SCHEME, strlen(SCHEME)))
		return true;
	return host_bytes(text) && lstat(text, &st) != 0 &&
	       encl_reference_parse(text, &r, &ignored) == 0;
}
