/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of an enclave to sockets. */
#include "launch/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { BACKLOG = 4096, PAUSE_MS = 100 };

void
encl_wall_clear(struct encl_wall *w)
{
	free(w->socket);
	memset(w, 0, sizeof *w);
}

bool
encl_wall_framed(const struct encl_wall *w)
{
	return w->socket != NULL;
}

void
encl_wall_target(const struct encl_wall *w, uint32_t port, bool frames,
		 struct encl_relay_end *out)
{
	*out = (struct encl_relay_end){.kind = w->socket ? ENCL_RELAY_UNIX
							 : ENCL_RELAY_VSOCK,
				       .path = w->socket,
				       .cid = w->cid,
				       .port = port,
				       .framed = frames && encl_wall_framed(w)};
}

/* ---- to the enclave ---- */

static int
wait_for(int fd, short events, uint64_t end)
{
	struct pollfd p = {fd, events, 0};
	uint64_t now = encl_clock_ms();

	errno = ETIMEDOUT;
	return now < end && poll(&p, 1, (int)(end - now)) > 0 ? 0 : -1;
}

/* "OK N\n", a byte at a time: what follows is the peer's. */
static int
read_answer(int fd, uint64_t end)
{
	char text[32];

	for (size_t n = 0; n < sizeof text; n++) {
		ssize_t got;

		if (wait_for(fd, POLLIN, end))
			return -1;
		got = recv(fd, text + n, 1, 0);
		if (got != 1) {
			errno = got ? errno : ECONNREFUSED;
			return -1;
		}
		if (text[n] == '\n') {
			errno = ECONNREFUSED;
			return n > 3 && !memcmp(text, "OK ", 3) ? 0 : -1;
		}
	}
	errno = EPROTO;
	return -1;
}

static int
connected(int fd, uint64_t end)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (wait_for(fd, POLLOUT, end) ||
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n))
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static int
try_connect(const struct encl_wall *w, uint32_t port, uint64_t end)
{
	struct encl_relay_end target;
	bool pending;
	int fd;

	encl_wall_target(w, port, false, &target);
	fd = encl_relay_connect(&target, &pending);
	if (fd < 0)
		return -1;
	if ((pending && connected(fd, end)) || (w->socket && read_answer(fd, end)) ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

int
encl_wall_connect(const struct encl_wall *w, uint32_t port, unsigned timeout_ms, int *fd,
		  struct encl_err *e)
{
	uint64_t end = encl_clock_ms() + timeout_ms;

	for (;;) {
		int found = try_connect(w, port, end);

		if (found >= 0) {
			*fd = found;
			return 0;
		}
		if (encl_clock_ms() + PAUSE_MS >= end)
			return encl_fail_sys(
				e, ENCL_HOST,
				"the enclave does not answer on vsock port %u", port);
		encl_clock_sleep(PAUSE_MS);
	}
}

/* ---- from the enclave ---- */

static int
listen_unix(const struct encl_wall *w, uint32_t *port)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, n;

	if (!*port)
		*port = ENCL_PORT_EGRESS;
	n = snprintf(a.sun_path, sizeof a.sun_path, "%s_%u", w->socket, *port);
	if (n < 0 || (size_t)n >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a)) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
listen_vsock(uint32_t *port)
{
	struct sockaddr_vm a = {.svm_family = AF_VSOCK,
				.svm_cid = VMADDR_CID_ANY,
				.svm_port = *port ? *port : VMADDR_PORT_ANY};
	socklen_t n = sizeof a;
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, sizeof a) ||
			getsockname(fd, (struct sockaddr *)&a, &n))) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	*port = a.svm_port;
	return fd;
}

int
encl_wall_listen(const struct encl_wall *w, uint32_t *port, int *fd, struct encl_err *e)
{
	encl_auto(encl_close_fd) int found =
		w->socket ? listen_unix(w, port) : listen_vsock(port);

	if (found < 0 || listen(found, BACKLOG))
		return encl_fail_sys(e, ENCL_HOST, "listen on vsock port %u", *port);
	*fd = encl_take(found, -1);
	return 0;
}
