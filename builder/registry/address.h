/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: which server a URL is about, and whether one server may send us
 * to another. */
#ifndef ENCL_REGISTRY_ADDRESS_H
#define ENCL_REGISTRY_ADDRESS_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"

/* A server: credentials belong to exactly one. */
struct encl_origin {
	char *scheme; /* "https" or "http" */
	char *host;   /* lower case; an IPv6 address without brackets */
	unsigned port;
};
void encl_origin_clear(struct encl_origin *o);
ENCL_AUTO_VAL(struct encl_origin, encl_origin_clear);
bool encl_origin_equal(const struct encl_origin *a, const struct encl_origin *b);

/* Of a URL; ENCL_NETWORK where it is no http or https URL, or names a user. */
int encl_origin_of(const char *url, struct encl_origin *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* Where a host name or address leads, as far as its text tells. */
enum encl_place {
	ENCL_PLACE_ANY,
	ENCL_PLACE_LOOPBACK, /* 127/8, ::1, localhost and names below it */
	ENCL_PLACE_INSIDE    /* addresses that are private, link-local or none */
};
enum encl_place encl_place_of(const char *host);

/*
 * Whether the server of `from` may send us to `url` (what says as what: "a
 * redirect", "its token server"): no step from https to http, and no address
 * inside (loopback, private, link-local) but from the same host, or loopback
 * from loopback.
 */
int encl_address_check(const struct encl_origin *from, const char *url, const char *what,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* A Location, absolute or not, as seen from base (absolute); NULL: malformed.
 * malloc'ed. */
char *encl_address_resolve(const char *base, const char *location);

#endif
