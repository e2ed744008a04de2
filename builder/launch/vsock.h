/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock without a kernel module: vhost-device-vsock serves QEMU's
 * vhost-user-vsock-device and maps the guest's connections to CID 2 onto unix
 * sockets in a folder of ours; the heartbeat of port 9000 is answered here.
 */
#ifndef ENCL_LAUNCH_VSOCK_H
#define ENCL_LAUNCH_VSOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/child.h"
#include "launch/janitor.h"

struct encl_vsock {
	char *folder; /* NULL: not open; everything in it is ours */
	char *device; /* QEMU's chardev connects here */
	char *socket; /* takes connections to the enclave: "CONNECT PORT\n" */
	int listener; /* heartbeat */
	int peer;     /* its connection, or -1 */
	bool beat;    /* seen and answered */
	bool other;   /* a byte that is no heartbeat came, and got no answer: */
	uint8_t byte;
	struct encl_child program;
	struct encl_janitor janitor;
};

/* Path of vhost-device-vsock (malloc'ed): ENCLAVEBUILD_VHOST_DEVICE_VSOCK,
 * PATH, $CARGO_HOME/bin or ~/.cargo/bin; NULL where it is not there. */
char *encl_vsock_find(void);

int encl_vsock_open(struct encl_vsock *v, const char *program,
		    struct encl_err *e) ENCL_MUST_CHECK;
/* The program and its sockets anew, at the same paths, for a second attempt. */
int encl_vsock_restart(struct encl_vsock *v, const char *program,
		       struct encl_err *e) ENCL_MUST_CHECK;
void encl_vsock_clear(struct encl_vsock *v); /* a zeroed struct is fine */
ENCL_AUTO_VAL(struct encl_vsock, encl_vsock_clear);

/* Descriptor to poll for input (-1: none more), and what to do then. */
int encl_vsock_fd(const struct encl_vsock *v);
void encl_vsock_step(struct encl_vsock *v);

#endif
