/* SPDX-License-Identifier: Apache-2.0 */
/* The vsock program's life, and the one service that every parent has. */
#include "launch/vsock.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/spawn.h"

enum { HEARTBEAT_PORT = 9000, HEARTBEAT = 0xb7, GUEST_CID = 4, START_MS = 5000 };

char *
encl_vsock_find(void)
{
	const char *given = getenv("ENCLAVEBUILD_VHOST_DEVICE_VSOCK");
	const char *cargo = getenv("CARGO_HOME");
	const char *home = getenv("HOME");
	char *found;

	if (given)
		return *given ? encl_find_program(given) : NULL;
	found = encl_find_program("vhost-device-vsock");
	if (found || (!cargo && !home))
		return found;
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s%s/bin/vhost-device-vsock", cargo ? cargo : home,
			       cargo ? "" : "/.cargo");

	return encl_find_program(path);
}

static int
set_address(const char *path, struct sockaddr_un *a, struct encl_err *e)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof a->sun_path)
		return encl_fail(e, ENCL_HOST, "%s is too long for a socket; set TMPDIR",
				 path);
	memcpy(a->sun_path, path, strlen(path) + 1);
	return 0;
}

static int
listen_heartbeat(struct encl_vsock *v, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/vm_%d", v->folder, HEARTBEAT_PORT);
	struct sockaddr_un a;

	if (set_address(path, &a, e))
		return -1;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 8))
		return encl_fail_sys(e, ENCL_HOST, "listen on %s", path);
	v->listener = encl_take(fd, -1);
	return 0;
}

/* The program is ready when its socket is there. */
static int
wait_for_socket(struct encl_vsock *v, const char *program, struct encl_err *e)
{
	struct stat st;

	for (int left = START_MS; left > 0; left -= 20) {
		struct pollfd end = {v->program.pidfd, POLLIN, 0};

		if (stat(v->device, &st) == 0)
			return 0;
		if (poll(&end, 1, 20) > 0)
			return encl_fail(e, ENCL_HOST, "%s ended with code %d", program,
					 encl_child_wait(&v->program));
	}
	return encl_fail(e, ENCL_HOST, "%s did not make its socket within %d s", program,
			 START_MS / 1000);
}

static int
start(struct encl_vsock *v, const char *program, struct encl_err *e)
{
	static const int keep[] = {-1};
	char cid[16];
	const char *const argv[] = {program,   "--guest-cid", cid,	 "--socket",
				    v->device, "--uds-path",  v->socket, NULL};

	snprintf(cid, sizeof cid, "%d", GUEST_CID);
	if (listen_heartbeat(v, e) ||
	    encl_child_start(&v->program, program, argv, keep, true, e))
		return -1;
	return wait_for_socket(v, program, e);
}

static int
make_folder(struct encl_vsock *v, struct encl_err *e)
{
	const char *tmp = getenv("TMPDIR");
	encl_auto(encl_free) char *folder =
		encl_xasprintf("%s/enclavebuild-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!mkdtemp(folder))
		return encl_fail_sys(e, ENCL_HOST, "create folder %s", folder);
	v->folder = encl_take(folder, NULL);
	if (encl_janitor_start(v->folder, &v->janitor, e)) {
		encl_vsock_clear(v);
		return -1;
	}
	return 0;
}

int
encl_vsock_open(struct encl_vsock *v, const char *program, struct encl_err *e)
{
	*v = (struct encl_vsock){.listener = -1, .peer = -1};
	if (make_folder(v, e))
		return -1;
	v->device = encl_xasprintf("%s/device", v->folder);
	v->socket = encl_xasprintf("%s/vm", v->folder);
	if (start(v, program, e)) {
		encl_vsock_clear(v);
		return -1;
	}
	return 0;
}

int
encl_vsock_restart(struct encl_vsock *v, const char *program, struct encl_err *e)
{
	encl_auto(encl_free) char *beats =
		encl_xasprintf("%s/vm_%d", v->folder, HEARTBEAT_PORT);

	encl_child_clear(&v->program);
	encl_close_fd(encl_take(v->listener, -1));
	encl_close_fd(encl_take(v->peer, -1));
	unlink(v->device);
	unlink(v->socket);
	unlink(beats);
	return start(v, program, e);
}

void
encl_vsock_clear(struct encl_vsock *v)
{
	if (!v->folder)
		return;
	encl_child_clear(&v->program);
	encl_close_fd(v->listener);
	encl_close_fd(v->peer);
	encl_janitor_end(&v->janitor);
	free(v->folder);
	free(v->device);
	free(v->socket);
	memset(v, 0, sizeof *v);
}

int
encl_vsock_fd(const struct encl_vsock *v)
{
	if (!v->folder)
		return -1;
	return v->peer >= 0 ? v->peer : v->listener;
}

void
encl_vsock_step(struct encl_vsock *v)
{
	uint8_t byte;
	ssize_t n;

	if (v->peer < 0) {
		v->peer = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		return;
	}
	n = read(v->peer, &byte, 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == 1 && byte == HEARTBEAT && send(v->peer, &byte, 1, MSG_NOSIGNAL) == 1) {
		v->beat = true;
		return;
	}
	if (n == 1 && byte != HEARTBEAT) {
		v->other = true;
		v->byte = byte;
	}
	encl_close_fd(encl_take(v->peer, -1));
}
