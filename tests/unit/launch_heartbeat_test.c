/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat's port, with unix sockets for vsock: whose beat, and several runs. */
#include "launch/heartbeat.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

enum { BEAT = 0xb7, SHORT_MS = 120 };

/* An abstract name of this process: "…/port" is the port, "…/cid/5/N" an enclave. */
static socklen_t
address(struct sockaddr_un *a, const char *name)
{
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(a->sun_path + 1, sizeof a->sun_path - 1,
					    "encl-unit/%d/%s", (int)getpid(), name));
}

static int
listen_here(void *arg)
{
	struct sockaddr_un a;
	socklen_t n = address(&a, arg);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&a, n) || listen(fd, 32)) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
accept_here(void *arg, int listener, uint32_t *cid)
{
	struct sockaddr_un a = {0};
	socklen_t n = sizeof a;
	const char *at;
	int fd = accept4(listener, (struct sockaddr *)&a, &n,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)arg;
	at = fd >= 0 && n > sizeof a.sun_family ? strstr(a.sun_path + 1, "/cid/") : NULL;
	*cid = at ? (uint32_t)strtoul(at + 5, NULL, 10) : 0;
	return fd;
}

static char door[64];
static const struct encl_heartbeat_port here = {door, listen_here, accept_here,
						(char[]){"port"}, SHORT_MS};

static struct encl_heartbeat *
open_one(void)
{
	struct encl_heartbeat *h = NULL;

	snprintf(door, sizeof door, "encl-unit/%d/door", (int)getpid());
	OK(encl_heartbeat_open(&here, NULL, NULL, NULL, &h, &e));
	return h;
}

/* An enclave's connection, which says nothing. */
static int
visit(unsigned cid)
{
	static int number;
	struct sockaddr_un a;
	char name[32];
	socklen_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name, sizeof name, "cid/%u/%d", cid, number++);
	n = address(&a, name);
	CHECK(!bind(fd, (struct sockaddr *)&a, n));
	n = address(&a, "port");
	CHECK(!connect(fd, (struct sockaddr *)&a, n));
	return fd;
}

/* One with a byte on its way. */
static int
call(unsigned cid, uint8_t byte)
{
	int fd = visit(cid);

	EQ_INT(1, write(fd, &byte, 1));
	return fd;
}

/* Steps until it came, or nothing was to be read for a moment. */
static bool
comes(struct encl_heartbeat *h)
{
	for (int i = 0; i < 50; i++) {
		struct pollfd p = {encl_heartbeat_fd(h), POLLIN, 0};

		if (encl_heartbeat_step(h))
			return true;
		poll(&p, 1, 2);
	}
	return false;
}

/* What the enclave got: a byte, 0 for an end, -1 for nothing yet. */
static int
answer(int fd)
{
	uint8_t byte = 0;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? -1 : 0; /* or reset, with a byte unread */
	return n ? byte : 0;
}

TEST(launch_heartbeat_own)
{
	struct encl_heartbeat *h = open_one();
	int stranger = call(6, BEAT), early = call(5, BEAT);

	encl_heartbeat_expect(h, 5);
	CHECK(comes(h));
	EQ_INT(BEAT, answer(early));
	EQ_INT(-1, answer(stranger));
	/* told once; a second one is answered all the same */
	int again = call(5, BEAT);

	CHECK(!comes(h));
	EQ_INT(BEAT, answer(again));
	encl_heartbeat_free(h);
	EQ_INT(0, answer(stranger));
	close(stranger);
	close(early);
	close(again);
	encl_heartbeat_free(NULL);
}

TEST(launch_heartbeat_other_byte)
{
	struct encl_heartbeat *h = open_one();
	int fd, mute[12], last;

	encl_heartbeat_expect(h, 5);
	fd = call(5, 0xb6);
	CHECK(!comes(h));
	EQ_INT(0, answer(fd));
	close(fd);
	/* who says nothing holds nobody up, however often */
	for (size_t i = 0; i < 12; i++)
		mute[i] = visit(5);
	CHECK(!comes(h));
	EQ_INT(0, answer(mute[0]));
	EQ_INT(-1, answer(mute[11]));
	last = call(5, BEAT);
	CHECK(comes(h));
	EQ_INT(BEAT, answer(last));
	close(last);
	for (size_t i = 0; i < 12; i++)
		close(mute[i]);
	encl_heartbeat_free(h);
}

/* Of two runs each gets its own, whoever has the port. */
TEST(launch_heartbeat_two)
{
	struct encl_heartbeat *first = open_one(), *second = open_one();
	int of_second, of_first, third;

	encl_heartbeat_expect(first, 5);
	/* the first run hands over what comes before the second knows its CID */
	of_second = call(6, BEAT);
	third = call(7, BEAT);
	CHECK(!comes(first));
	EQ_INT(-1, answer(of_second));
	encl_heartbeat_expect(second, 6);
	CHECK(comes(second));
	EQ_INT(BEAT, answer(of_second));
	EQ_INT(-1, answer(third));
	encl_heartbeat_free(second);
	of_first = call(5, BEAT);
	CHECK(comes(first));
	EQ_INT(BEAT, answer(of_first));
	encl_heartbeat_free(first);
	EQ_INT(0, answer(third));
	close(of_first);
	close(of_second);
	close(third);
}

/* The first is gone (up, or killed): the others go on, at the same socket. */
TEST(launch_heartbeat_succession)
{
	struct encl_heartbeat *first = open_one(), *second = open_one(),
			      *third = open_one();
	int of_second, of_third;

	encl_heartbeat_expect(first, 5);
	encl_heartbeat_expect(second, 6);
	encl_heartbeat_expect(third, 7);
	CHECK(!comes(first));
	CHECK(!comes(second));
	CHECK(!comes(third));
	encl_heartbeat_free(first);
	/* nobody has taken over yet, and it is not refused */
	of_third = call(7, BEAT);
	CHECK(!comes(second));
	CHECK(!comes(third));
	CHECK(!comes(second));
	CHECK(comes(third));
	EQ_INT(BEAT, answer(of_third));
	encl_heartbeat_free(third);
	of_second = call(6, BEAT);
	CHECK(comes(second));
	EQ_INT(BEAT, answer(of_second));
	encl_heartbeat_free(second);
	close(of_second);
	close(of_third);
}

/* Killed before it gave its socket away: the next one opens the port itself. */
TEST(launch_heartbeat_killed)
{
	int ready[2], fd;
	struct encl_heartbeat *h;
	pid_t pid;
	char byte;

	CHECK(!pipe(ready));
	snprintf(door, sizeof door, "encl-unit/%d/door", (int)getpid());
	int listener = listen_here((char[]){"port"});
	int door_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t n = address(&a, "door");

	CHECK(listener >= 0 && !bind(door_fd, (struct sockaddr *)&a, n) &&
	      !listen(door_fd, 1));
	pid = fork();
	if (!pid) {
		/* holds both, and never steps */
		byte = 1;
		_exit(write(ready[1], &byte, 1) == 1 && pause() ? 0 : 1);
	}
	EQ_INT(1, read(ready[0], &byte, 1));
	close(listener);
	close(door_fd);
	h = open_one();
	encl_heartbeat_expect(h, 5);
	CHECK(!comes(h));
	CHECK(!kill(pid, SIGKILL));
	EQ_INT(pid, waitpid(pid, NULL, 0));
	CHECK(!comes(h));
	fd = call(5, BEAT);
	CHECK(comes(h));
	EQ_INT(BEAT, answer(fd));
	encl_heartbeat_free(h);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static int
listen_never(void *arg)
{
	errno = *(const int *)arg;
	return -1;
}

static bool
yes(void *arg)
{
	(void)arg;
	return true;
}

TEST(launch_heartbeat_taken)
{
	int err = EADDRINUSE;
	const struct encl_heartbeat_port taken = {"encl-unit/nobody", listen_never,
						  accept_here, &err, SHORT_MS};
	struct encl_heartbeat *h = NULL;

	FAILS(encl_heartbeat_open(&taken, NULL, NULL, NULL, &h, &e), ENCL_HOST,
	      "vsock port 9000 is taken by another program (nitro-cli run-enclave, a run "
	      "of another user, socat?); end it, or try again when its enclave is up");
	FAILS(encl_heartbeat_open(&taken, NULL, yes, NULL, &h, &e), ENCL_LOST,
	      "ended before it was started");
	err = EAFNOSUPPORT;
	FAILS(encl_heartbeat_open(&taken, NULL, NULL, NULL, &h, &e), ENCL_HOST,
	      "listen on vsock port 9000 for the heartbeat: Address family not supported "
	      "by protocol");
	CHECK(!h);
}
