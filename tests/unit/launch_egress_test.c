/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's end of egress, with real servers on this machine's loopback. */
#include "launch/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "launch/egress_internal.h"
#include "test.h"

/* ---- requests ---- */

TEST(launch_egress_reads_requests)
{
	static const struct {
		const char *text;
		int r;
		const char *host;
		unsigned port;
		bool plain;
	} rows[] = {
		{"CONNECT a.x:443 HTTP/1.1\r\n\r\n", 1, "a.x", 443, false},
		{"CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\nrest", 1, "::1", 1,
		 false},
		{"CONNECT 1.2.3.4:65535 HTTP/1.1\r\nEnclave-Plain: yes\r\n\r\n", 1,
		 "1.2.3.4", 65535, true},
		{"CONNECT a.x:443 HTTP/1.1\r\nHost: a", 0, "", 0, false},
		{"CONNECT a.x:443 HTTP/1.1\r\n", 0, "", 0, false},
		{"C", 0, "", 0, false},
		{"GET / HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a.x HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a.x:0 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a.x:65536 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a.x:443 HTTP/1.0\r\n\r\n", -1, "", 0, false},
		{"CONNECT :443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT -a.x:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT A.X:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a b:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT a\x1b[1m:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT ::1:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT [fe80::1%eth0]:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"CONNECT []:443 HTTP/1.1\r\n\r\n", -1, "", 0, false},
		{"\r\n\r\n", -1, "", 0, false},
	};
	static char large[5000];
	struct encl_egress_request r;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int got;

		r = (struct encl_egress_request){.port = 0};
		got = encl_egress_read(rows[i].text, strlen(rows[i].text), &r);
		if (got != rows[i].r)
			test_fail(__FILE__, __LINE__, "%s: want %d, got %d", rows[i].text,
				  rows[i].r, got);
		EQ_STR(rows[i].host, r.host);
		EQ_INT(rows[i].port, r.port);
		EQ_INT(rows[i].plain, r.plain);
	}
	encl_egress_read(rows[1].text, strlen(rows[1].text), &r);
	EQ_INT(strlen(rows[1].text) - 4, r.head);
	memset(large, 'a', sizeof large);
	memcpy(large, "CONNECT a.x:443 HTTP/1.1\r\n", 26);
	EQ_INT(0, encl_egress_read(large, 4095, &r));
	EQ_INT(-1, encl_egress_read(large, 4096, &r));
	memcpy(large + 4092, "\r\n\r\n", 4);
	EQ_INT(1, encl_egress_read(large, 5000, &r));
	EQ_INT(4096, r.head);
}

/* ---- addresses ---- */

static struct sockaddr_storage
address(const char *text, unsigned port)
{
	struct sockaddr_storage s = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
	} else {
		CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
	}
	return s;
}

static const char *
judged(const char *text, bool local)
{
	struct sockaddr_storage s = address(text, 443);
	const char *why = encl_egress_refuses((const struct sockaddr *)&s, local);

	return why ? why : "allowed";
}

TEST(launch_egress_refuses_addresses)
{
	static const char loopback[] = "it is loopback of the parent";
	static const char link_local[] =
		"it is link-local, where the instance's metadata service is";
	static const char unspecified[] = "it is no address of a host";
	static const char multicast[] = "it is no address of one host";
	static const struct {
		const char *text, *why, *with_local;
	} rows[] = {
		{"203.0.113.7", "allowed", "allowed"},
		{"10.0.0.255", "allowed", "allowed"},
		{"2001:db8::1", "allowed", "allowed"},
		{"126.255.255.255", "allowed", "allowed"},
		{"128.0.0.1", "allowed", "allowed"},
		{"169.253.255.255", "allowed", "allowed"},
		{"223.255.255.255", "allowed", "allowed"},
		{"fd00:ec3::254", "allowed", "allowed"},
		{"127.0.0.1", loopback, "allowed"},
		{"127.255.255.254", loopback, "allowed"},
		{"::1", loopback, "allowed"},
		{"169.254.169.254", link_local, "allowed"},
		{"169.254.0.1", link_local, "allowed"},
		{"fe80::1", link_local, "allowed"},
		{"febf::1", link_local, "allowed"},
		{"fd00:ec2::254", link_local, "allowed"},
		{"fd00:ec2::253", link_local, "allowed"},
		{"0.0.0.0", unspecified, unspecified},
		{"0.1.2.3", unspecified, unspecified},
		{"::", unspecified, unspecified},
		{"224.0.0.1", multicast, multicast},
		{"239.255.255.255", multicast, multicast},
		{"255.255.255.255", multicast, multicast},
		{"240.0.0.1", multicast, multicast},
		{"ff02::1", multicast, multicast},
		/* IPv4 in IPv6's clothes */
		{"::ffff:127.0.0.1", loopback, "allowed"},
		{"::ffff:169.254.169.254", link_local, "allowed"},
		{"::ffff:203.0.113.7", "allowed", "allowed"},
		{"::127.0.0.1", loopback, "allowed"},
		{"64:ff9b::169.254.169.254", link_local, "allowed"},
		{"64:ff9b::7f00:1", loopback, "allowed"},
		{"2002:7f00:1::1", loopback, "allowed"},
		{"2002:a9fe:a9fe::1", link_local, "allowed"},
		{"2002:cb00:7107::1", "allowed", "allowed"},
	};
	struct ifaddrs *all;
	char text[ENCL_EGRESS_TEXT];
	struct sockaddr_storage s = address("2001:db8::1", 443);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (strcmp(rows[i].why, judged(rows[i].text, false)) != 0 ||
		    strcmp(rows[i].with_local, judged(rows[i].text, true)) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s, %s", rows[i].text,
				  judged(rows[i].text, false),
				  judged(rows[i].text, true));
	}
	/* each address that this machine has */
	CHECK(!getifaddrs(&all));
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && (i->ifa_addr->sa_family == AF_INET ||
				    i->ifa_addr->sa_family == AF_INET6))
			CHECK(encl_egress_refuses(i->ifa_addr, false) != NULL);
	freeifaddrs(all);
	encl_egress_format((const struct sockaddr *)&s, text);
	EQ_STR("[2001:db8::1]:443", text);
	s = address("203.0.113.7", 80);
	encl_egress_format((const struct sockaddr *)&s, text);
	EQ_STR("203.0.113.7:80", text);
}

/* ---- connections ---- */

struct heard {
	struct encl_log log;
	char text[65536];
	size_t n;
};

static void
hear(struct encl_log *log, enum encl_level level, const char *text)
{
	struct heard *h = (struct heard *)log;

	EQ_INT(ENCL_LOG_INFO, level);
	h->n += (size_t)snprintf(h->text + h->n, sizeof h->text - h->n, "%s\n", text);
	CHECK(h->n < sizeof h->text);
}

static int
server(const char *at, unsigned *port)
{
	struct sockaddr_storage s = address(at, 0);
	socklen_t n = s.ss_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6);
	int fd = socket(s.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&s, n) || listen(fd, 4096))
		return -1;
	CHECK(!getsockname(fd, (struct sockaddr *)&s, &n));
	*port = ntohs(((struct sockaddr_in *)&s)->sin_port);
	return fd;
}

struct egress {
	struct heard heard;
	struct encl_egress *g;
	unsigned port;
};

static void
begin(struct egress *x, bool framed, bool local)
{
	int fd = server("127.0.0.1", &x->port);

	memset(&x->heard, 0, sizeof x->heard);
	x->heard.log.event = hear;
	CHECK(fd >= 0);
	x->g = encl_egress_serve(fd, framed, 0,
				 &(struct encl_egress_options){local, &x->heard.log});
	CHECK(x->g != NULL);
}

static int
enclave(const struct egress *x)
{
	struct sockaddr_storage s = address("127.0.0.1", x->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&s, sizeof(struct sockaddr_in)));
	return fd;
}

/* Until fd is readable. */
static void
step_until(struct egress *x, int fd)
{
	for (uint64_t end = encl_clock_ms() + 10000; encl_clock_ms() < end;) {
		struct pollfd p[2] = {{encl_egress_fd(x->g), POLLIN, 0}, {fd, POLLIN, 0}};

		poll(p, 2, 100);
		if (p[0].revents)
			encl_egress_step(x->g);
		if (p[1].revents)
			return;
	}
	test_fail(__FILE__, __LINE__, "nothing came; log: %s", x->heard.text);
}

static void
expect(struct egress *x, int fd, const char *want, size_t n)
{
	char got[4096];
	size_t have = 0;

	while (have < n) {
		ssize_t r;

		step_until(x, fd);
		r = read(fd, got + have, n - have);
		if (r <= 0)
			break;
		have += (size_t)r;
	}
	EQ_MEM(want, n, got, have);
}

static void
expect_end(struct egress *x, int fd)
{
	char byte;

	step_until(x, fd);
	EQ_INT(0, read(fd, &byte, 1));
}

static int
accept_from(struct egress *x, int listener)
{
	int fd;

	step_until(x, listener);
	fd = accept(listener, NULL, NULL);
	CHECK(fd >= 0);
	return fd;
}

static void
settle(struct egress *x)
{
	for (uint64_t end = encl_clock_ms() + 60; encl_clock_ms() < end;) {
		struct pollfd p = {encl_egress_fd(x->g), POLLIN, 0};

		if (poll(&p, 1, 10) > 0)
			encl_egress_step(x->g);
	}
}

static void
say(int fd, const char *text)
{
	EQ_INT(strlen(text), write(fd, text, strlen(text)));
}

static void
ask(int fd, const char *host, unsigned port, const char *more)
{
	char text[512];

	snprintf(text, sizeof text, "CONNECT %s:%u HTTP/1.1\r\n%s", host, port, more);
	say(fd, text);
}

/* The whole answer of a refusal, and its end. */
static void
expect_refusal(struct egress *x, int fd, const char *status, const char *text)
{
	char want[1024];

	snprintf(want, sizeof want,
		 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		 "Connection: close\r\n\r\nthe parent's egress: %s\n",
		 status, strlen(text) + 22, text);
	expect(x, fd, want, strlen(want));
	expect_end(x, fd);
	close(fd);
}

#define ESTABLISHED "HTTP/1.1 200 Connection established\r\n\r\n"

TEST(launch_egress_connects)
{
	struct egress x;
	unsigned port;
	int listener = server("127.0.0.1", &port);
	char want[200];
	int c, s;

	begin(&x, false, true);
	c = enclave(&x);
	ask(c, "127.0.0.1", port, "Host: x\r\n\r\nearly");
	s = accept_from(&x, listener);
	expect(&x, c, ESTABLISHED, strlen(ESTABLISHED));
	expect(&x, s, "early", 5);
	say(s, "answer");
	expect(&x, c, "answer", 6);
	shutdown(c, SHUT_WR);
	expect_end(&x, s);
	say(s, "more");
	expect(&x, c, "more", 4);
	close(s);
	expect_end(&x, c);
	close(c);
	settle(&x);
	snprintf(want, sizeof want,
		 "egress: 127.0.0.1:%u (127.0.0.1:%u): 5 bytes out, 10 in\n", port, port);
	EQ_STR(want, x.heard.text);
	/* a plain request's answer is the target's alone, and it comes in parts */
	c = enclave(&x);
	ask(c, "127.0.0.1", port, "Enclave-Plain: y");
	settle(&x);
	say(c, "es\r\n");
	settle(&x);
	say(c, "\r\nGET /");
	s = accept_from(&x, listener);
	expect(&x, s, "GET /", 5);
	say(s, "HTTP/1.1 204\r\n");
	close(s);
	expect(&x, c, "HTTP/1.1 204\r\n", 14);
	expect_end(&x, c);
	close(c);
	encl_egress_free(x.g);
	close(listener);
}

TEST(launch_egress_frames)
{
	struct egress x;
	unsigned port;
	int listener = server("127.0.0.1", &port);
	char head[200];
	char frame[2];
	size_t n;
	int c, s;

	begin(&x, true, true);
	c = enclave(&x);
	n = (size_t)snprintf(head, sizeof head, "CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\nab",
			     port);
	/* two frames, in pieces; the second ends behind what is the target's */
	memcpy(frame, "\0\x0a", 2);
	EQ_INT(1, write(c, frame, 1));
	settle(&x);
	EQ_INT(1, write(c, frame + 1, 1));
	EQ_INT(10, write(c, head, 10));
	settle(&x);
	frame[1] = (char)(n - 10);
	EQ_INT(2, write(c, frame, 2));
	EQ_INT(n - 12, write(c, head + 10, n - 12));
	settle(&x);
	EQ_INT(2, write(c, head + n - 2, 2));
	s = accept_from(&x, listener);
	expect(&x, s, "ab", 2);
	expect(&x, c, "\0\x27" ESTABLISHED, 2 + strlen(ESTABLISHED));
	EQ_INT(6, write(c, "\0\2cd\0\0", 6));
	expect(&x, s, "cd", 2);
	expect_end(&x, s);
	say(s, "ef");
	close(s);
	expect(&x, c, "\0\2ef\0\0", 6);
	expect_end(&x, c);
	close(c);
	/* an answer that says no */
	c = enclave(&x);
	EQ_INT(7, write(c, "\0\5GET \n", 7));
	EQ_INT(4, write(c, "\0\2\r\n", 4));
	step_until(&x, c);
	EQ_INT(2, read(c, frame, 2));
	EQ_INT(0, frame[0]);
	n = (size_t)frame[1];
	expect(&x, c, "HTTP/1.1 400 Bad Request\r\n", 26);
	CHECK(n > 26);
	encl_egress_free(x.g);
	close(c);
	close(listener);
}

TEST(launch_egress_refuses)
{
	struct egress x;
	unsigned port, gone;
	int listener = server("127.0.0.1", &port);
	char text[200];
	char label[80];
	int c;

	close(server("127.0.0.1", &gone));
	begin(&x, false, false);
	c = enclave(&x);
	ask(c, "127.0.0.1", port, "\r\n");
	snprintf(text, sizeof text,
		 "127.0.0.1:%u is refused: it is loopback of the parent", port);
	expect_refusal(&x, c, "403 Forbidden", text);
	c = enclave(&x);
	/* a name is judged by what it is resolved to */
	ask(c, "localhost", port, "\r\n");
	snprintf(text, sizeof text,
		 "localhost:%u is refused: it is loopback of the parent", port);
	expect_refusal(&x, c, "403 Forbidden", text);
	c = enclave(&x);
	ask(c, "2130706433", port, "\r\n");
	snprintf(text, sizeof text,
		 "2130706433:%u is refused: it is loopback of the parent", port);
	expect_refusal(&x, c, "403 Forbidden", text);
	c = enclave(&x);
	ask(c, "169.254.169.254", 80, "\r\n");
	expect_refusal(&x, c, "403 Forbidden",
		       "169.254.169.254:80 is refused: it is link-local, where the "
		       "instance's metadata service is");
	c = enclave(&x);
	say(c, "GET http://a.x/ HTTP/1.1\r\n\r\n");
	expect_refusal(&x, c, "400 Bad Request", "a request that is no CONNECT");
	c = enclave(&x);
	/* no resolver asks anybody for a label of 64 bytes */
	memset(label, 'a', 64);
	label[64] = 0;
	ask(c, label, 443, "\r\n");
	snprintf(text, sizeof text, "%s:443: the name is not known", label);
	expect_refusal(&x, c, "502 Bad Gateway", text);
	EQ_INT(-1, accept(listener, NULL, NULL)); /* nothing came to it */
	encl_egress_free(x.g);

	begin(&x, false, true);
	c = enclave(&x);
	ask(c, "127.0.0.1", gone, "\r\n");
	snprintf(text, sizeof text, "127.0.0.1:%u: connection refused", gone);
	expect_refusal(&x, c, "502 Bad Gateway", text);
	encl_egress_free(x.g);
	close(listener);
}

/* Of the two addresses of localhost one answers, whichever comes first. */
TEST(launch_egress_tries_addresses)
{
	struct egress x;
	unsigned port;
	int listener = server("127.0.0.1", &port);
	int c, s;

	begin(&x, false, true);
	c = enclave(&x);
	ask(c, "localhost", port, "\r\n");
	s = accept_from(&x, listener);
	expect(&x, c, ESTABLISHED, strlen(ESTABLISHED));
	close(s);
	expect_end(&x, c);
	close(c);
	settle(&x);
	CHECK(strstr(x.heard.text, " (127.0.0.1:") != NULL);
	encl_egress_free(x.g);
	close(listener);
}

TEST(launch_egress_many)
{
	enum { N = 600 };
	struct egress x;
	unsigned port;
	int listener = server("127.0.0.1", &port);
	static int c[N], s[N];
	char byte;

	begin(&x, false, true);
	for (int i = 0; i < N; i++) {
		c[i] = enclave(&x);
		ask(c[i], i % 2 ? "localhost" : "127.0.0.1", port, "\r\n");
	}
	for (int i = 0; i < N; i++)
		s[i] = accept_from(&x, listener);
	for (int i = 0; i < N; i++) {
		byte = (char)i;
		expect(&x, c[i], ESTABLISHED, strlen(ESTABLISHED));
		EQ_INT(1, write(c[i], &byte, 1));
	}
	/* each server's end hears one of them, and says it back */
	for (int i = 0; i < N; i++) {
		step_until(&x, s[i]);
		EQ_INT(1, read(s[i], &byte, 1));
		EQ_INT(1, write(s[i], &byte, 1));
	}
	for (int i = 0; i < N; i++) {
		byte = (char)i;
		expect(&x, c[i], &byte, 1);
		close(c[i]);
	}
	/* the half is left open */
	for (int i = 0; i < N; i += 2)
		close(s[i]);
	settle(&x);
	encl_egress_free(x.g);
	for (int i = 1; i < N; i += 2)
		close(s[i]);
	/* a flood of connections is none of the log */
	size_t lines = 0;
	for (const char *at = x.heard.text; (at = strchr(at, '\n')); at++)
		lines++;
	CHECK(lines >= 50 && lines < N);
	close(listener);
}

/* Who leaves at whatever moment leaves nothing behind. */
TEST(launch_egress_left)
{
	struct egress x;
	unsigned port;
	int listener = server("127.0.0.1", &port);
	int c[5];

	begin(&x, false, true);
	for (int i = 0; i < 5; i++)
		c[i] = enclave(&x);
	say(c[1], "CONN");
	ask(c[2], "localhost", port, "\r\n");
	ask(c[3], "192.0.2.1", 9, "\r\n"); /* answers nobody (RFC 5737) */
	ask(c[4], "localhost", port, "\r\n");
	{
		struct pollfd p = {encl_egress_fd(x.g), POLLIN, 0};

		poll(&p, 1, 1000);
		encl_egress_step(x.g);
	}
	for (int i = 0; i < 4; i++)
		close(c[i]);
	settle(&x);
	encl_egress_free(x.g);
	close(c[4]);
	close(listener);
}

/* At the socket of vhost-device-vsock for the port, which goes with it. */
TEST(launch_egress_opens)
{
	const struct encl_egress_options options = {.local = true};
	struct encl_wall wall = {.socket = encl_xstrdup(test_path("vm"))};
	struct encl_egress *g;
	uint32_t port;

	OK(encl_egress_open(&wall, &options, &g, &port, &e));
	EQ_INT(9003, port);
	EQ_INT(0, access(test_path("vm_9003"), F_OK));
	encl_egress_free(g);
	EQ_INT(-1, access(test_path("vm_9003"), F_OK));
	encl_wall_clear(&wall);
	wall.socket = encl_xstrdup(test_path("none/vm"));
	CHECK(encl_egress_open(&wall, &options, &g, &port, &e) == -1);
	EQ_STR("egress: listen on vsock port 9003: No such file or directory", e.msg);
	EQ_INT(ENCL_HOST, e.code);
	encl_wall_clear(&wall);
}
