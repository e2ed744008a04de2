/* SPDX-License-Identifier: Apache-2.0 */
/* AF_VSOCK as unix sockets: of nitrod's folder, or of vhost-device-vsock. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "nitro/shim/shim.h"

enum {
	ANSWER_MS = 2000, /* as long as the kernel tries to connect */
	PARENT_CID = 3
};

static const struct sockaddr_vm anyone = {
	.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};

int
socket(int family, int type, int protocol)
{
	bool vsock = family == AF_VSOCK && getenv("NITROD_SOCKET");
	int fd = (int)syscall(SYS_socket, vsock ? AF_UNIX : family, type, protocol);
	struct slot *s = vsock ? shim_mark(fd, VSOCK) : NULL;

	if (s)
		s->peer = anyone;
	return fd;
}

int
bind(int fd, const struct sockaddr *address, socklen_t n)
{
	const struct sockaddr_vm *want =
		(const struct sockaddr_vm *)(const void *)address;
	struct slot *s = shim_find(fd, VSOCK);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct nitro_request q = {.op = NITRO_LISTEN};
	struct nitro_answer a;
	int error;

	if (!s)
		return (int)syscall(SYS_bind, fd, address, n);
	if (n < sizeof *want || want->svm_family != AF_VSOCK || s->local.svm_port)
		return shim_fail(EINVAL);
	if (want->svm_cid != VMADDR_CID_ANY && want->svm_cid != PARENT_CID)
		return shim_fail(EADDRNOTAVAIL);
	q.a[0] = want->svm_port;
	error = shim_ask(&q, &a, NULL);
	if (error)
		return shim_fail(error);
	snprintf(at.sun_path, sizeof at.sun_path, "%.107s", a.text);
	s->local = *want;
	s->local.svm_port = (uint32_t)a.a[0];
	return (int)syscall(SYS_bind, fd, &at, sizeof at);
}

/* "CONNECT port", "OK n": as vhost-device-vsock wants it; errno or 0. */
static int
greet(int fd, uint32_t port)
{
	char text[32];
	int n = snprintf(text, sizeof text, "CONNECT %u\n", port);
	char byte = 0;

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return ECONNRESET;
	while (byte != '\n') {
		struct pollfd p = {fd, POLLIN, 0};

		if (poll(&p, 1, ANSWER_MS) == 0)
			return ETIMEDOUT;
		if (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
			return ECONNRESET;
	}
	return 0;
}

static int
connect_enclave(int fd, uint32_t cid, uint32_t port)
{
	struct nitro_request q = {.op = NITRO_CONNECT, .a = {cid, port}};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct nitro_answer a;
	int got = -1, error = shim_ask(&q, &a, &got);

	if (error)
		return error;
	if (got >= 0) { /* the console: its end takes the place of ours */
		int flags = fcntl(fd, F_GETFL), descriptor = fcntl(fd, F_GETFD);

		dup3(got, fd, descriptor & FD_CLOEXEC ? O_CLOEXEC : 0);
		fcntl(fd, F_SETFL, flags);
		shim_close(got);
		shim_slots[fd].inode = shim_inode(fd);
		return 0;
	}
	snprintf(at.sun_path, sizeof at.sun_path, "%.107s", a.text);
	if (syscall(SYS_connect, fd, &at, sizeof at))
		return ECONNRESET;
	error = greet(fd, port);
	if (error)
		shutdown(fd, SHUT_RDWR);
	return error;
}

/* Decided at once; but who does not block hears of it as from the kernel. */
int
connect(int fd, const struct sockaddr *address, socklen_t n)
{
	const struct sockaddr_vm *to = (const struct sockaddr_vm *)(const void *)address;
	struct slot *s = shim_find(fd, VSOCK);
	int error;

	if (!s)
		return (int)syscall(SYS_connect, fd, address, n);
	if (n < sizeof *to || to->svm_family != AF_VSOCK)
		return shim_fail(EINVAL);
	error = connect_enclave(fd, to->svm_cid, to->svm_port);
	if (!error)
		s->peer = *to;
	if (!(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return error ? shim_fail(error) : 0;
	s->error = error;
	return shim_fail(EINPROGRESS);
}

/* Who came: nitrod itself says so in its address, a guest comes by its program. */
static struct sockaddr_vm
peer_of(int fd)
{
	struct sockaddr_vm who = anyone;
	struct sockaddr_un a = {0};
	struct ucred by = {0};
	socklen_t n = sizeof a, n_by = sizeof by;
	const char *name = a.sun_path + 1;
	struct nitro_request q = {.op = NITRO_PEER};
	struct nitro_answer answer;

	who.svm_port = 1024 + (uint32_t)fd;
	if (!syscall(SYS_getpeername, fd, &a, &n) && !a.sun_path[0] &&
	    !strncmp(name, NITRO_CALLER, strlen(NITRO_CALLER))) {
		who.svm_cid = (uint32_t)strtoul(name + strlen(NITRO_CALLER), NULL, 10);
		return who;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &by, &n_by);
	q.a[0] = (uint64_t)by.pid;
	if (!shim_ask(&q, &answer, NULL) && answer.a[0])
		who.svm_cid = (uint32_t)answer.a[0];
	return who;
}

static void
give_address(const struct sockaddr_vm *from, struct sockaddr *to, socklen_t *n)
{
	if (!to || !n)
		return;
	memcpy(to, from, *n < sizeof *from ? *n : sizeof *from);
	*n = sizeof *from;
}

/* A listener that came from another process: known by its name. */
static struct slot *
adopt(int fd)
{
	const char *ours = getenv("NITROD_SOCKET"), *end;
	struct sockaddr_un a = {0};
	socklen_t n = sizeof a - 1;
	struct slot *s;
	size_t folder;

	if (!ours || !(end = strrchr(ours, '/')) ||
	    syscall(SYS_getsockname, fd, &a, &n) || a.sun_family != AF_UNIX)
		return NULL;
	folder = (size_t)(end + 1 - ours);
	if (strncmp(a.sun_path, ours, folder) != 0 ||
	    strncmp(a.sun_path + folder, "host_", 5) != 0)
		return NULL;
	s = shim_mark(fd, VSOCK);
	if (s) {
		s->local = anyone;
		s->local.svm_port = (uint32_t)strtoul(a.sun_path + folder + 5, NULL, 10);
	}
	return s;
}

int
accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
	struct slot *listener = shim_find(fd, VSOCK), *s;
	int got;

	if (!listener)
		listener = adopt(fd);
	if (!listener)
		return (int)syscall(SYS_accept4, fd, address, n, flags);
	got = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
	s = shim_mark(got, VSOCK);
	if (!s)
		return got;
	s->local.svm_family = AF_VSOCK;
	s->accepted = true;
	if (address) {
		s->peer = peer_of(got);
		s->accepted = false;
		give_address(&s->peer, address, n);
	}
	return got;
}

int
accept(int fd, struct sockaddr *address, socklen_t *n)
{
	return accept4(fd, address, n, 0);
}

int
getpeername(int fd, struct sockaddr *address, socklen_t *n)
{
	struct slot *s = shim_find(fd, VSOCK);

	if (!s)
		return (int)syscall(SYS_getpeername, fd, address, n);
	if (s->accepted)
		s->peer = peer_of(fd);
	s->accepted = false;
	if (s->peer.svm_cid == VMADDR_CID_ANY)
		return shim_fail(ENOTCONN);
	give_address(&s->peer, address, n);
	return 0;
}

int
getsockname(int fd, struct sockaddr *address, socklen_t *n)
{
	const struct slot *s = shim_find(fd, VSOCK);
	struct sockaddr_vm local;

	if (!s)
		return (int)syscall(SYS_getsockname, fd, address, n);
	local = s->local;
	local.svm_family = AF_VSOCK;
	if (!local.svm_port)
		local.svm_cid = PARENT_CID;
	give_address(&local, address, n);
	return 0;
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
	struct slot *s = shim_find(fd, VSOCK);

	if (s && level == SOL_SOCKET && *n >= sizeof(int) &&
	    (option == SO_DOMAIN || (option == SO_ERROR && s->error))) {
		int v = option == SO_DOMAIN ? AF_VSOCK : s->error;

		if (option == SO_ERROR)
			s->error = 0;
		memcpy(value, &v, sizeof v);
		*n = sizeof v;
		return 0;
	}
	return (int)syscall(SYS_getsockopt, fd, level, option, value, n);
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t n)
{
	if (level == AF_VSOCK && shim_find(fd, VSOCK))
		return 0;
	return (int)syscall(SYS_setsockopt, fd, level, option, value, n);
}
