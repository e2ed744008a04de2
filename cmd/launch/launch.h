/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The duties of launch, in the order in which main() calls them
 * (docs/guest.md).  What the app may do without is a warning; what it was
 * promised (user, working folder, program) ends the unit that was.
 */
#ifndef LAUNCH_LAUNCH_H
#define LAUNCH_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest/say.h"
#include "launch/config.h"

/* launch itself failed (docker run's code for that). */
enum { LAUNCH_FAILED = 125 };

/* network.c: lo with 127.0.0.1/8 and ::1, host name. */
void launch_network(const struct config *c);
/* etc.c: /etc/hosts and /etc/resolv.conf. */
void launch_etc(const struct config *c);
/* system.c: limits, an executable /tmp under AWS's init, devices of the user. */
void launch_system(const struct config *c);
/* supervise.c: before anything is started. */
void launch_block_signals(void);
/* ingress.c: ports of the parent's, relayed by the loop from now on. */
void launch_ingress(const struct config *c);
bool launch_has_vsock(void);
/* egress.c: the proxy of network.egress listens from now on. */
void launch_egress(const struct config *c);
/* The parent's end of network.egress listens on that vsock port, says
 * the status channel.  False: the config has no egress. */
bool launch_egress_parent(uint32_t port);
/* listen.c: a TCP listener on an address of the enclave's own, which may come
 * later (a gateway's, with Docker's bridge: IP_FREEBIND); -1 and errno. */
int launch_listen(const char *address, size_t port);
/* attest.c: the API of attestation listens from now on. */
void launch_attest(const struct config *c);
/* extend.c: registers are extended and locked.  False: they are not, and nothing
 * may be started. */
bool launch_extend(const struct config *c);
/* exchanges.c: folders of the parent's; waits a moment for their content. */
void launch_exchanges(const struct config *c);

#endif
