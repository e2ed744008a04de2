/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the parent's end of egress share. */
#ifndef ENCL_LAUNCH_EGRESS_INTERNAL_H
#define ENCL_LAUNCH_EGRESS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "launch/egress.h"

enum { ENCL_EGRESS_ADDRESSES = 16, ENCL_EGRESS_HOST = 256 };

/* ---- egress_request.c ---- */

struct encl_egress_request {
	char host[ENCL_EGRESS_HOST]; /* a name or an address in digits */
	unsigned port;
	bool plain;  /* who asks wants no answer but of a failure */
	size_t head; /* bytes of the request; what follows is the target's */
};

/*
 * Reads "CONNECT HOST:PORT HTTP/1.1" and its header lines: 1 when all of it is
 * there, 0 when not, -1 when it is something else.
 */
int encl_egress_read(const char *p, size_t n, struct encl_egress_request *out);

/* ---- egress_address.c ---- */

/*
 * Why a connection to an address is refused (a constant), or NULL.  IPv4 within
 * IPv6 (mapped, NAT64, 6to4) is judged as what it leads to.
 */
const char *encl_egress_refuses(const struct sockaddr *a, bool local);

/* "203.0.113.7:443", "[2001:db8::1]:443" */
enum { ENCL_EGRESS_TEXT = 64 };
void encl_egress_format(const struct sockaddr *a, char out[ENCL_EGRESS_TEXT]);

/* ---- egress_resolve.c: names by some threads ---- */

struct encl_resolver;
struct encl_lookup {
	struct sockaddr_storage v[ENCL_EGRESS_ADDRESSES];
	size_t n;
	const char *why; /* where n is 0: a constant */
	void *arg;
	/* private */
	char host[ENCL_EGRESS_HOST];
	unsigned port;
	bool abandoned;
	struct encl_lookup *next;
};

/* NULL where the descriptor cannot be had. */
struct encl_resolver *encl_resolver_new(void);
/* Lookups that nobody has taken end by themselves, behind it. */
void encl_resolver_free(struct encl_resolver *r);    /* NULL is fine */
int encl_resolver_fd(const struct encl_resolver *r); /* readable: take */
/* NULL: too many wait. */
struct encl_lookup *encl_resolver_ask(struct encl_resolver *r, const char *host,
				      unsigned port, void *arg);
/* One that is done, to be freed by free(); NULL: no more. */
struct encl_lookup *encl_resolver_take(struct encl_resolver *r);
/* Its answer is not wanted any more. */
void encl_resolver_abandon(struct encl_resolver *r, struct encl_lookup *l);

/* ---- egress.c ---- */

/*
 * Serves what comes to a listener, which is its own from now on.  cid: only from
 * there (AF_VSOCK); 0: from anyone.
 */
struct encl_egress *encl_egress_serve(int listener, bool framed, uint32_t cid,
				      const struct encl_egress_options *o);

#endif
