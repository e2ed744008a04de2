/* SPDX-License-Identifier: Apache-2.0 */
/* Who came by vsock from this machine itself, with made-up addresses. */
#include <sys/socket.h>

/* Other tests use the real ones of the same program. */
#define encl_relay_listen    own_listen
#define encl_relay_connect   own_connect
#define encl_relay_set_tcp   own_set_tcp
#define encl_relay_is_own    own_is_own
#define getpeername(f, a, n) own_name(f, a, n, 0)
#define getsockname(f, a, n) own_name(f, a, n, 1)

static int own_name(int fd, struct sockaddr *a, socklen_t *n, int which);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../builder/launch/relay_socket.c"
#pragma GCC diagnostic pop

#include "test.h"

static struct {
	unsigned short family;
	uint32_t cids[2]; /* the peer's, ours */
} outside;

static int
own_name(int fd, struct sockaddr *a, socklen_t *n, int which)
{
	const struct vsock_address made = {.family = outside.family,
					   .cid = outside.cids[which]};

	EQ_INT(3, fd);
	memcpy(a, &made, sizeof made);
	*n = sizeof made;
	return 0;
}

static bool
is_own(unsigned short family, uint32_t peer, uint32_t own)
{
	outside.family = family;
	outside.cids[0] = peer;
	outside.cids[1] = own;
	return encl_relay_is_own(3);
}

TEST(launch_relay_knows_its_own)
{
	CHECK(!is_own(AF_VSOCK, 3, 16)); /* Nitro's parent */
	CHECK(!is_own(AF_VSOCK, 2, 3));	 /* vhost-device-vsock's */
	CHECK(is_own(AF_VSOCK, 1, 1));
	CHECK(is_own(AF_VSOCK, 1, 16));
	CHECK(is_own(AF_VSOCK, 16, 16));
	CHECK(!is_own(AF_UNIX, 1, 1));
}
