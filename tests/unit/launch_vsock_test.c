/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/vsock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

/* One byte from the enclave, as if its connection had been taken. */
static struct encl_vsock
step(uint8_t byte, uint8_t *answer, ssize_t *n)
{
	struct encl_vsock v = {.folder = (char[]){"x"}, .listener = -1};
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd));
	v.peer = fd[0];
	EQ_INT(1, write(fd[1], &byte, 1));
	encl_vsock_step(&v);
	*n = read(fd[1], answer, 1);
	if (v.peer >= 0)
		close(v.peer);
	close(fd[1]);
	return v;
}

TEST(launch_vsock_heartbeat)
{
	uint8_t answer = 0;
	ssize_t n;
	struct encl_vsock v = step(0xb7, &answer, &n);

	CHECK(v.beat && !v.other);
	EQ_INT(1, n);
	EQ_INT(0xb7, answer);
	v = step(0xb6, &answer, &n);
	CHECK(!v.beat && v.other);
	EQ_INT(0xb6, v.byte);
	EQ_INT(0, n);
	EQ_INT(-1, v.peer);
}
