/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall between a parent and its enclave, and how one gets through it: AF_VSOCK
 * on Nitro, unix sockets of vhost-device-vsock under QEMU.  Ports are vsock ports
 * in either case.
 */
#ifndef ENCL_LAUNCH_WALL_H
#define ENCL_LAUNCH_WALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/relay.h"

/* Ports that the tool and what it puts into an image use themselves;
 * network.ingress and exchange may not have them. */
enum {
	ENCL_PORT_HEARTBEAT = 9000, /* the enclave connects to the parent */
	ENCL_PORT_STATUS = 9001,    /* the parent connects to the enclave: status.h */
	ENCL_PORT_EXEC = 9002,	    /* the parent connects, where debug.exec is: exec.h */
	ENCL_PORT_EGRESS = 9003	    /* the enclave connects; with AF_VSOCK another one,
				     * which status tells it */
};

struct encl_wall {
	/* vhost-device-vsock's socket for connections to the enclave; the enclave's
	 * come to SOCKET_PORT.  NULL: AF_VSOCK. */
	char *socket;
	uint32_t cid; /* of the enclave, AF_VSOCK */
};

void encl_wall_clear(struct encl_wall *w); /* a zeroed struct is fine */
ENCL_AUTO_VAL(struct encl_wall, encl_wall_clear);

/* The end of a relay at a port of the enclave; strings stay the wall's.  frames:
 * launch serves the port, and knows frames under QEMU (relay.h). */
void encl_wall_target(const struct encl_wall *w, uint32_t port, bool frames,
		      struct encl_relay_end *out);

/* Do launch's ports take frames here? */
bool encl_wall_framed(const struct encl_wall *w);

/*
 * A connection to a port of the enclave (blocking, close-on-exec), tried for
 * timeout_ms.  ENCL_HOST: it does not answer.
 */
int encl_wall_connect(const struct encl_wall *w, uint32_t port, unsigned timeout_ms,
		      int *fd, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Listens for the enclave's connections: a non-blocking, close-on-exec descriptor.
 * *port 0: any free one with AF_VSOCK, ENCL_PORT_EGRESS otherwise; told in *port.
 */
int encl_wall_listen(const struct encl_wall *w, uint32_t *port, int *fd,
		     struct encl_err *e) ENCL_MUST_CHECK;

#endif
