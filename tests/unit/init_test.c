/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init's heartbeat and lists (cmd/init): a parent that is not there, that is
 * silent, that answers rubbish or too late; on a clock that is made up.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "guest/file.h"
#include "test.h"

/* Other tests compile the real ones into the same program. */
#define guest_say	init_said
#define guest_dec	init_dec
#define guest_why	init_why
#define guest_boot_word init_word
/* What of the system is made up. */
#define socket(family, type, protocol) init_socket(family, type)
#define setsockopt(fd, level, o, v, n) init_option(fd, o, v)
#define connect(fd, address, n)	       init_connect(fd, address)
#define send(fd, p, n, flags)	       init_send(fd)
#define recv(fd, p, n, flags)	       init_recv(fd, p)
#define clock_gettime(id, t)	       init_clock(t)
#define nanosleep(t, rest)	       init_sleep(t)

/* What ends init may leave its memory behind, a test may not. */
#define guest_read_file(path, max, len) (init_read = (guest_read_file)(path, max, len))
static char *init_read;

static struct host {
	const char *word;  /* of the command line */
	int no_socket;	   /* errno */
	int no_connection; /* errno */
	unsigned fails;	   /* so often; 0: always */
	int takes;	   /* 0, or the errno of send */
	int byte;	   /* -1: nothing within its time, -2: closed */
	unsigned tries;
	uint32_t cid;
	uint64_t now; /* ms */
	bool receive_bound, send_bound;
	char text[4096];
	size_t n;
	jmp_buf end;
} host;

static void
note(const char *s)
{
	size_t n = strlen(s);

	CHECK(host.n + n < sizeof host.text);
	memcpy(host.text + host.n, s, n + 1);
	host.n += n;
}

static int
init_socket(int family, int type)
{
	(void)type;
	EQ_INT(AF_VSOCK, family);
	host.tries++;
	if (!host.no_socket)
		return dup(STDIN_FILENO);
	errno = host.no_socket;
	return -1;
}

static int
init_option(int fd, int option, const struct timeval *v)
{
	CHECK(fd >= 0);
	host.receive_bound = host.receive_bound || (option == SO_RCVTIMEO && v->tv_sec);
	host.send_bound = host.send_bound || (option == SO_SNDTIMEO && v->tv_sec);
	return 0;
}

static int
init_connect(int fd, const struct sockaddr *address)
{
	CHECK(fd >= 0);
	memcpy(&host.cid, (const char *)address + 8, 4);
	if (!host.no_connection || (host.fails && host.tries > host.fails))
		return 0;
	errno = host.no_connection;
	return -1;
}

static ssize_t
init_send(int fd)
{
	CHECK(fd >= 0);
	CHECK(host.send_bound);
	if (!host.takes)
		return 1;
	host.now += 5000;
	errno = host.takes;
	return -1;
}

static ssize_t
init_recv(int fd, unsigned char *p)
{
	CHECK(fd >= 0);
	CHECK(host.receive_bound);
	if (host.byte == -2)
		return 0;
	if (host.byte == -1) {
		host.now += 5000;
		errno = EAGAIN;
		return -1;
	}
	*p = (unsigned char)host.byte;
	return 1;
}

static int
init_clock(struct timespec *t)
{
	*t = (struct timespec){(time_t)(host.now / 1000), 0};
	return 0;
}

static int
init_sleep(const struct timespec *t)
{
	host.now += (uint64_t)t->tv_nsec / 1000000;
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/init/heartbeat.c"
#include "../../cmd/init/lists.c"
#pragma GCC diagnostic pop

void
guest_say(const char *const *parts)
{
	for (parts += 2; *parts; parts++)
		note(*parts);
	note("; ");
}

const char *
guest_dec(unsigned long n)
{
	static char texts[4][24];
	static unsigned next;
	char *to = texts[next++ % 4];

	snprintf(to, 24, "%lu", n);
	return to;
}

const char *
guest_why(void)
{
	return strerror(errno);
}

bool
guest_boot_word(const char *word)
{
	return host.word && strcmp(host.word, word) == 0;
}

void
init_end(const char *what, int n)
{
	note(what);
	note("=");
	note(guest_dec((unsigned)n));
	longjmp(host.end, 1);
}

static void
run(const struct host *how)
{
	memcpy(&host, how, sizeof host);
	if (!setjmp(host.end))
		init_heartbeat();
}

TEST(init_heartbeat_answers)
{
	run(&(struct host){.byte = 0xB7});
	EQ_STR("", host.text);
	EQ_INT(3, host.cid);
	run(&(struct host){.byte = 0xB7, .word = "enclave.heartbeat=2"});
	EQ_INT(2, host.cid);
	run(&(struct host){.word = "enclave.heartbeat=off"});
	EQ_STR("no vsock: heartbeat skipped; ", host.text);
	EQ_INT(0, host.tries);
	run(&(struct host){.byte = 0xB7, .no_connection = ECONNRESET, .fails = 20});
	EQ_STR("heartbeat: connect to vsock 3:9000: Connection reset by peer; trying again; ",
	       host.text);
	EQ_INT(21, host.tries);
}

/* 30 s, and the last try's own. */
TEST(init_heartbeat_fails)
{
	static const struct {
		struct host how;
		const char *step, *why;
		uint64_t ms;
	} rows[] = {
		{{.no_connection = ETIMEDOUT},
		 "connect to",
		 "Connection timed out",
		 30000},
		{{.takes = EAGAIN},
		 "write to",
		 "Resource temporarily unavailable",
		 35000},
		{{.byte = -1}, "read from", "Resource temporarily unavailable", 35000},
		{{.byte = -2}, "read from", "closed without an answer", 30000},
		{{.byte = 0xB6},
		 "read from",
		 "the answer is another byte than was sent",
		 30000},
		{{.no_socket = EMFILE}, "socket for", "Too many open files", 30000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char want[400];

		run(&rows[i].how);
		snprintf(
			want, sizeof want,
			"heartbeat: no answer for 30 s: %s vsock 3:9000: %s; is the parent "
			"listening there?; code=125",
			rows[i].step, rows[i].why);
		/* each kind of failure was told once, maybe by a row before */
		CHECK(strstr(host.text, "fatal: "));
		EQ_STR(want, strstr(host.text, "fatal: ") + 7);
		CHECK(host.now >= 30000 && host.now <= rows[i].ms + 200);
	}
	run(&(struct host){.no_socket = EAFNOSUPPORT});
	EQ_STR("fatal: heartbeat: the kernel has no vsock: Address family not supported by "
	       "protocol; it needs vsock and its virtio transport, built in or as modules; "
	       "code=125",
	       host.text);
}

static char **
list(const char *text, size_t n)
{
	const char *path = test_path("list");
	char **volatile lines = NULL;

	unlink(path);
	if (text)
		guest_write_file(path, text, n);
	memset(&host, 0, sizeof host);
	init_read = NULL;
	if (!setjmp(host.end))
		lines = init_read_list(path);
	if (!lines)
		free(init_read);
	return lines;
}

TEST(init_lists)
{
	char want[5000];
	char **lines = list("/bin/x\na b\n", 11);

	CHECK(lines);
	EQ_STR("/bin/x", lines[0]);
	EQ_STR("a b", lines[1]);
	CHECK(!lines[2]);
	free(lines[0]); /* the text */
	free(lines);
	CHECK(!list("a\0b\n", 4));
	snprintf(want, sizeof want, "fatal: %s holds a NUL byte; code=125",
		 test_path("list"));
	EQ_STR(want, host.text);
	CHECK(!list(NULL, 0));
	snprintf(
		want, sizeof want,
		"fatal: the app ramdisk has no usable %s: No such file or directory; code=125",
		test_path("list"));
	EQ_STR(want, host.text);
}
