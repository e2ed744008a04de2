/* SPDX-License-Identifier: Apache-2.0 */
/* An end of the relay to a socket. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "launch/relay.h"

enum { BACKLOG = 4096, ANY_CID = -1, LOCAL_CID = 1 };

/* struct sockaddr_vm of linux/vm_sockets.h, which musl does not ship. */
struct vsock_address {
	unsigned short family;
	unsigned short reserved;
	uint32_t port;
	uint32_t cid;
	uint8_t flags;
	uint8_t zero[3];
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
	struct vsock_address vsock;
};

static socklen_t
tcp_address(const struct encl_relay_end *end, union address *a)
{
	const char *host = end->host ? end->host : "127.0.0.1";
	const uint16_t port = htons((uint16_t)end->port);

	if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = port;
		return sizeof a->v4;
	}
	if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = port;
		return sizeof a->v6;
	}
	return 0;
}

static socklen_t
fill_address(const struct encl_relay_end *end, uint32_t cid, union address *a)
{
	size_t n;

	memset(a, 0, sizeof *a);
	switch (end->kind) {
	case ENCL_RELAY_TCP:
		return end->port <= UINT16_MAX ? tcp_address(end, a) : 0;
	case ENCL_RELAY_VSOCK:
		a->vsock.family = AF_VSOCK;
		a->vsock.cid = cid;
		a->vsock.port = end->port;
		return sizeof a->vsock;
	case ENCL_RELAY_UNIX:
		n = end->path ? strlen(end->path) : sizeof a->local.sun_path;
		if (n >= sizeof a->local.sun_path)
			return 0;
		a->local.sun_family = AF_UNIX;
		memcpy(a->local.sun_path, end->path, n + 1);
		return sizeof a->local;
	case ENCL_RELAY_OPEN:
		break;
	}
	return 0;
}

/* Sockets that a listener accepts inherit these. */
void
encl_relay_set_tcp(int fd)
{
	static const struct {
		int level, name, value;
	} set[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
		   /* Who vanishes without a word is missed after some minutes. */
		   {SOL_SOCKET, SO_KEEPALIVE, 1},
		   {IPPROTO_TCP, TCP_KEEPIDLE, 300},
		   {IPPROTO_TCP, TCP_KEEPINTVL, 30},
		   {IPPROTO_TCP, TCP_KEEPCNT, 4}};

	for (size_t i = 0; i < sizeof set / sizeof *set; i++)
		setsockopt(fd, set[i].level, set[i].name, &set[i].value,
			   sizeof set[i].value);
}

static int
open_socket(const union address *a)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (a->any.sa_family == AF_INET || a->any.sa_family == AF_INET6))
		encl_relay_set_tcp(fd);
	return fd;
}

static int
close_failed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int
encl_relay_listen(const struct encl_relay_end *end)
{
	const int one = 1;
	union address a;
	socklen_t n = fill_address(end, (uint32_t)ANY_CID, &a);
	int fd;

	if (!n || end->kind == ENCL_RELAY_UNIX) {
		errno = EINVAL;
		return -1;
	}
	fd = open_socket(&a);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (a.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, &a.any, n) || listen(fd, BACKLOG))
		return close_failed(fd);
	return fd;
}

/* Only after the answer may anything else follow. */
static int
ask(int fd, uint32_t port)
{
	char text[32];
	int n = snprintf(text, sizeof text, "CONNECT %u\n", port);

	return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n ? 0 : -1;
}

int
encl_relay_connect(const struct encl_relay_end *end, bool *pending)
{
	union address a;
	socklen_t n = fill_address(end, end->cid, &a);
	int fd;

	*pending = false;
	if (!n) {
		errno = EINVAL;
		return -1;
	}
	fd = open_socket(&a);
	if (fd < 0)
		return -1;
	if (connect(fd, &a.any, n)) {
		if (errno != EINPROGRESS)
			return close_failed(fd);
		*pending = true;
	} else if (end->kind == ENCL_RELAY_UNIX && ask(fd, end->port)) {
		return close_failed(fd);
	}
	return fd;
}

/* Loopback tells 1; kernels that had none of its own (before 5.6) our own CID. */
bool
encl_relay_is_own(int fd)
{
	union address peer = {.any = {.sa_family = AF_UNSPEC}};
	union address own = peer;
	socklen_t n = sizeof peer;
	socklen_t m = sizeof own;

	if (getpeername(fd, &peer.any, &n) || getsockname(fd, &own.any, &m) ||
	    peer.any.sa_family != AF_VSOCK)
		return false;
	return peer.vsock.cid == LOCAL_CID || peer.vsock.cid == own.vsock.cid;
}
