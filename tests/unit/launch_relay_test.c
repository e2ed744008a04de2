/* SPDX-License-Identifier: Apache-2.0 */
/* The relay between real sockets of this machine. */
#include "launch/relay.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "launch/relay_internal.h"
#include "test.h"

/* A server of ours on a free port of 127.0.0.1, not accepting by itself. */
static int
server(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(!bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 4096));
	CHECK(!getsockname(fd, (struct sockaddr *)&a, &n));
	*port = ntohs(a.sin_port);
	return fd;
}

static unsigned
free_port(void)
{
	unsigned port;

	close(server(&port));
	return port;
}

static int
client(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(!connect(fd, (struct sockaddr *)&a, sizeof a));
	return fd;
}

/* Steps the relays until fd is readable; false after two seconds. */
static bool
until_readable(struct encl_relay *a, struct encl_relay *b, int fd)
{
	for (uint64_t end = encl_clock_ms() + 2000; encl_clock_ms() < end;) {
		struct pollfd p[3] = {{fd, POLLIN, 0},
				      {encl_relay_fd(a), POLLIN, 0},
				      {b ? encl_relay_fd(b) : -1, POLLIN, 0}};

		poll(p, 3, 100);
		if (p[0].revents)
			return true;
		if (p[1].revents)
			encl_relay_step(a);
		if (p[2].revents)
			encl_relay_step(b);
	}
	return false;
}

static void
settle(struct encl_relay *r, int ms)
{
	for (uint64_t end = encl_clock_ms() + (uint64_t)ms; encl_clock_ms() < end;) {
		struct pollfd p = {encl_relay_fd(r), POLLIN, 0};

		if (poll(&p, 1, 5) > 0)
			encl_relay_step(r);
	}
}

static int
accept_from(struct encl_relay *r, int listener)
{
	CHECK(until_readable(r, NULL, listener));
	return accept(listener, NULL, NULL);
}

static void
expect(struct encl_relay *r, int fd, const char *want)
{
	char got[64] = "";
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t got_n;

		if (!until_readable(r, NULL, fd))
			break;
		got_n = read(fd, got + n, strlen(want) - n);
		if (got_n <= 0)
			break;
		n += (size_t)got_n;
	}
	EQ_MEM(want, strlen(want), got, n);
}

/* 0: an orderly end; else the errno of the loss. */
static int
ending(struct encl_relay *r, int fd)
{
	char byte;

	CHECK(until_readable(r, NULL, fd));
	return read(fd, &byte, 1) == 0 ? 0 : errno;
}

static struct encl_relay *
tcp_relay(unsigned max, unsigned to, unsigned *port)
{
	struct encl_relay *r = encl_relay_new(max);
	struct encl_relay_end target = {.kind = ENCL_RELAY_TCP, .port = to};
	struct encl_relay_end listen = {.kind = ENCL_RELAY_TCP, .port = free_port()};

	CHECK(r && !encl_relay_add(r, &listen, &target));
	*port = listen.port;
	return r;
}

TEST(launch_relay_half_close_both_ways)
{
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);
	int c = client(port);
	int s = accept_from(r, listener);

	EQ_INT(3, write(c, "get", 3));
	expect(r, s, "get");
	shutdown(c, SHUT_WR);
	EQ_INT(0, ending(r, s));
	EQ_INT(6, write(s, "answer", 6));
	expect(r, c, "answer");
	EQ_INT(1, encl_relay_connections(r));
	shutdown(s, SHUT_WR);
	EQ_INT(0, ending(r, c));
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	close(s);

	/* the other way round: the target ends first */
	c = client(port);
	s = accept_from(r, listener);
	EQ_INT(5, write(s, "hello", 5));
	shutdown(s, SHUT_WR);
	expect(r, c, "hello");
	EQ_INT(0, ending(r, c));
	EQ_INT(3, write(c, "bye", 3));
	close(c);
	expect(r, s, "bye");
	EQ_INT(0, ending(r, s));
	EQ_INT(0, encl_relay_connections(r));
	close(s);
	encl_relay_free(r);
	close(listener);
}

/* Who does not read stops who writes: the relay keeps one chunk, no more. */
TEST(launch_relay_back_pressure)
{
	enum { CHUNK = 65536, MOST = 64 << 20 };
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);
	int c = client(port);
	int s = accept_from(r, listener);
	char *chunk = malloc(CHUNK);
	size_t in = 0, out = 0, stalled = 0;
	uint64_t sum_in = 0, sum_out = 0;

	CHECK(chunk);
	for (int quiet = 0; quiet < 20 && in < MOST;) {
		ssize_t n;

		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = (char)((in + i) * 2654435761U >> 24);
		n = send(c, chunk, CHUNK, MSG_DONTWAIT);
		for (ssize_t i = 0; i < n; i++)
			sum_in = sum_in * 31 + (uint8_t)chunk[i];
		in += n > 0 ? (size_t)n : 0;
		quiet = n > 0 ? 0 : quiet + 1;
		settle(r, n > 0 ? 0 : 5);
		encl_relay_step(r);
	}
	CHECK(in < MOST);
	/* nobody turns in circles meanwhile */
	for (struct pollfd p = {encl_relay_fd(r), POLLIN, 0}; poll(&p, 1, 50) > 0;
	     stalled++)
		encl_relay_step(r);
	CHECK(stalled < 3);
	shutdown(c, SHUT_WR);
	while (until_readable(r, NULL, s)) {
		ssize_t n = read(s, chunk, CHUNK);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			sum_out = sum_out * 31 + (uint8_t)chunk[i];
		out += (size_t)n;
	}
	EQ_INT(in, out);
	EQ_INT(sum_in, sum_out);
	free(chunk);
	close(c);
	close(s);
	encl_relay_free(r);
	close(listener);
}

TEST(launch_relay_many_connections)
{
	enum { N = 2000 };
	struct rlimit old, limit;
	static int c[N], s[N];
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = limit.rlim_max < 5 * N ? limit.rlim_max : 5 * N;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 5 * N) {
		close(listener);
		return;
	}
	r = tcp_relay(0, to, &port);
	for (int i = 0; i < N; i++) {
		c[i] = client(port);
		s[i] = accept_from(r, listener);
	}
	EQ_INT(N, encl_relay_connections(r));
	for (int i = 0; i < N; i++)
		EQ_INT(sizeof i, write(c[i], &i, sizeof i));
	for (int i = 0; i < N; i++) {
		int got = -1;

		CHECK(until_readable(r, NULL, s[i]));
		EQ_INT(sizeof got, read(s[i], &got, sizeof got));
		EQ_INT(i, got);
	}
	for (int i = 0; i < N; i++) {
		close(c[i]);
		close(s[i]);
	}
	for (int i = 0; i < 200 && encl_relay_connections(r); i++)
		settle(r, 10);
	EQ_INT(0, encl_relay_connections(r));
	encl_relay_free(r);
	close(listener);
	setrlimit(RLIMIT_NOFILE, &old);
}

TEST(launch_relay_limit_holds_the_next)
{
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(1, to, &port);
	int first = client(port);
	int second = client(port);
	int s = accept_from(r, listener);

	settle(r, 20);
	EQ_INT(1, encl_relay_connections(r));
	EQ_INT(1, write(second, "2", 1));
	close(first);
	close(s);
	s = accept_from(r, listener);
	expect(r, s, "2");
	close(s);
	close(second);
	encl_relay_free(r);
	close(listener);
}

TEST(launch_relay_hold)
{
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);
	int c, s;

	encl_relay_hold(r, true);
	c = client(port);
	settle(r, 20);
	EQ_INT(0, encl_relay_connections(r));
	EQ_INT(5, write(c, "early", 5));
	encl_relay_hold(r, false);
	s = accept_from(r, listener);
	expect(r, s, "early");
	close(c);
	close(s);
	encl_relay_free(r);
	close(listener);
}

TEST(launch_relay_target_refuses)
{
	unsigned port;
	struct encl_relay *r = tcp_relay(0, free_port(), &port);
	int c = client(port);

	EQ_INT(0, ending(r, c));
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	encl_relay_free(r);
}

TEST(launch_relay_port_in_use)
{
	unsigned to;
	int listener = server(&to);
	struct encl_relay *r = encl_relay_new(0);
	struct encl_relay_end end = {.kind = ENCL_RELAY_TCP, .port = to};

	EQ_INT(-1, encl_relay_add(r, &end, &end));
	EQ_INT(EADDRINUSE, errno);
	end.host = "localhost";
	EQ_INT(-1, encl_relay_add(r, &end, &end));
	EQ_INT(EINVAL, errno);
	encl_relay_free(r);
	close(listener);
}

/* ---- CONNECT ---- */

static int
unix_server(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	CHECK(!bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 16));
	return fd;
}

static struct encl_relay *
unix_relay(const char *path, bool framed, bool retry, unsigned timeout, unsigned *port)
{
	struct encl_relay *r = encl_relay_new(0);
	struct encl_relay_end target = {.kind = ENCL_RELAY_UNIX,
					.path = path,
					.port = 5000,
					.framed = framed,
					.retry = retry,
					.timeout_ms = timeout};
	struct encl_relay_end listen = {.kind = ENCL_RELAY_TCP, .port = free_port()};

	CHECK(r && !encl_relay_add(r, &listen, &target));
	*port = listen.port;
	return r;
}

TEST(launch_relay_reply_in_parts)
{
	const char *path = test_path("vm");
	int listener = unix_server(path);
	unsigned port;
	struct encl_relay *r = unix_relay(path, false, false, 0, &port);
	int c = client(port);
	int s = accept_from(r, listener);

	/* what the client says first waits for the answer */
	EQ_INT(3, write(c, "hey", 3));
	expect(r, s, "CONNECT 5000\n");
	settle(r, 20);
	EQ_INT(-1, recv(s, (char[1]){0}, 1, MSG_DONTWAIT));
	EQ_INT(1, write(s, "O", 1));
	settle(r, 20);
	EQ_INT(4, write(s, "K 50", 4));
	settle(r, 20);
	/* the end of the answer and the peer's first bytes at once */
	EQ_INT(9, write(s, "00\npay\nlo", 9));
	expect(r, c, "pay\nlo");
	expect(r, s, "hey");
	close(s);
	EQ_INT(0, ending(r, c));
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	close(listener);
	encl_relay_free(r);
}

TEST(launch_relay_reply_is_none)
{
	static const char *const bad[] = {"NO 5000\n", "\n", "OK",
					  "OK 11111111111111111111111111111111111"};
	const char *path = test_path("vm");
	int listener = unix_server(path);
	unsigned port;
	struct encl_relay *r = unix_relay(path, false, false, 0, &port);

	for (size_t i = 0; i < 4; i++) {
		int c = client(port);
		int s = accept_from(r, listener);

		expect(r, s, "CONNECT 5000\n");
		CHECK(write(s, bad[i], strlen(bad[i])) > 0);
		close(s);
		EQ_INT(0, ending(r, c));
		close(c);
	}
	EQ_INT(0, encl_relay_connections(r));
	close(listener);
	encl_relay_free(r);
}

TEST(launch_relay_tries_again)
{
	const char *path = test_path("vm");
	int listener = unix_server(path);
	unsigned port;
	struct encl_relay *r = unix_relay(path, false, true, 1000, &port);
	int c = client(port);
	int s;

	for (int i = 0; i < 3; i++) {
		s = accept_from(r, listener);
		expect(r, s, "CONNECT 5000\n");
		close(s);
	}
	s = accept_from(r, listener);
	expect(r, s, "CONNECT 5000\n");
	EQ_INT(5, write(s, "OK 1\n", 5));
	EQ_INT(1, write(c, "x", 1));
	expect(r, s, "x");
	close(c);
	close(s);
	close(listener);
	encl_relay_free(r);
}

TEST(launch_relay_gives_up)
{
	const char *path = test_path("nobody");
	unsigned port;
	struct encl_relay *r = unix_relay(path, false, true, 300, &port);
	int c = client(port);
	uint64_t start = encl_clock_ms();

	EQ_INT(0, ending(r, c));
	CHECK(encl_clock_ms() - start < 1000);
	close(c);

	/* and on who never answers */
	int listener = unix_server(path);

	c = client(port);
	EQ_INT(0, ending(r, c));
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	close(listener);
	encl_relay_free(r);
}

/* vhost-device-vsock ends where the peer leaves between question and answer. */
TEST(launch_relay_leaves_after_the_answer)
{
	const struct linger reset = {1, 0};
	const char *path = test_path("vm");
	int listener = unix_server(path);
	unsigned port;
	struct encl_relay *r = unix_relay(path, false, true, 0, &port);
	int c = client(port);
	int s = accept_from(r, listener);

	setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(c);
	settle(r, 50);
	EQ_INT(1, encl_relay_connections(r));
	EQ_INT(5, send(s, "OK 1\n", 5, MSG_NOSIGNAL));
	expect(r, s, "CONNECT 5000\n");
	EQ_INT(0, ending(r, s));
	EQ_INT(0, encl_relay_connections(r));
	close(s);
	close(listener);
	encl_relay_free(r);
}

/* ---- frames ---- */

TEST(launch_relay_frames)
{
	const char *path = test_path("vm");
	int listener = unix_server(path);
	unsigned port;
	struct encl_relay *r = unix_relay(path, true, false, 0, &port);
	int c = client(port);
	int s = accept_from(r, listener);
	char got[8];

	expect(r, s, "CONNECT 5000\n");
	EQ_INT(5, write(s, "OK 1\n", 5));
	EQ_INT(3, write(c, "get", 3));
	CHECK(until_readable(r, NULL, s));
	EQ_INT(5, recv(s, got, 5, MSG_WAITALL));
	EQ_MEM("\0\3get", 5, got, 5);
	shutdown(c, SHUT_WR);
	CHECK(until_readable(r, NULL, s));
	EQ_INT(2, recv(s, got, 2, MSG_WAITALL));
	EQ_MEM("\0\0", 2, got, 2);
	/* a frame in three parts, the length too; then two at once, and the end */
	EQ_INT(1, write(s, "\0", 1));
	settle(r, 10);
	EQ_INT(2, write(s, "\4f", 2));
	settle(r, 10);
	EQ_INT(11, write(s, "our\0\1x\0\2yz\0", 11));
	expect(r, c, "fourxyz");
	EQ_INT(1, write(s, "\0", 1));
	EQ_INT(0, ending(r, c));
	EQ_INT(0, ending(r, s));
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	close(s);

	/* an end without its frame is a loss, and what follows that frame too */
	for (int i = 0; i < 2; i++) {
		c = client(port);
		s = accept_from(r, listener);
		expect(r, s, "CONNECT 5000\n");
		EQ_INT(5, write(s, "OK 1\n", 5));
		settle(r, 10);
		EQ_INT(3 + i, write(s, i ? "\0\0\0\0" : "\0\1x", (size_t)(3 + i)));
		close(s);
		if (!i)
			expect(r, c, "x");
		EQ_INT(ECONNRESET, ending(r, c));
		EQ_INT(0, encl_relay_connections(r));
		close(c);
	}
	close(listener);
	encl_relay_free(r);
}

/* Two relays back to back, as run and launch are. */
TEST(launch_relay_frames_through_two)
{
	enum { SIZE = 3 << 20 };
	unsigned to, middle = free_port(), front = free_port();
	int listener = server(&to);
	struct encl_relay *inner = encl_relay_new(0);
	struct encl_relay *outer = encl_relay_new(0);
	struct encl_relay_end tcp = {.kind = ENCL_RELAY_TCP, .port = to};
	struct encl_relay_end wall = {
		.kind = ENCL_RELAY_TCP, .port = middle, .framed = true};
	struct encl_relay_end door = {.kind = ENCL_RELAY_TCP, .port = front};
	char *data = malloc(SIZE), *got = malloc(SIZE);
	size_t n = 0, sent = 0;
	int c, s;

	CHECK(data && got && !encl_relay_add(inner, &wall, &tcp) &&
	      !encl_relay_add(outer, &door, &wall));
	for (size_t i = 0; i < SIZE; i++)
		data[i] = (char)(i * 2654435761U >> 20);
	c = client(front);
	CHECK(until_readable(outer, inner, listener));
	s = accept(listener, NULL, NULL);
	shutdown(c, SHUT_WR);
	CHECK(until_readable(outer, inner, s));
	EQ_INT(0, read(s, got, 1));
	while (n < SIZE) {
		ssize_t w = send(s, data + sent, SIZE - sent, MSG_DONTWAIT);
		ssize_t m;

		sent += w > 0 ? (size_t)w : 0;
		CHECK(until_readable(outer, inner, c));
		m = read(c, got + n, SIZE - n);
		CHECK(m > 0);
		n += (size_t)m;
	}
	EQ_MEM(data, SIZE, got, n);
	close(s);
	CHECK(until_readable(outer, inner, c));
	EQ_INT(0, read(c, got, 1));
	settle(outer, 10);
	settle(inner, 10);
	EQ_INT(0, encl_relay_connections(outer));
	EQ_INT(0, encl_relay_connections(inner));
	free(data);
	free(got);
	close(c);
	close(listener);
	encl_relay_free(inner);
	encl_relay_free(outer);
}

/* ---- adopted connections ---- */

struct told {
	unsigned times;
	bool reached;
	uint64_t out, in;
};

static void
note_over(void *arg, bool reached, uint64_t out, uint64_t in)
{
	struct told *t = arg;

	t->times++;
	t->reached = reached;
	t->out = out;
	t->in = in;
}

/* A connection to ourselves: *theirs is the visitor's end of it. */
static int
visit(int *theirs)
{
	unsigned port;
	int listener = server(&port);
	int ours;

	*theirs = client(port);
	ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	close(listener);
	CHECK(ours >= 0);
	return ours;
}

static struct encl_relay_visitor
visitor(int fd, struct told *t)
{
	return (struct encl_relay_visitor){.fd = fd,
					   .head = "head",
					   .n_head = 4,
					   .hello = "hello",
					   .n_hello = 5,
					   .refusal = "sorry",
					   .n_refusal = 5,
					   .over = note_over,
					   .arg = t};
}

TEST(launch_relay_adopts)
{
	struct told told = {0};
	unsigned to;
	int listener = server(&to);
	struct encl_relay *r = encl_relay_new(0);
	char host[] = "127.0.0.1";
	const struct encl_relay_end target = {
		.kind = ENCL_RELAY_TCP, .host = host, .port = to};
	int c, s;
	struct encl_relay_visitor v = visitor(visit(&c), &told);

	EQ_INT(4, write(c, "more", 4)); /* is there before the target is */
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	host[0] = 'x'; /* was copied */
	EQ_INT(1, encl_relay_connections(r));
	s = accept_from(r, listener);
	expect(r, s, "headmore");
	expect(r, c, "hello");
	EQ_INT(6, write(s, "answer", 6));
	expect(r, c, "answer");
	shutdown(c, SHUT_WR);
	EQ_INT(0, ending(r, s));
	EQ_INT(0, told.times);
	close(s);
	EQ_INT(0, ending(r, c));
	settle(r, 10);
	EQ_INT(1, told.times);
	CHECK(told.reached);
	EQ_INT(8, told.out);
	EQ_INT(6, told.in);
	EQ_INT(0, encl_relay_connections(r));
	close(c);
	encl_relay_free(r);
	EQ_INT(1, told.times);
	close(listener);
}

/* Head and hello in frames of their own, the larger one in several. */
TEST(launch_relay_adopts_frames)
{
	enum { HEAD = 70000 };
	struct told told = {0};
	unsigned to;
	int listener = server(&to);
	struct encl_relay *r = encl_relay_new(0);
	struct encl_relay_end target = {
		.kind = ENCL_RELAY_TCP, .port = to, .framed = true};
	char *head = malloc(HEAD), *got = malloc(HEAD + 4);
	size_t n = 0;
	int c, s;
	struct encl_relay_visitor v = visitor(visit(&c), &told);

	CHECK(head && got);
	for (size_t i = 0; i < HEAD; i++)
		head[i] = (char)(i * 2654435761U >> 20);
	v.framed = true;
	v.head = head;
	v.n_head = HEAD;
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	s = accept_from(r, listener);
	while (n < HEAD + 4) {
		ssize_t part;

		CHECK(until_readable(r, NULL, s));
		part = read(s, got + n, HEAD + 4 - n);
		CHECK(part > 0);
		n += (size_t)part;
	}
	EQ_MEM("\xff\xff", 2, got, 2);
	EQ_MEM(head, 0xffff, got + 2, 0xffff);
	EQ_MEM("\x11\x71", 2, got + 2 + 0xffff, 2);
	EQ_MEM(head + 0xffff, HEAD - 0xffff, got + 4 + 0xffff, HEAD - 0xffff);
	CHECK(until_readable(r, NULL, c));
	EQ_INT(7, recv(c, got, 7, MSG_WAITALL));
	EQ_MEM("\0\5hello", 7, got, 7);
	/* the visitor's frames become the target's */
	EQ_INT(7, write(c, "\0\3abc\0\0", 7));
	CHECK(until_readable(r, NULL, s));
	EQ_INT(7, recv(s, got, 7, MSG_WAITALL));
	EQ_MEM("\0\3abc\0\0", 7, got, 7);
	EQ_INT(2, write(s, "\0\0", 2));
	CHECK(until_readable(r, NULL, c));
	EQ_INT(2, recv(c, got, 2, MSG_WAITALL));
	EQ_MEM("\0\0", 2, got, 2);
	EQ_INT(0, ending(r, c));
	settle(r, 10);
	EQ_INT(1, told.times);
	EQ_INT(HEAD + 3, told.out);
	EQ_INT(0, told.in);
	free(head);
	free(got);
	close(c);
	close(s);
	encl_relay_free(r);
	close(listener);
}

TEST(launch_relay_refuses_the_adopted)
{
	struct told told = {0};
	struct encl_relay *r = encl_relay_new(0);
	const struct encl_relay_end target = {.kind = ENCL_RELAY_TCP,
					      .port = free_port()};
	int c;
	struct encl_relay_visitor v = visitor(visit(&c), &told);

	/* what the visitor had sent besides does not cost it the answer */
	EQ_INT(4, write(c, "more", 4));
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	expect(r, c, "sorry");
	EQ_INT(4, write(c, "more", 4));
	EQ_INT(0, ending(r, c));
	EQ_INT(0, told.times);
	close(c);
	settle(r, 20);
	EQ_INT(1, told.times);
	CHECK(!told.reached);
	EQ_INT(0, told.in);
	EQ_INT(0, encl_relay_connections(r));

	/* in frames */
	v = visitor(visit(&c), &told);
	v.framed = true;
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	EQ_INT(5, write(c, "\0\1x\0\0", 5));
	CHECK(until_readable(r, NULL, c));
	char got[16];
	EQ_INT(9, recv(c, got, 9, MSG_WAITALL));
	EQ_MEM("\0\5sorry\0\0", 9, got, 9);
	EQ_INT(0, ending(r, c));
	settle(r, 20);
	EQ_INT(2, told.times);
	close(c);

	/* who has said all there is to say hears it too */
	v = visitor(visit(&c), &told);
	shutdown(c, SHUT_WR);
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	expect(r, c, "sorry");
	EQ_INT(0, ending(r, c));
	settle(r, 20);
	EQ_INT(3, told.times);
	close(c);

	/* and nothing where nothing is to be said */
	v = visitor(visit(&c), &told);
	v.n_refusal = 0;
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	EQ_INT(0, ending(r, c));
	settle(r, 20);
	EQ_INT(4, told.times);
	close(c);
	encl_relay_free(r);
}

/* A target that never answers refuses too; an end of the relay is an end of all. */
/* A target that its owner has connected, or has not. */
TEST(launch_relay_adopts_to_open)
{
	struct told told = {0};
	struct encl_relay *r = encl_relay_new(0);
	struct encl_relay_end target = {.kind = ENCL_RELAY_OPEN};
	int c, s;
	struct encl_relay_visitor v = visitor(visit(&c), &told);

	target.fd = visit(&s);
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	expect(r, s, "head");
	expect(r, c, "hello");
	EQ_INT(6, write(s, "answer", 6));
	expect(r, c, "answer");
	close(c);
	EQ_INT(0, ending(r, s));
	close(s);
	settle(r, 20);
	EQ_INT(1, told.times);
	CHECK(told.reached);
	EQ_INT(6, told.in);

	/* who leaves before it begins takes the target along */
	v = visitor(visit(&c), &told);
	target.fd = visit(&s);
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	encl_relay_free(r);
	char byte;
	EQ_INT(0, recv(s, &byte, 1, MSG_DONTWAIT));
	EQ_INT(2, told.times);
	close(c);
	close(s);

	r = encl_relay_new(0);
	v = visitor(visit(&c), &told);
	target.fd = -1;
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	expect(r, c, "sorry");
	EQ_INT(0, ending(r, c));
	close(c);
	settle(r, 20);
	EQ_INT(3, told.times);
	CHECK(!told.reached);
	encl_relay_free(r);
}

TEST(launch_relay_adopted_ends)
{
	struct told told = {0};
	const char *path = test_path("vm");
	int listener = unix_server(path);
	struct encl_relay *r = encl_relay_new(0);
	struct encl_relay_end target = {
		.kind = ENCL_RELAY_UNIX, .path = path, .port = 7, .timeout_ms = 50};
	int c;
	struct encl_relay_visitor v = visitor(visit(&c), &told);

	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	expect(r, c, "sorry");
	close(c);
	settle(r, 20);
	EQ_INT(1, told.times);

	/* a visitor that leaves */
	v = visitor(visit(&c), &told);
	target.timeout_ms = 5000;
	target.retry = true;
	target.path = test_path("nobody");
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	settle(r, 10);
	setsockopt(c, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
		   sizeof(struct linger));
	close(c);
	settle(r, 20);
	EQ_INT(2, told.times);
	CHECK(!told.reached);

	v = visitor(visit(&c), &told);
	EQ_INT(0, encl_relay_adopt(r, &v, &target));
	EQ_INT(1, encl_relay_connections(r));
	encl_relay_free(r);
	EQ_INT(3, told.times);
	EQ_INT(0, read(c, (char[1]){0}, 1));
	close(c);
	close(listener);
}

/* ---- many bytes ---- */

/* Descriptors of this process that are pipes. */
static unsigned
pipes(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	CHECK(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		char to[64] = "";

		n += readlinkat(dirfd(d), entry->d_name, to, sizeof to - 1) > 0 &&
		     !strncmp(to, "pipe:", 5);
	}
	closedir(d);
	return n;
}

static char
byte_at(size_t i)
{
	return (char)(i * 2654435761U >> 24);
}

/* Writes what goes at once, of a stream that has n bytes already. */
static size_t
write_stream(int fd, size_t n)
{
	static char chunk[65536];
	ssize_t w;

	for (size_t i = 0; i < sizeof chunk; i++)
		chunk[i] = byte_at(n + i);
	w = send(fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
	return w > 0 ? (size_t)w : 0;
}

/* Reads what is there of that stream. */
static size_t
read_stream(int fd, size_t n)
{
	static char chunk[65536];
	ssize_t r = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);

	for (ssize_t i = 0; i < r; i++)
		EQ_INT(byte_at(n + (size_t)i), chunk[i]);
	return r > 0 ? (size_t)r : 0;
}

/* Fills everything between the two: how much went in. */
static size_t
fill_up(struct encl_relay *r, int from)
{
	size_t in = 0;

	for (int quiet = 0; quiet < 20;) {
		const size_t n = write_stream(from, in);

		in += n;
		quiet = n ? 0 : quiet + 1;
		settle(r, n ? 0 : 2);
		encl_relay_step(r);
	}
	return in;
}

TEST(launch_relay_splices)
{
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	const unsigned had = pipes();
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);
	int c = client(port);
	int s = accept_from(r, listener);
	size_t in, out = 0, back = 0, got = 0;

	/* who does not read has a pipe filled, and both directions are apart */
	in = fill_up(r, c);
	EQ_INT(had + 2, pipes());
	while (back < 3 << 20 || got < back) {
		back += back < 3 << 20 ? write_stream(s, back) : 0;
		encl_relay_step(r);
		got += read_stream(c, got);
	}
	for (size_t stop = in + (8 << 20); in < stop;) {
		in += write_stream(c, in);
		encl_relay_step(r);
		out += read_stream(s, out);
	}
	shutdown(c, SHUT_WR);
	while (out < in && until_readable(r, NULL, s))
		out += read_stream(s, out);
	EQ_INT(in, out);
	EQ_INT(0, ending(r, s));
	close(s);
	EQ_INT(0, ending(r, c));
	close(c);
	settle(r, 5);
	EQ_INT(had, pipes());
	encl_relay_free(r);
	close(listener);
	signal(SIGPIPE, before);
}

/* A peer that vanishes with a pipe filled for it: the other one hears of a loss. */
TEST(launch_relay_vanishes_in_a_splice)
{
	const struct linger reset = {1, 0};
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	const unsigned had = pipes();
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);

	for (int who = 0; who < 2; who++) {
		int c = client(port);
		int s = accept_from(r, listener);
		char chunk[4096];
		ssize_t n;

		CHECK(fill_up(r, c) > 0);
		EQ_INT(had + 2, pipes());
		setsockopt(who ? c : s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		close(who ? c : s);
		for (int i = 0; i < 400 && encl_relay_connections(r); i++)
			settle(r, 5);
		EQ_INT(0, encl_relay_connections(r));
		EQ_INT(had, pipes());
		/* what had arrived may be read, then comes the loss and no end */
		do
			n = read(who ? s : c, chunk, sizeof chunk);
		while (n > 0);
		EQ_INT(-1, n);
		EQ_INT(ECONNRESET, errno);
		close(who ? s : c);
	}
	encl_relay_free(r);
	close(listener);
	signal(SIGPIPE, before);
}

/* Two connected sockets with little room. */
static void
pair(int fds[2])
{
	const int room = 16384;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	for (int i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

/* More slow readers than pipes: the others' bytes are copied, memory is bounded. */
static void
slow_readers(bool splice)
{
	enum { N = 150 };
	void (*before)(int) = signal(SIGPIPE, splice ? SIG_IGN : SIG_DFL);
	const unsigned had = pipes();
	struct encl_relay *r = encl_relay_new(0);
	int c[N][2], s[N][2];
	size_t in[N] = {0}, out[N] = {0}, most = 0;

	for (int i = 0; i < N; i++) {
		struct encl_relay_visitor v = {0};
		struct encl_relay_end target = {.kind = ENCL_RELAY_OPEN};

		pair(c[i]);
		pair(s[i]);
		v.fd = c[i][1];
		target.fd = s[i][0];
		EQ_INT(0, encl_relay_adopt(r, &v, &target));
	}
	for (int quiet = 0; quiet < 10; quiet++) {
		for (int i = 0; i < N; i++) {
			const size_t n = write_stream(c[i][0], in[i]);

			in[i] += n;
			quiet = n ? 0 : quiet;
		}
		settle(r, 1);
		CHECK(r->pending <= ENCL_RELAY_PENDING + N * ENCL_RELAY_LEAST);
		most = pipes() - had > most ? pipes() - had : most;
		CHECK(most <= 2 * ENCL_RELAY_PIPES);
	}
	CHECK(splice ? most > 0 : r->pending > 0 && !most);
	for (int i = 0; i < N; i++)
		shutdown(c[i][0], SHUT_WR);
	for (int i = 0; i < N; i++) {
		while (out[i] < in[i] && until_readable(r, NULL, s[i][1]))
			out[i] += read_stream(s[i][1], out[i]);
		EQ_INT(in[i], out[i]);
		EQ_INT(0, ending(r, s[i][1]));
		close(s[i][1]);
		close(c[i][0]);
	}
	for (int i = 0; i < 400 && encl_relay_connections(r); i++)
		settle(r, 5);
	EQ_INT(0, encl_relay_connections(r));
	EQ_INT(0, r->pending);
	EQ_INT(had, pipes());
	encl_relay_free(r);
	signal(SIGPIPE, before);
}

TEST(launch_relay_slow_readers)
{
	slow_readers(true);
	slow_readers(false);
}

/* Descriptors run out: connections wait, and something is left for others. */
TEST(launch_relay_few_descriptors)
{
	enum { N = 40, LIMIT = 128 };
	struct rlimit old, limit;
	unsigned to, port;
	int listener = server(&to);
	struct encl_relay *r = tcp_relay(0, to, &port);
	int c[N], s;

	getrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < N; i++)
		c[i] = client(port);
	limit = old;
	limit.rlim_cur = LIMIT;
	setrlimit(RLIMIT_NOFILE, &limit);
	settle(r, 50);
	EQ_INT(LIMIT / 4, encl_relay_connections(r));
	s = dup(listener);
	setrlimit(RLIMIT_NOFILE, &old);
	CHECK(s >= 0);
	close(s);
	for (int i = 0; i < N; i++) {
		int got = -1;

		EQ_INT(sizeof i, write(c[i], &i, sizeof i));
		s = accept_from(r, listener);
		CHECK(until_readable(r, NULL, s));
		EQ_INT(sizeof got, read(s, &got, sizeof got));
		EQ_INT(i, got);
		close(s);
		close(c[i]);
	}
	encl_relay_free(r);
	close(listener);
}

/* Who has vanished without a word must not keep its place for ever. */
TEST(launch_relay_keepalive)
{
	unsigned to, port;
	int listener = server(&to);
	const struct encl_relay_end end = {.kind = ENCL_RELAY_TCP, .port = free_port()};
	const struct encl_relay_end target = {.kind = ENCL_RELAY_TCP, .port = to};
	int fds[3], c;
	bool pending;

	fds[0] = encl_relay_listen(&end);
	port = end.port;
	c = client(port);
	fds[1] = accept(fds[0], NULL, NULL);
	fds[2] = encl_relay_connect(&target, &pending);
	for (int i = 0; i < 3; i++) {
		int on = 0, idle = 0;
		socklen_t n = sizeof on;

		CHECK(!getsockopt(fds[i], SOL_SOCKET, SO_KEEPALIVE, &on, &n));
		EQ_INT(1, on);
		CHECK(!getsockopt(fds[i], IPPROTO_TCP, TCP_KEEPIDLE, &idle, &n));
		EQ_INT(300, idle);
		close(fds[i]);
	}
	close(c);
	close(listener);
}
