/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of this machine that lead into an enclave, by the relay. */
#ifndef ENCL_LAUNCH_PUBLISH_H
#define ENCL_LAUNCH_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct encl_relay;
struct encl_wall;

struct encl_way {
	const char *address; /* IPv4 or IPv6, in digits */
	unsigned port;
	uint32_t vsock;	  /* of the enclave */
	const char *name; /* of network.ingress, or NULL: then launch does not know it */
};

enum {
	/* Connections that come before the enclave listens are tried until then. */
	ENCL_WAY_TIMEOUT_MS = 30000
};

/*
 * Listens for all of them at once, or ENCL_HOST naming the port: they are ours before
 * an enclave is made.  *listeners (n descriptors) wait until encl_publish_lead gives
 * them to the relay, which takes nothing from them before encl_relay_hold(relay,
 * false).
 */
int encl_publish_open(const struct encl_way *ways, size_t n, struct encl_relay **out,
		      int **listeners, struct encl_err *e) ENCL_MUST_CHECK;
int encl_publish_lead(struct encl_relay *r, int *listeners, const struct encl_way *ways,
		      size_t n, const struct encl_wall *wall,
		      struct encl_err *e) ENCL_MUST_CHECK;
void encl_publish_close(int *listeners, size_t n); /* NULL is fine */

/* "publishing 127.0.0.1:21211 -> cache (vsock 11211)", a line each. */
void encl_publish_tell(const struct encl_way *ways, size_t n, struct encl_log *log);

#endif
