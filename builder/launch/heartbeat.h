/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock port 9000 of the parent, where every enclave reports that it is up: it
 * sends 0xb7 and waits for the same.  One program can have the port, so our runs
 * share it.  Whoever has it answers its own enclave, and gives every other
 * connection, with the CID that it came from, to the runs that wait beside it; and
 * the socket itself, so that one of them goes on with it, without a gap, when the
 * first one has its heartbeat or is killed.  Nobody keeps the port for longer than
 * it takes to come up.
 *
 * They meet at an abstract unix socket (SOCK_SEQPACKET), "\0enclavebuild/heartbeat/"
 * and a digest of ENCLAVEBUILD_RUN and ENCLAVEBUILD_HOST_ROOT, and trust their own
 * user only.  Runs of other users, and nitro-cli, wait for each other.
 */
#ifndef ENCL_LAUNCH_HEARTBEAT_H
#define ENCL_LAUNCH_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

struct encl_heartbeat;

/* How to get at the port; NULL stands for AF_VSOCK's. */
struct encl_heartbeat_port {
	const char *door; /* name of the abstract socket */
	/* A non-blocking listener, or -1 and errno. */
	int (*listen)(void *arg);
	/* A connection of it (non-blocking, close-on-exec) and whose it is, or -1. */
	int (*accept)(void *arg, int listener, uint32_t *cid);
	void *arg;
	unsigned wait_ms; /* for another program to give the port free */
};

/*
 * To be called before the enclave starts.  ENCL_HOST: another program has the port
 * and keeps it; ENCL_LOST: cancelled.
 */
int encl_heartbeat_open(const struct encl_heartbeat_port *port, struct encl_log *log,
			bool (*cancelled)(void *arg), void *arg,
			struct encl_heartbeat **out, struct encl_err *e) ENCL_MUST_CHECK;

/* Whose it has to be; before the first step. */
void encl_heartbeat_expect(struct encl_heartbeat *h, uint32_t cid);

/* Poll this for input; and step every 100 ms at least. */
int encl_heartbeat_fd(const struct encl_heartbeat *h);

/* True, once: the enclave is up.  Free it then: the port is for others. */
bool encl_heartbeat_step(struct encl_heartbeat *h);

void encl_heartbeat_free(struct encl_heartbeat *h);
ENCL_AUTO_PTR(struct encl_heartbeat, encl_heartbeat_free);

#endif
