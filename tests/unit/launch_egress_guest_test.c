/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proxy in the enclave and the parent's end together, with programs and a
 * server on this machine's loopback; the wall between is TCP here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "launch/egress_internal.h"
#include "launch/relay.h"

/* Other tests compile the real ones into the same program. */
#define guest_say	 egress_said
#define guest_boot_word	 egress_boot_word
#define launch_has_vsock egress_has_vsock
/* to 127.0.0.1 at the same port */
#define ENCL_RELAY_VSOCK ENCL_RELAY_TCP

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/egress.c"
#include "../../cmd/launch/egress_say.c"
#include "../../cmd/launch/listen.c"
#pragma GCC diagnostic pop
#undef join
#include "test.h"

static struct {
	bool framed, no_vsock;
	char said[8192];
	size_t n;
} outside;

void
guest_say(const char *const *parts)
{
	for (parts += 2; *parts; parts++)
		outside.n +=
			(size_t)snprintf(outside.said + outside.n,
					 sizeof outside.said - outside.n, "%s", *parts);
	outside.n += (size_t)snprintf(outside.said + outside.n,
				      sizeof outside.said - outside.n, "\n");
	CHECK(outside.n < sizeof outside.said);
}

bool
guest_boot_word(const char *word)
{
	return outside.framed && !strcmp(word, "enclave.relay=framed");
}

bool
launch_has_vsock(void)
{
	return !outside.no_vsock;
}

static int
server(unsigned *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(!bind(fd, (struct sockaddr *)&a, sizeof a) && !listen(fd, 4096));
	CHECK(!getsockname(fd, (struct sockaddr *)&a, &n));
	*port = ntohs(a.sin_port);
	return fd;
}

static struct {
	struct config config;
	struct egress_rule rules[4];
	char texts[4][80];
	struct encl_egress *parent;
	unsigned parent_port, web;
	int web_listener;
	struct watch watch;
} all;

static void
parent_ready(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	encl_egress_step(all.parent);
}

static void
begin_parent(bool told)
{
	const struct encl_egress_options options = {.local = true};

	all.parent =
		encl_egress_serve(server(&all.parent_port), outside.framed, 0, &options);
	CHECK(all.parent != NULL);
	all.watch.ready = parent_ready;
	CHECK(!loop_watch(&all.watch, encl_egress_fd(all.parent), EPOLLIN));
	if (told)
		CHECK(launch_egress_parent(all.parent_port));
}

static void
begin_all(bool framed)
{
	unsigned port;

	memset(&outside, 0, sizeof outside);
	memset(&all, 0, sizeof all);
	memset(&the, 0, sizeof the);
	outside.framed = framed;
	all.web_listener = server(&all.web);
	close(server(&port));
	snprintf(all.texts[0], sizeof all.texts[0], "host localhost %u", all.web);
	snprintf(all.texts[1], sizeof all.texts[1], "cidr 127.0.0.0/30 %u", all.web);
	snprintf(all.texts[2], sizeof all.texts[2], "host *.example.com 443");
	for (int i = 0; i < 3; i++)
		CHECK(egress_rule_parse(all.texts[i], &all.rules[i]));
	all.config.egress = port;
	all.config.allow = all.rules;
	all.config.n_allow = 3;
	launch_egress(&all.config);
	EQ_INT(1, the.n_listeners);
	CHECK(strstr(outside.said, "egress: proxy on 127.0.0.1:") == outside.said);
	outside.n = 0;
	outside.said[0] = 0;
}

static void
end_all(void)
{
	loop_unwatch(&all.watch);
	encl_egress_free(all.parent);
	while (the.clients)
		drop(the.clients);
	loop_unwatch(&the.relay_watch);
	encl_relay_free(the.relay);
	loop_timer_stop(&the.sweep);
	for (size_t i = 0; i < the.n_listeners; i++) {
		close(the.listeners[i].fd);
		loop_unwatch(&the.listeners[i]);
	}
	close(all.web_listener);
}

static int
program(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)all.config.egress)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a));
	return fd;
}

static void
seen(struct watch *w, uint32_t events)
{
	(void)events;
	*(bool *)w->arg = true;
	loop_stop();
}

static void
stop(struct timer *t)
{
	(void)t;
	loop_stop();
}

/* Runs the loop until fd is readable, or for ms. */
static bool
run_until(int fd, uint64_t ms)
{
	bool readable = false;
	struct watch w = {.ready = seen, .arg = &readable};
	struct timer t = {.expired = stop};

	if (fd >= 0)
		CHECK(!loop_watch(&w, fd, EPOLLIN));
	loop_timer(&t, ms);
	loop_run();
	loop_timer_stop(&t);
	if (fd >= 0)
		loop_unwatch(&w);
	return readable;
}

/* All until its end. */
static const char *
answer_of(int fd)
{
	static char got[8192];
	size_t n = 0;
	ssize_t r;

	do {
		CHECK(run_until(fd, 10000));
		r = read(fd, got + n, sizeof got - 1 - n);
		CHECK(r >= 0);
		n += (size_t)r;
	} while (r > 0);
	got[n] = 0;
	close(fd);
	return got;
}

static void
say_to(int fd, const char *text)
{
	EQ_INT(strlen(text), write(fd, text, strlen(text)));
}

static int
accept_web(void)
{
	int fd;

	CHECK(run_until(all.web_listener, 10000));
	fd = accept(all.web_listener, NULL, NULL);
	CHECK(fd >= 0);
	return fd;
}

static void
expect(int fd, const char *want)
{
	char got[2048];
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t r;

		CHECK(run_until(fd, 10000));
		r = read(fd, got + n, strlen(want) - n);
		CHECK(r > 0);
		n += (size_t)r;
	}
	EQ_MEM(want, strlen(want), got, n);
}

static void
both_ways(bool framed)
{
	char text[400];
	int c, s;

	begin_all(framed);
	begin_parent(true);
	/* CONNECT, and what the client has sent without waiting */
	c = program();
	snprintf(text, sizeof text,
		 "CONNECT LocalHost.:%u HTTP/1.1\r\nHost: localhost:%u\r\n\r\nhello",
		 all.web, all.web);
	say_to(c, text);
	s = accept_web();
	expect(s, "hello");
	expect(c, "HTTP/1.1 200 Connection established\r\n\r\n");
	say_to(s, "answer");
	close(s);
	EQ_STR("answer", answer_of(c));
	/* a plain request, in two parts, with a body */
	c = program();
	snprintf(text, sizeof text, "POST http://127.1:%u/form?a HTTP/1.1\r\nHo",
		 all.web);
	say_to(c, text);
	run_until(-1, 20);
	snprintf(text, sizeof text,
		 "st: 127.0.0.1:%u\r\nProxy-Authorization: Basic x\r\n"
		 "Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbo",
		 all.web);
	say_to(c, text);
	s = accept_web();
	say_to(c, "dy");
	snprintf(text, sizeof text,
		 "POST /form?a HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Length: 4\r\n"
		 "Connection: close\r\n\r\nbody",
		 all.web);
	expect(s, text);
	say_to(s, "HTTP/1.1 204 No Content\r\n\r\n");
	close(s);
	EQ_STR("HTTP/1.1 204 No Content\r\n\r\n", answer_of(c));
	/* what the parent says of a target that is not there */
	close(all.web_listener);
	c = program();
	snprintf(text, sizeof text, "CONNECT 127.0.0.1:%u HTTP/1.0\r\n\r\n", all.web);
	say_to(c, text);
	snprintf(text, sizeof text,
		 "\r\n\r\nthe parent's egress: 127.0.0.1:%u: connection refused\n",
		 all.web);
	CHECK(strstr(answer_of(c), text) != NULL);
	EQ_STR("", outside.said);
	all.web_listener = -1;
	end_all();
}

TEST(launch_egress_both_ends)
{
	both_ways(false);
}

TEST(launch_egress_both_ends_framed)
{
	both_ways(true);
}

static void
denied(const char *request, const char *status, const char *body, const char *line)
{
	char want[1024];
	int c = program();

	outside.n = 0;
	outside.said[0] = 0;
	say_to(c, request);
	snprintf(want, sizeof want,
		 "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		 "Connection: close\r\n\r\n%s\n",
		 status, strlen(body) + 1, body);
	EQ_STR(want, answer_of(c));
	EQ_STR(line, outside.said);
}

TEST(launch_egress_denies)
{
	char want[400];
	static const char refused[] = "400 Bad Request";

	begin_all(false);
	begin_parent(true);
	denied("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
	       "403 Forbidden",
	       "egress to example.com:443 is denied: no rule of network.egress.allow in "
	       "enclave.yaml has it; it would be {host: \"example.com\", ports: [443]}",
	       "egress: denied example.com:443: no rule has the host\n");
	denied("GET http://a.EXAMPLE.com/secret?x HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
	       "403 Forbidden",
	       "egress to a.example.com:80 is denied: the rule for *.example.com has the "
	       "ports 443, not 80; they stand in network.egress.allow of enclave.yaml",
	       "egress: denied a.example.com:80: the rule for *.example.com has the ports "
	       "443\n");
	denied("CONNECT 0xa9fea9fe:80 HTTP/1.0\r\n\r\n", "403 Forbidden",
	       "egress to 169.254.169.254:80 is denied: no rule of network.egress.allow in "
	       "enclave.yaml has it; it would be {cidr: \"169.254.169.254/32\", ports: "
	       "[80]}",
	       "egress: denied 169.254.169.254:80: no rule has the address\n");
	denied("CONNECT [2001:DB8::0:1]:80 HTTP/1.0\r\n\r\n", "403 Forbidden",
	       "egress to [2001:db8::1]:80 is denied: no rule of network.egress.allow in "
	       "enclave.yaml has it; it would be {cidr: \"2001:db8::1/128\", ports: [80]}",
	       "egress: denied [2001:db8::1]:80: no rule has the address\n");
	denied("GET http://u:p@a.x/\x1b[31m\"\\ HTTP/1.1\r\nHost: a.x\r\n\r\n", refused,
	       "egress: the target has a byte that no URL has",
	       "egress: refused \"GET http://u:p@a.x/\\x1b[31m\\x22\\x5c HTTP/1.1\": the "
	       "target has a byte that no URL has\n");
	denied("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", refused,
	       "egress: this is a proxy: the target has to be http://HOST/PATH",
	       "egress: refused \"GET / HTTP/1.1\": this is a proxy: the target has to be "
	       "http://HOST/PATH\n");
	snprintf(want, sizeof want, "CONNECT 127.0.0.4:%u HTTP/1.0\r\n\r\n", all.web);
	int c = program();
	say_to(c, want);
	CHECK(!strncmp(answer_of(c), "HTTP/1.1 403 ", 13));
	errno = 0;
	EQ_INT(-1, accept(all.web_listener, NULL, NULL));
	EQ_INT(EAGAIN, errno);
	end_all();
}

/* The console is not flooded. */
TEST(launch_egress_denies_many)
{
	size_t lines = 0;

	begin_all(false);
	begin_parent(true);
	for (int i = 0; i < 200; i++) {
		int c = program();

		say_to(c, "CONNECT example.com:443 HTTP/1.0\r\n\r\n");
		CHECK(!strncmp(answer_of(c), "HTTP/1.1 403 ", 13));
	}
	for (const char *at = outside.said; (at = strchr(at, '\n')); at++)
		lines++;
	CHECK(lines > 0 && lines < 150);
	EQ_INT(0, the.n);
	end_all();
}

TEST(launch_egress_head_too_large)
{
	static char large[EGRESS_HEAD_MAX];
	int c;

	begin_all(false);
	begin_parent(true);
	memset(large, 'a', sizeof large);
	c = program();
	EQ_INT(sizeof large, write(c, large, sizeof large));
	CHECK(!strncmp(answer_of(c), "HTTP/1.1 431 ", 13));
	end_all();
}

/* Requests that come before the parent has told where it listens. */
TEST(launch_egress_waits_for_the_parent)
{
	char text[100];
	int c, left, s;

	begin_all(false);
	begin_parent(false);
	snprintf(text, sizeof text, "CONNECT localhost:%u HTTP/1.0\r\n\r\n", all.web);
	c = program();
	left = program();
	say_to(c, text);
	say_to(left, text);
	CHECK(!run_until(c, 100));
	EQ_INT(2, the.n);
	const struct linger reset = {1, 0};
	setsockopt(left, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(left);
	run_until(-1, 50);
	EQ_INT(1, the.n);
	CHECK(launch_egress_parent(all.parent_port));
	s = accept_web();
	expect(c, "HTTP/1.1 200 Connection established\r\n\r\n");
	close(s);
	EQ_STR("", answer_of(c));
	end_all();
}

TEST(launch_egress_without_a_parent)
{
	char text[100];
	int c;

	begin_all(false);
	the.no_vsock = true;
	begin_parent(false);
	snprintf(text, sizeof text, "CONNECT localhost:%u HTTP/1.0\r\n\r\n", all.web);
	c = program();
	say_to(c, text);
	CHECK(strstr(answer_of(c), "egress: there is no vsock, and so no way out\n"));
	end_all();
	memset(&the, 0, sizeof the);
	launch_egress(&(struct config){.egress = 0});
	CHECK(!launch_egress_parent(7));
}
