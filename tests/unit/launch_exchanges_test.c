/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long launch waits for the folders of `exchange` (cmd/launch/exchanges.c):
 * for a parent that does not come, that comes and is silent, that sends all.
 * Its clock goes twenty times as fast as ours.
 */
#include "launch/exchange.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Other tests compile the real ones into the same program. */
#define guest_say	     exchanges_say
#define guest_dec	     exchanges_dec
#define guest_why	     exchanges_why
#define launch_has_vsock     exchanges_has_vsock
#define loop_ms		     exchanges_ms
#define encl_relay_listen    exchanges_listen
#define mount(a, b, c, d, e) exchanges_mount(b)
#define poll(p, n, ms)	     poll(p, n, (ms) > 0 ? ((ms) + FASTER - 1) / FASTER : (ms))
#define fork()		     exchanges_fork()

#include "launch/relay.h"

enum { FASTER = 20 };
static int exchanges_mount(const char *at);
static pid_t exchanges_fork(void);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/exchanges.c"
#pragma GCC diagnostic pop
#undef fork
#undef poll

#include "base/cleanup.h"
#include "test.h"

static struct {
	bool vsock, mounts;
	char text[2048];
	size_t n;
	pid_t child;
	char path[108];
	int listener;
} outside;

void
guest_say(const char *const *parts)
{
	for (parts += 2; *parts; parts++)
		outside.n +=
			(size_t)snprintf(outside.text + outside.n,
					 sizeof outside.text - outside.n, "%s", *parts);
	outside.n += (size_t)snprintf(outside.text + outside.n,
				      sizeof outside.text - outside.n, "; ");
}

const char *
guest_dec(unsigned long n)
{
	static char text[24];

	snprintf(text, sizeof text, "%lu", n);
	return text;
}

const char *
guest_why(void)
{
	return strerror(errno);
}

bool
launch_has_vsock(void)
{
	return outside.vsock;
}

uint64_t
loop_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return FASTER * ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

static int
exchanges_mount(const char *at)
{
	(void)at;
	errno = ENOMEM;
	return outside.mounts ? 0 : -1;
}

static pid_t
exchanges_fork(void)
{
	outside.child = fork();
	return outside.child;
}

int
encl_relay_listen(const struct encl_relay_end *end)
{
	EQ_INT(5000, end->port);
	return outside.listener < 0 ? -1 : dup(outside.listener);
}

/* launch with one exchange; how long it waited on its own clock. */
static uint64_t
wait_with(int parent_sends, const char *text)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct exchange x = {.name = "in", .vsock = 5000, .max_mib = 1};
	struct config c = {.exchanges = &x, .n_exchanges = 1};
	const char *path = test_path("socket");
	uint64_t began;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int status = 0;

	x.path = test_path("folder");
	memcpy(a.sun_path, path, strlen(path));
	unlink(path);
	outside.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(!bind(outside.listener, (struct sockaddr *)&a, sizeof a) &&
	      !listen(outside.listener, 5));
	if (text) {
		CHECK(!connect(fd, (struct sockaddr *)&a, sizeof a));
		CHECK(write(fd, text, (size_t)parent_sends) == parent_sends);
	}
	began = loop_ms();
	launch_exchanges(&c);
	began = loop_ms() - began;
	if (outside.child > 0) {
		kill(outside.child, SIGKILL);
		waitpid(outside.child, &status, 0);
	}
	close(fd);
	close(outside.listener);
	return began;
}

static void
reset(void)
{
	memset(&outside, 0, sizeof outside);
	outside.vsock = outside.mounts = true;
}

TEST(launch_exchanges_wait)
{
	static const char hello[] = "H\0\0\0\0\0\0\22enclave-exchange 1";
	static const char all[] = "H\0\0\0\0\0\0\22enclave-exchange 1S\0\0\0\0\0\0\0";
	uint64_t ms;

	reset();
	ms = wait_with(0, NULL);
	CHECK(ms >= 2000 && ms < 8000);
	EQ_STR("exchange in: the parent has not come; the folder is empty; ",
	       outside.text);
	/* comes and says nothing more */
	reset();
	ms = wait_with(sizeof hello - 1, hello);
	CHECK(ms >= 10000 && ms < 20000);
	EQ_STR("exchange in: the parent has not sent all of it yet; going on; ",
	       outside.text);
	reset();
	ms = wait_with(sizeof all - 1, all);
	CHECK(ms < 8000);
	EQ_STR("", outside.text);
}

TEST(launch_exchanges_fail)
{
	struct exchange x = {.name = "in", .vsock = 5000, .max_mib = 1};
	struct config c = {.exchanges = &x, .n_exchanges = 1};
	char want[5000];

	reset();
	outside.mounts = false;
	x.path = test_path("folder");
	launch_exchanges(&c);
	snprintf(want, sizeof want,
		 "exchange in: cannot make %s: Cannot allocate memory; ", x.path);
	EQ_STR(want, outside.text);
	reset();
	outside.listener = -1;
	errno = EADDRINUSE;
	launch_exchanges(&c);
	CHECK(strncmp(outside.text, "exchange in: listen on vsock: ", 30) == 0);
	reset();
	outside.vsock = false;
	launch_exchanges(&c);
	EQ_STR("no vsock: the folders of exchange are empty; ", outside.text);
}
