/* SPDX-License-Identifier: Apache-2.0 */
/* URLs by libcurl's parser, which is the one that requests go through. */
#include "registry/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/parse.h"

void
encl_origin_clear(struct encl_origin *o)
{
	free(o->scheme);
	free(o->host);
	memset(o, 0, sizeof *o);
}

bool
encl_origin_equal(const struct encl_origin *a, const struct encl_origin *b)
{
	return a->port == b->port && !strcmp(a->scheme, b->scheme) &&
	       !strcasecmp(a->host, b->host);
}

/* One part of a URL, malloc'ed by us; NULL where there is none. */
static char *
part(CURLU *u, CURLUPart which)
{
	char *text = NULL;
	char *copy;

	if (curl_url_get(u, which, &text,
			 which == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0))
		return NULL;
	copy = encl_xstrdup(text);
	curl_free(text);
	return copy;
}

static char *
shown(const char *url)
{
	encl_auto(encl_free) char *safe = encl_escape(url, strnlen(url, 200));

	return encl_http_redact(safe);
}

static int
malformed(const char *url, struct encl_err *e)
{
	encl_auto(encl_free) char *safe = shown(url);

	return encl_fail(e, ENCL_NETWORK, "\"%s\" is not a http or https URL", safe);
}

static char *
without_brackets(char *own_host)
{
	size_t n = strlen(own_host);

	if (n > 2 && *own_host == '[' && own_host[n - 1] == ']') {
		memmove(own_host, own_host + 1, n - 2);
		own_host[n - 2] = 0;
	}
	return own_host;
}

int
encl_origin_of(const char *url, struct encl_origin *out, struct encl_err *e)
{
	encl_auto(curl_url_cleanup) CURLU *u = curl_url();
	encl_auto(encl_origin_clear) struct encl_origin o = {0};
	encl_auto(encl_free) char *port = NULL;
	encl_auto(encl_free) char *user = NULL;
	uint64_t number;

	if (!u)
		abort();
	if (curl_url_set(u, CURLUPART_URL, url, 0))
		return malformed(url, e);
	o.scheme = part(u, CURLUPART_SCHEME);
	o.host = part(u, CURLUPART_HOST);
	port = part(u, CURLUPART_PORT);
	user = part(u, CURLUPART_USER);
	if (!o.scheme || !o.host || !*o.host || !port || user ||
	    (strcmp(o.scheme, "https") != 0 && strcmp(o.scheme, "http") != 0) ||
	    !encl_parse_uint(port, 10, 65535, &number))
		return malformed(url, e);
	o.host = without_brackets(o.host);
	for (char *c = o.host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	o.port = (unsigned)number;
	*out = o;
	memset(&o, 0, sizeof o);
	return 0;
}

static enum encl_place
place_of_ipv4(uint32_t a)
{
	if (a >> 24 == 127)
		return ENCL_PLACE_LOOPBACK;
	if (a >> 24 == 0 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	    a >> 16 == 0xa9fe || a >> 22 == 0x191 /* 100.64/10 */ || a >> 28 >= 0xe)
		return ENCL_PLACE_INSIDE;
	return ENCL_PLACE_ANY;
}

static enum encl_place
place_of_ipv6(const struct in6_addr *a)
{
	const uint8_t *b = a->s6_addr;

	if (IN6_IS_ADDR_LOOPBACK(a))
		return ENCL_PLACE_LOOPBACK;
	if (IN6_IS_ADDR_V4MAPPED(a) || (!memcmp(b, "\0\x64\xff\x9b", 4)))
		return place_of_ipv4((uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 |
				     (uint32_t)b[14] << 8 | b[15]);
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    IN6_IS_ADDR_SITELOCAL(a) || IN6_IS_ADDR_MULTICAST(a) ||
	    (b[0] & 0xfe) == 0xfc || IN6_IS_ADDR_V4COMPAT(a))
		return ENCL_PLACE_INSIDE;
	return ENCL_PLACE_ANY;
}

enum encl_place
encl_place_of(const char *host)
{
	encl_auto(encl_free) char *name = without_brackets(encl_xstrdup(host));
	struct in6_addr v6;
	struct in_addr v4;
	size_t n;

	name[strcspn(name, "%")] = 0; /* a zone */
	n = strlen(name);
	if (n && name[n - 1] == '.')
		name[--n] = 0;
	if (inet_pton(AF_INET6, name, &v6) == 1)
		return place_of_ipv6(&v6);
	if (inet_aton(name, &v4)) /* also 0x7f.1 and 2130706433, as resolvers do */
		return place_of_ipv4(ntohl(v4.s_addr));
	if (!strcasecmp(name, "localhost") ||
	    (n > 10 && !strcasecmp(name + n - 10, ".localhost")))
		return ENCL_PLACE_LOOPBACK;
	return ENCL_PLACE_ANY;
}

int
encl_address_check(const struct encl_origin *from, const char *url, const char *what,
		   struct encl_err *e)
{
	encl_auto(encl_origin_clear) struct encl_origin to = {0};
	encl_auto(encl_free) char *safe = shown(url);
	enum encl_place place;

	if (encl_origin_of(url, &to, e) || !to.host || !to.scheme)
		return encl_wrap(e, "%s of %s", what, from->host);
	if (!strcmp(from->scheme, "https") && strcmp(to.scheme, "https") != 0)
		return encl_fail(e, ENCL_NETWORK,
				 "%s of %s leads from https to http: %s (refused)", what,
				 from->host, safe);
	place = encl_place_of(to.host);
	if (place == ENCL_PLACE_ANY || !strcasecmp(from->host, to.host) ||
	    (place == ENCL_PLACE_LOOPBACK &&
	     encl_place_of(from->host) == ENCL_PLACE_LOOPBACK))
		return 0;
	return encl_fail(e, ENCL_NETWORK,
			 "%s of %s leads to an address inside this network: %s (refused)",
			 what, from->host, safe);
}

/* A port that the server left out though the request named it is put in again:
 * signatures of some stores cover it. */
static void
keep_port(CURLU *base, CURLU *u)
{
	encl_auto(encl_free) char *from = part(base, CURLUPART_HOST);
	encl_auto(encl_free) char *to = part(u, CURLUPART_HOST);
	encl_auto(encl_free) char *from_scheme = part(base, CURLUPART_SCHEME);
	encl_auto(encl_free) char *to_scheme = part(u, CURLUPART_SCHEME);
	char *port = NULL;
	char *given = NULL;

	if (!from || !to || !from_scheme || !to_scheme || strcasecmp(from, to) != 0 ||
	    strcmp(from_scheme, to_scheme) != 0)
		return;
	if (!curl_url_get(base, CURLUPART_PORT, &port, 0) &&
	    curl_url_get(u, CURLUPART_PORT, &given, 0) &&
	    !strcmp(port, strcmp(to_scheme, "https") ? "80" : "443"))
		curl_url_set(u, CURLUPART_PORT, port, 0);
	curl_free(port);
	curl_free(given);
}

char *
encl_address_resolve(const char *base, const char *location)
{
	encl_auto(curl_url_cleanup) CURLU *u = curl_url();
	encl_auto(curl_url_cleanup) CURLU *b = curl_url();
	encl_auto(encl_free) char *trimmed = encl_xstrdup(location);

	if (!u || !b)
		abort();
	trimmed[strcspn(trimmed, "#")] = 0;
	if (curl_url_set(b, CURLUPART_URL, base, 0) ||
	    curl_url_set(u, CURLUPART_URL, base, 0) ||
	    curl_url_set(u, CURLUPART_URL, trimmed, 0))
		return NULL;
	keep_port(b, u);
	return part(u, CURLUPART_URL);
}
