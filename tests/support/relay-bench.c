/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for the relay of published ports, each part a process of its own:
 *
 *	relay-bench relay SOCKET PORT…	what `run -p PORT:VSOCK` does: 127.0.0.1:PORT to
 *					SOCKET, vsock 5000; a PORT like "f8080" is of
 *					network.ingress (with frames)
 *	relay-bench wall SOCKET PORT	vhost-device-vsock and launch: takes "CONNECT
 *					5000\n" at SOCKET, takes frames off (the relay's
 *					encl_relay_adopt) and goes on to 127.0.0.1:PORT
 *	relay-bench serve SOCKET|PORT [connect]	who is reached; connect: asks for "CONNECT
 *					5000\n" first
 *	relay-bench drive PORT CONNECTIONS UP DOWN [half] [fast] [pid=PID]
 *
 * drive opens all connections, then sends UP bytes and takes DOWN bytes on each,
 * all at once.  Each connection has data of its own, which both ends compare, and
 * is ended by the server when all has come; half: each direction is ended when all
 * of it is sent, and has to arrive so (not by vhost-device-vsock without frames).
 * fast: nothing is compared but the number, so that the ends take as little of the
 * processors as can be (sendfile, splice to /dev/null).  It prints
 *
 *	CONNECTIONS connections, BYTES bytes, SECONDS s, GIBPS GiB/s
 *
 * and with pid the memory of that process and its children, in KiB: before, with
 * all connections open, and when all has passed but nothing is closed yet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "launch/publish.h"
#include "launch/relay.h"
#include "launch/wall.h"

/* The data of a connection: a table, read round and round from a place of its own. */
enum { TABLE = 1048573, CHUNK = 262144, VSOCK = 5000, HEADER = 32, ROUNDS = 4 };

static char table[TABLE + CHUNK];
static char scratch[CHUNK];
static int table_fd, null_fd;
static int pipe_fds[2];

static _Noreturn void __attribute__((format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;
	int saved = errno;

	va_start(ap, fmt);
	fputs("relay-bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (%s)\n", strerror(saved));
	exit(1);
}

static void
set_up(void)
{
	struct rlimit limit;
	uint64_t x = 88172645463325252U;

	for (size_t i = 0; i < TABLE; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		table[i] = (char)x;
	}
	memcpy(table + TABLE, table, CHUNK);
	table_fd = memfd_create("table", MFD_CLOEXEC);
	null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (table_fd < 0 || write(table_fd, table, sizeof table) != sizeof table ||
	    null_fd < 0 || pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK))
		die("set up");
	fcntl(pipe_fds[1], F_SETPIPE_SZ, 1048576);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one end of a connection ---- */

enum state {
	GREETING, /* server: for CONNECT; client: for the byte that says it is there */
	HEADING,  /* server: for the header */
	WAITING,  /* server: for the go; client: for the others */
	PASSING,
	OVER
};

struct peer {
	int fd;
	enum state state;
	bool fast, half, server;
	uint64_t seed;
	uint64_t out, n_out; /* sent, of so many */
	uint64_t in, n_in;
	bool told;  /* our direction is ended */
	bool ended; /* theirs */
	char text[HEADER];
	size_t n_text;
	uint32_t events;
};

static int epoll_fd;

static void
want(struct peer *p, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = p};

	if (p->events == events)
		return;
	if (epoll_ctl(epoll_fd, p->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, p->fd, &e))
		die("epoll");
	p->events = events;
}

/* Where the stream of a seed stands; the two directions differ. */
static size_t
place(uint64_t seed, bool of_server, uint64_t at)
{
	return (size_t)((seed * 7919 + (of_server ? 500009 : 0) + at) % TABLE);
}

static bool
is_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void
send_some(struct peer *p)
{
	for (int i = 0; i < ROUNDS && p->out < p->n_out; i++) {
		size_t n =
			p->n_out - p->out < CHUNK ? (size_t)(p->n_out - p->out) : CHUNK;
		off_t at = (off_t)place(p->seed, p->server, p->out);
		ssize_t w = p->fast ? sendfile(p->fd, table_fd, &at, n)
				    : send(p->fd, table + at, n, MSG_NOSIGNAL);

		if (w < 0 && !is_again())
			die("connection %llu: send", (unsigned long long)p->seed);
		if (w <= 0)
			return;
		p->out += (uint64_t)w;
		if ((size_t)w < n)
			return;
	}
	if (p->out < p->n_out || p->told)
		return;
	if (p->half || (p->server ? p->in == p->n_in : p->ended)) {
		p->told = true;
		shutdown(p->fd, SHUT_WR);
	}
}

static ssize_t
discard(struct peer *p)
{
	ssize_t n = splice(p->fd, NULL, pipe_fds[1], NULL, 1048576, SPLICE_F_NONBLOCK);
	ssize_t left = n;

	while (left > 0) {
		ssize_t w = splice(pipe_fds[0], NULL, null_fd, NULL, (size_t)left, 0);

		if (w <= 0)
			die("splice to /dev/null");
		left -= w;
	}
	return n;
}

static void
take_some(struct peer *p)
{
	for (int i = 0; i < ROUNDS && !p->ended; i++) {
		ssize_t n = p->fast ? discard(p) : recv(p->fd, scratch, CHUNK, 0);

		if (n < 0 && is_again())
			return;
		if (n < 0)
			die("connection %llu: receive", (unsigned long long)p->seed);
		if (!n) {
			p->ended = true;
			if (p->in != p->n_in)
				die("connection %llu: %llu bytes came, not %llu",
				    (unsigned long long)p->seed,
				    (unsigned long long)p->in,
				    (unsigned long long)p->n_in);
			return;
		}
		if (!p->fast && memcmp(scratch, table + place(p->seed, !p->server, p->in),
				       (size_t)n) != 0)
			die("connection %llu: wrong data after %llu bytes",
			    (unsigned long long)p->seed, (unsigned long long)p->in);
		p->in += (uint64_t)n;
		if (p->in > p->n_in)
			die("connection %llu: more came than was sent",
			    (unsigned long long)p->seed);
		if (n < CHUNK)
			return;
	}
}

/* Both directions, as far as they go now; true when both are over. */
static bool
pass(struct peer *p)
{
	take_some(p);
	send_some(p);
	if (p->told && (p->ended || (p->server && !p->half)))
		return true;
	want(p, (p->ended ? 0 : (uint32_t)EPOLLIN) |
			(p->out == p->n_out ? 0 : (uint32_t)EPOLLOUT));
	return false;
}

/* ---- serve ---- */

static int
listen_at(const char *path)
{
	const struct encl_relay_end port = {.kind = ENCL_RELAY_TCP,
					    .port = (uint32_t)strtoul(path, NULL, 10)};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (port.port) {
		close(fd);
		fd = encl_relay_listen(&port);
		if (fd < 0)
			die("listen at port %s", path);
		return fd;
	}
	if (strlen(path) >= sizeof a.sun_path)
		die("%s is too long", path);
	strcpy(a.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4096))
		die("listen at %s", path);
	return fd;
}

/* Reads until there are n bytes of text, or (n 0) a line; 1, or 0 for not yet, -1
 * for the end. */
static int
read_text(struct peer *p, size_t n)
{
	while (n ? p->n_text < n : !p->n_text || p->text[p->n_text - 1] != '\n') {
		ssize_t got = p->n_text == HEADER ? 0
						  : recv(p->fd, p->text + p->n_text,
							 n ? n - p->n_text : 1, 0);

		if (got < 0 && is_again())
			return 0;
		if (got <= 0)
			return -1;
		p->n_text += (size_t)got;
	}
	return 1;
}

static bool
is_connect(const struct peer *p)
{
	static const char question[] = "CONNECT 5000\n";

	return p->n_text == sizeof question - 1 &&
	       !memcmp(p->text, question, sizeof question - 1);
}

/* True when the connection is over. */
static bool
serve_peer(struct peer *p)
{
	int got = 1;

	while (p->state != PASSING && got > 0) {
		got = read_text(p, p->state == GREETING	 ? 0
				   : p->state == HEADING ? HEADER
							 : 1);
		if (got <= 0)
			break;
		if (p->state == GREETING) {
			if (!is_connect(p))
				die("not \"CONNECT 5000\"");
			if (send(p->fd, "OK 1\n", 5, MSG_NOSIGNAL) != 5)
				return true;
		} else if (p->state == HEADING) {
			uint64_t header[4];

			memcpy(header, p->text, sizeof header);
			p->seed = header[0];
			p->n_in = header[1];
			p->n_out = header[2];
			p->fast = header[3] & 1;
			p->half = header[3] & 2;
			if (send(p->fd, "+", 1, MSG_NOSIGNAL) != 1)
				return true;
		}
		p->n_text = 0;
		p->state++;
	}
	if (p->state == PASSING)
		return pass(p);
	if (got < 0 && p->state > HEADING)
		die("a connection ended before its time");
	return got < 0;
}

static _Noreturn void
serve(const char *path, bool asks)
{
	const int listener = listen_at(path);
	struct peer door = {.fd = listener};
	struct epoll_event events[64];

	want(&door, EPOLLIN);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++) {
			struct peer *p = events[i].data.ptr;

			if (p == &door) {
				int fd = accept4(listener, NULL, NULL,
						 SOCK_CLOEXEC | SOCK_NONBLOCK);

				if (fd < 0)
					continue;
				p = encl_xcalloc(1, sizeof *p);
				p->fd = fd;
				p->server = true;
				p->state = asks ? GREETING : HEADING;
				want(p, EPOLLIN);
			} else if (serve_peer(p)) {
				close(p->fd);
				free(p);
			}
		}
	}
}

/* ---- drive ---- */

/* VmRSS of the process and its children. */
static unsigned long
memory_of(long pid)
{
	char path[64], line[256];
	unsigned long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "VmRSS:", 6))
			kib = strtoul(line + 6, NULL, 10);
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
	f = fopen(path, "re");
	for (long child; f && fscanf(f, "%ld", &child) == 1;)
		kib += memory_of(child);
	if (f)
		fclose(f);
	return kib;
}

static int
connect_to(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a))
		die("connect to port %u", port);
	return fd;
}

static void
open_all(struct peer *peers, unsigned n, unsigned port)
{
	for (unsigned i = 0; i < n; i++) {
		struct peer *p = &peers[i];
		const uint64_t header[4] = {p->seed, p->n_out, p->n_in,
					    (p->fast ? 1U : 0) | (p->half ? 2U : 0)};

		p->fd = connect_to(port);
		if (send(p->fd, header, sizeof header, MSG_NOSIGNAL) != sizeof header)
			die("connection %u: send", i);
	}
	for (unsigned i = 0; i < n; i++) {
		if (recv(peers[i].fd, scratch, 1, MSG_WAITALL) != 1 || scratch[0] != '+')
			die("connection %u: no answer", i);
		fcntl(peers[i].fd, F_SETFL, O_NONBLOCK);
	}
}

static int
drive(unsigned port, unsigned n, const struct peer *like, long pid)
{
	struct peer *peers = encl_xcalloc(n, sizeof *peers);
	const unsigned long before = pid ? memory_of(pid) : 0;
	unsigned long opened, passed;
	struct epoll_event events[64];
	double start, seconds;

	for (unsigned i = 0; i < n; i++) {
		peers[i] = *like;
		peers[i].seed = i + 1;
	}
	open_all(peers, n, port);
	opened = pid ? memory_of(pid) : 0;
	start = now();
	for (unsigned i = 0; i < n; i++) {
		if (send(peers[i].fd, "g", 1, MSG_NOSIGNAL) != 1)
			die("connection %u: send", i);
		want(&peers[i], EPOLLIN | EPOLLOUT);
	}
	for (unsigned left = n; left;) {
		int got = epoll_wait(epoll_fd, events, 64, 60000);

		if (!got)
			die("nothing passes any more; %u connections are left", left);
		for (int i = 0; i < got; i++) {
			struct peer *p = events[i].data.ptr;

			if (p->state == OVER || !pass(p))
				continue;
			p->state = OVER;
			epoll_ctl(epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
			left--;
		}
	}
	seconds = now() - start;
	passed = pid ? memory_of(pid) : 0;
	printf("%u connections, %llu bytes, %.3f s, %.2f GiB/s", n,
	       (unsigned long long)(n * (like->n_out + like->n_in)), seconds,
	       (double)(n * (like->n_out + like->n_in)) / seconds / (1 << 30));
	if (pid)
		printf("; memory %lu, %lu, %lu KiB", before, opened, passed);
	putchar('\n');
	return 0;
}

/* ---- relay, wall ---- */

static _Noreturn void
relay(char *socket_path, int n, char **ports)
{
	const struct encl_wall wall = {.socket = socket_path};
	int *listeners;
	struct encl_way *ways = encl_xcalloc((size_t)n, sizeof *ways);
	struct encl_relay *r;
	struct encl_err e;

	for (int i = 0; i < n; i++)
		ways[i] = (struct encl_way){
			.address = "127.0.0.1",
			.port = (unsigned)strtoul(ports[i] + (*ports[i] == 'f'), NULL,
						  10),
			.vsock = VSOCK,
			.name = *ports[i] == 'f' ? "name" : NULL};
	if (encl_publish_open(ways, (size_t)n, &r, &listeners, &e) ||
	    encl_publish_lead(r, listeners, ways, (size_t)n, &wall, &e))
		die("%s", e.msg);
	encl_relay_hold(r, false);
	for (;;) {
		struct pollfd p = {encl_relay_fd(r), POLLIN, 0};

		if (poll(&p, 1, -1) > 0)
			encl_relay_step(r);
	}
}

/* The question is short and comes at once, so it is waited for. */
static _Noreturn void
wall(const char *path, const char *to)
{
	const int listener = listen_at(path);
	struct encl_relay *r = encl_relay_new(0);
	const struct encl_relay_end target = {.kind = ENCL_RELAY_TCP,
					      .port = (uint32_t)strtoul(to, NULL, 10)};

	for (;;) {
		struct pollfd p[2] = {{encl_relay_fd(r), POLLIN, 0},
				      {listener, POLLIN, 0}};
		struct peer peer = {0};
		struct encl_relay_visitor v = {.framed = true};

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[0].revents)
			encl_relay_step(r);
		if (!p[1].revents)
			continue;
		peer.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (read_text(&peer, 0) != 1 || !is_connect(&peer))
			die("not \"CONNECT 5000\"");
		if (send(peer.fd, "OK 1\n", 5, MSG_NOSIGNAL) != 5)
			die("answer");
		fcntl(peer.fd, F_SETFL, O_NONBLOCK);
		v.fd = peer.fd;
		if (encl_relay_adopt(r, &v, &target))
			die("adopt");
	}
}

int
main(int argc, char **argv)
{
	set_up();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (argc >= 4 && !strcmp(argv[1], "relay"))
		relay(argv[2], argc - 3, argv + 3);
	if (argc == 4 && !strcmp(argv[1], "wall"))
		wall(argv[2], argv[3]);
	if (argc >= 3 && !strcmp(argv[1], "serve"))
		serve(argv[2], argc > 3);
	if (argc >= 6 && !strcmp(argv[1], "drive")) {
		struct peer like = {.n_out = strtoull(argv[4], NULL, 10),
				    .n_in = strtoull(argv[5], NULL, 10)};
		long pid = 0;

		for (int i = 6; i < argc; i++) {
			like.fast |= !strcmp(argv[i], "fast");
			like.half |= !strcmp(argv[i], "half");
			if (!strncmp(argv[i], "pid=", 4))
				pid = strtol(argv[i] + 4, NULL, 10);
		}
		return drive((unsigned)strtoul(argv[2], NULL, 10),
			     (unsigned)strtoul(argv[3], NULL, 10), &like, pid);
	}
	fputs("usage: see the head of relay-bench.c\n", stderr);
	return 2;
}
