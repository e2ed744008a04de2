/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's end of network.egress: an HTTP CONNECT proxy for one enclave's
 * connections.  The allow-list is the enclave's, measured; here names are resolved
 * and connections made.  What an enclave should hardly want is refused all the
 * same, unless asked for: link-local addresses (the instance's metadata service),
 * loopback and this machine's own.
 */
#ifndef ENCL_LAUNCH_EGRESS_H
#define ENCL_LAUNCH_EGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "launch/wall.h"

struct encl_egress;

struct encl_egress_options {
	bool local; /* loopback, link-local and own addresses are allowed too */
	struct encl_log *log;
};

/* Listens at the wall; *port is what the status channel tells the enclave. */
int encl_egress_open(const struct encl_wall *wall, const struct encl_egress_options *o,
		     struct encl_egress **out, uint32_t *port,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* Poll this for input, then step.  Nothing blocks: names are resolved beside it. */
int encl_egress_fd(const struct encl_egress *g);
void encl_egress_step(struct encl_egress *g);

void encl_egress_free(struct encl_egress *g); /* NULL is fine */

#endif
