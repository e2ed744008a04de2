/* SPDX-License-Identifier: Apache-2.0 */
/* Two folders over a socketpair; and one side that does not keep the rules. */
#include "launch/exchange.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "launch/folders.h"
#include "test.h"

struct side {
	struct encl_exchange_session s;
	pthread_t thread;
	bool result;
	_Atomic bool synced;
	_Atomic unsigned warnings;
	char folder[256];
};

static void
synced(void *arg)
{
	((struct side *)arg)->synced = true;
}

static void
warned(void *arg, const char *text)
{
	(void)text;
	((struct side *)arg)->warnings++;
}

static void *
work(void *arg)
{
	struct side *side = arg;

	side->result = encl_exchange_run(&side->s);
	shutdown(side->s.fd, SHUT_RDWR);
	return NULL;
}

static unsigned max_entries;

static void
begin(struct side *side, int fd, const char *name, bool send, bool take)
{
	memset(side, 0, sizeof *side);
	snprintf(side->folder, sizeof side->folder, "%s", test_path("%s", name));
	mkdir(side->folder, 0755);
	side->s = (struct encl_exchange_session){
		.fd = fd,
		.root = open(side->folder, O_RDONLY | O_DIRECTORY),
		.send = send,
		.take = take,
		.max_bytes = 1 << 20,
		.max_entries = max_entries,
		.warn = warned,
		.synced = synced,
		.arg = side,
	};
	CHECK(side->s.root >= 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK(!pthread_create(&side->thread, NULL, work, side));
}

static void
finish(struct side *side)
{
	shutdown(side->s.fd, SHUT_RDWR);
	pthread_join(side->thread, NULL);
	close(side->s.fd);
	close(side->s.root);
}

static void
put_file(const struct side *side, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", side->folder, name);
	f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && !fclose(f));
}

static bool
has_text(const struct side *side, const char *name, const char *want)
{
	char path[512], got[64] = "";
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", side->folder, name);
	f = fopen(path, "r");
	if (!f)
		return !want;
	n = fread(got, 1, sizeof got - 1, f);
	got[n] = 0;
	fclose(f);
	return want && !strcmp(want, got);
}

/* want NULL: it is not there */
static void
await(const struct side *side, const char *name, const char *want)
{
	for (uint64_t end = encl_clock_ms() + 5000; encl_clock_ms() < end;) {
		if (has_text(side, name, want))
			return;
		usleep(20000);
	}
	test_fail(__FILE__, __LINE__, "%s never became %s", name, want ? want : "absent");
}

TEST(launch_exchange_both_ways)
{
	struct side a, b;
	struct stat st;
	char path[512];
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	mkdir(test_path("a"), 0755);
	mkdir(test_path("a/sub"), 0750);
	mkdir(test_path("b"), 0755);
	CHECK(!close(open(test_path("a/sub/one"), O_CREAT | O_WRONLY, 0640)));
	CHECK(!symlink("/etc/passwd", test_path("a/link")));
	begin(&a, fd[0], "a", true, true);
	begin(&b, fd[1], "b", true, true);
	await(&b, "sub/one", "");
	snprintf(path, sizeof path, "%s/sub/one", b.folder);
	CHECK(!stat(path, &st));
	EQ_INT(0640, st.st_mode & 0777);
	put_file(&a, "sub/one", "first");
	await(&b, "sub/one", "first");
	put_file(&b, "sub/one", "second, by the other");
	await(&a, "sub/one", "second, by the other");
	put_file(&b, "sub/two", "2");
	await(&a, "sub/two", "2");
	snprintf(path, sizeof path, "%s/sub/one", b.folder);
	CHECK(!unlink(path));
	await(&a, "sub/one", NULL);
	snprintf(path, sizeof path, "%s/sub/two", a.folder);
	CHECK(!unlink(path));
	snprintf(path, sizeof path, "%s/sub", a.folder);
	CHECK(!rmdir(path));
	await(&b, "sub/two", NULL);
	CHECK(a.synced && b.synced);
	EQ_INT(1, a.warnings);
	CHECK(has_text(&b, "link", NULL));
	finish(&a);
	finish(&b);
	EQ_STR("", a.s.why);
	EQ_STR("", b.s.why);
}

/* Both have more to send than the sockets hold. */
TEST(launch_exchange_large_at_once)
{
	enum { SIZE = 400000 };
	struct side a, b;
	char *text = malloc(SIZE + 1);
	struct stat st;
	int fd[2], left = 500;

	CHECK(text && !socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	memset(text, 'x', SIZE);
	text[SIZE] = 0;
	mkdir(test_path("a"), 0755);
	mkdir(test_path("b"), 0755);
	strcpy(a.folder, test_path("a"));
	strcpy(b.folder, test_path("b"));
	put_file(&a, "from-a", text);
	put_file(&b, "from-b", text);
	begin(&a, fd[0], "a", true, true);
	begin(&b, fd[1], "b", true, true);
	for (bool there = false; !there && left--; usleep(10000))
		there = !stat(test_path("a/from-b"), &st) && st.st_size == SIZE &&
			!stat(test_path("b/from-a"), &st) && st.st_size == SIZE;
	CHECK(left > 0);
	finish(&a);
	finish(&b);
	EQ_STR("", a.s.why);
	free(text);
}

/* ---- a peer that is not ours ---- */

static size_t
message(char *out, char type, const char *path, size_t path_n, const char *body, size_t n)
{
	const char head[8] = {type,	      0,      (char)(path_n >> 8),
			      (char)path_n,   0,      (char)(n >> 16),
			      (char)(n >> 8), (char)n};

	memcpy(out, head, 8);
	memcpy(out + 8, path, path_n);
	memcpy(out + 8 + path_n, body, n);
	return 8 + path_n + n;
}

static size_t
file_message(char *out, const char *path, uint64_t size)
{
	char body[24] = {0, 0, 1, (char)0xa4};

	for (int i = 0; i < 8; i++)
		body[23 - i] = (char)(size >> 8 * i);
	return message(out, 'F', path, strlen(path), body, sizeof body);
}

/* Hello, then n bytes; why the session ended. */
static const char *
hostile(const char *bytes, size_t n, bool take)
{
	static struct side a;
	char hello[64];
	size_t hello_n = message(hello, 'H', "", 0, "enclave-exchange 1", 18);
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	begin(&a, fd[0], "a", true, take);
	EQ_INT(hello_n, write(fd[1], hello, hello_n));
	EQ_INT(n, write(fd[1], bytes, n));
	/* closed only after it had the time to find the fault */
	pthread_join(a.thread, NULL);
	close(fd[1]);
	close(a.s.fd);
	close(a.s.root);
	return a.s.why;
}

TEST(launch_exchange_paths)
{
	static const char *const bad[] = {"",
					  "/etc",
					  "..",
					  "../x",
					  "a/../x",
					  "a//b",
					  "a/",
					  ".",
					  "a/./b",
					  "/",
					  "a/..",
					  ".enclave-exchange.part",
					  "a/.enclave-exchange.part"};
	char out[512];
	char deep[80];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(!encl_exchange_path_ok(bad[i], (unsigned)strlen(bad[i])));
		EQ_STR("it named a path that is none",
		       hostile(out, file_message(out, bad[i], 1), true));
	}
	CHECK(!encl_exchange_path_ok("a\0b", 3));
	CHECK(encl_exchange_path_ok("a/..b/c.", 8));
	memset(deep, '/', sizeof deep);
	for (size_t i = 0; i < sizeof deep; i += 2)
		deep[i] = 'd';
	CHECK(encl_exchange_path_ok(deep, 63));
	CHECK(!encl_exchange_path_ok(deep, 65));
}

TEST(launch_exchange_rules)
{
	char out[2048];
	char large[1100];
	size_t n;

	memset(large, 'x', sizeof large);
	EQ_STR("it sent a change of a folder that is for reading only",
	       hostile(out, file_message(out, "x", 1), false));
	EQ_STR("it sent a change of a folder that is for reading only",
	       hostile(out, message(out, 'R', "x", 1, "", 0), false));
	EQ_STR("more bytes than the folder may have",
	       hostile(out, file_message(out, "x", (1 << 20) + 1), true));
	EQ_STR("more bytes than the folder may have",
	       hostile(out, file_message(out, "x", UINT64_MAX), true));
	EQ_STR("it sent a message that is too long",
	       hostile(out, message(out, 'D', large, 1025, "", 0), true));
	EQ_STR("it sent a message that is none",
	       hostile(out, message(out, 'Q', "x", 1, "", 0), true));
	EQ_STR("a message of another size",
	       hostile(out, message(out, 'D', "x", 1, "12345", 5), true));
	EQ_STR("bytes of no file", hostile(out, message(out, 'B', "", 0, "x", 1), true));
	n = file_message(out, "x", 2);
	EQ_STR("a file begins within another",
	       hostile(out, n + file_message(out + n, "y", 2), true));
	n = file_message(out, "x", 2);
	EQ_STR("bytes of no file",
	       hostile(out, n + message(out + n, 'B', "", 0, "xyz", 3), true));
	n = file_message(out, "x", 2);
	EQ_STR("a file ends before its bytes do",
	       hostile(out, n + message(out + n, 'B', "", 0, "", 0), true));
}

/* A link in the way leads nowhere, and is not replaced. */
TEST(launch_exchange_links)
{
	char out[512];
	size_t n = 0;

	mkdir(test_path("a"), 0755);
	mkdir(test_path("outside"), 0755);
	CHECK(!symlink("../outside", test_path("a/link")));
	CHECK(!symlink("../outside/new", test_path("a/file")));
	n += file_message(out + n, "link/x", 1);
	n += message(out + n, 'B', "", 0, "x", 1);
	n += message(out + n, 'B', "", 0, "", 0);
	n += file_message(out + n, "file", 1);
	n += message(out + n, 'B', "", 0, "x", 1);
	n += message(out + n, 'B', "", 0, "", 0);
	n += message(out + n, 'D', "link/sub", 8, "\0\0\1\355", 4);
	n += message(out + n, 'R', "link", 4, "", 0);
	n += message(out + n, 'Q', "", 0, "", 0);
	EQ_STR("it sent a message that is none", hostile(out, n, true));
	CHECK(access(test_path("outside/x"), F_OK));
	CHECK(access(test_path("outside/new"), F_OK));
	CHECK(access(test_path("outside/sub"), F_OK));
}

TEST(launch_exchange_hello)
{
	struct side a;
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	begin(&a, fd[0], "a", true, true);
	EQ_INT(8, write(fd[1], "GET / HT", 8));
	pthread_join(a.thread, NULL);
	EQ_STR("it sent a message that is too long", a.s.why);
	close(fd[0]);
	close(fd[1]);
	close(a.s.root);
}

/* The folder here is larger than it may be. */
TEST(launch_exchange_too_large_here)
{
	char text[] = "x";
	size_t n = 0;
	struct side a;
	int fd[2];
	char out[64];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	mkdir(test_path("a"), 0755);
	strcpy(a.folder, test_path("a"));
	put_file(&a, "large", text);
	CHECK(!truncate(test_path("a/large"), (1 << 20) + 1));
	begin(&a, fd[0], "a", true, true);
	n = message(out, 'H', "", 0, "enclave-exchange 1", 18);
	EQ_INT(n, write(fd[1], out, n));
	pthread_join(a.thread, NULL);
	EQ_STR("the folder has more bytes than it may", a.s.why);
	close(fd[0]);
	close(fd[1]);
	close(a.s.root);
}

/* ---- a peer that the test plays step by step ---- */

static int
begin_alone(struct side *a)
{
	char hello[64];
	size_t n = message(hello, 'H', "", 0, "enclave-exchange 1", 18);
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	begin(a, fd[0], "a", true, true);
	EQ_INT(n, write(fd[1], hello, n));
	return fd[1];
}

static void
end_alone(struct side *a, int fd)
{
	close(fd);
	pthread_join(a->thread, NULL);
	close(a->s.fd);
	close(a->s.root);
}

/* The types of the messages that come within ms. */
static const char *
heard(int fd, int ms)
{
	static char types[64];
	size_t n = 0;

	for (struct pollfd p = {fd, POLLIN, 0};
	     n < sizeof types - 1 && poll(&p, 1, ms) > 0;) {
		uint8_t head[8];
		char rest[1024];
		size_t size;

		EQ_INT(8, recv(fd, head, 8, MSG_WAITALL));
		size = (size_t)head[2] * 256 + head[3] + (size_t)head[6] * 256 + head[7];
		CHECK(size <= sizeof rest);
		if (size)
			EQ_INT(size, recv(fd, rest, size, MSG_WAITALL));
		types[n++] = (char)head[0];
	}
	types[n] = 0;
	return types;
}

static uint64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Who never says hello costs nothing. */
TEST(launch_exchange_silent)
{
	struct side a;
	uint64_t before;
	int fd[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	begin(&a, fd[0], "a", true, true);
	before = cpu_ms();
	usleep(500000);
	CHECK(cpu_ms() - before < 150);
	end_alone(&a, fd[1]);
}

/* A folder that cannot be looked into is not one that is empty. */
TEST(launch_exchange_unreadable)
{
	struct rlimit was, limit;
	struct side a;
	int fd, free_fd;

	mkdir(test_path("a"), 0755);
	mkdir(test_path("a/sub"), 0755);
	CHECK(!close(open(test_path("a/sub/one"), O_CREAT | O_WRONLY, 0640)));
	CHECK(!close(open(test_path("a/two"), O_CREAT | O_WRONLY, 0640)));
	fd = begin_alone(&a);
	EQ_INT(7, strlen(heard(fd, 1000))); /* H, D, twice F and B, S */
	/* one more descriptor: for the folder, not for the one in it */
	free_fd = dup(0);
	CHECK(free_fd >= 0 && !close(free_fd));
	CHECK(!getrlimit(RLIMIT_NOFILE, &was));
	limit = (struct rlimit){(rlim_t)free_fd + 1, was.rlim_max};
	CHECK(!setrlimit(RLIMIT_NOFILE, &limit));
	unlink(test_path("a/two"));
	EQ_STR("", heard(fd, 1200));
	CHECK(!setrlimit(RLIMIT_NOFILE, &was));
	EQ_STR("RS", heard(fd, 1200));
	EQ_INT(1, a.warnings);
	end_alone(&a, fd);
}

/* What took the place of a file is not that file. */
TEST(launch_exchange_replaced_here)
{
	static const char modes[] = "\0\0\0";
	char out[512];
	struct stat st;
	struct side a;
	size_t n;
	int fd;

	mkdir(test_path("a"), 0755);
	fd = begin_alone(&a);
	n = file_message(out, "one", 0);
	n += message(out + n, 'B', "", 0, "", 0);
	n += file_message(out + n, "two", 0);
	n += message(out + n, 'B', "", 0, "", 0);
	n += message(out + n, 'D', "sub", 3, modes, 4);
	EQ_INT(n, write(fd, out, n));
	await(&a, "two", "");
	EQ_STR("HS", heard(fd, 300));
	/* whoever may not enter it would not see what it holds */
	CHECK(!stat(test_path("a/sub"), &st));
	EQ_INT(0700, st.st_mode & 0777);
	CHECK(!unlink(test_path("a/one")) && !symlink("/", test_path("a/one")));
	CHECK(!unlink(test_path("a/two")) && !mkdir(test_path("a/two"), 0755));
	n = message(out, 'R', "one", 3, "", 0);
	n += message(out + n, 'R', "two", 3, "", 0);
	n += message(out + n, 'Q', "", 0, "", 0);
	EQ_INT(n, write(fd, out, n));
	pthread_join(a.thread, NULL);
	EQ_STR("it sent a message that is none", a.s.why);
	CHECK(!lstat(test_path("a/one"), &st) && S_ISLNK(st.st_mode));
	CHECK(!lstat(test_path("a/two"), &st) && S_ISDIR(st.st_mode));
	close(fd);
	close(a.s.fd);
	close(a.s.root);
}

/* One entry more than there may be; naming a known one again is none. */
TEST(launch_exchange_too_many_entries)
{
	static const char mode[] = "\0\0\1\355";
	static const char names[] = "abcdba";
	char out[512];
	size_t n = 0;

	max_entries = 4;
	for (size_t i = 0; names[i]; i++)
		n += message(out + n, 'D', names + i, 1, mode, 4);
	EQ_STR("more entries than a folder may have",
	       hostile(out, n + file_message(out + n, "e", 1), true));
	CHECK(!access(test_path("a/d"), F_OK) && access(test_path("a/e"), F_OK));
	EQ_STR("more entries than a folder may have",
	       hostile(out, n + message(out + n, 'D', "e", 1, mode, 4), true));
	CHECK(access(test_path("a/e"), F_OK));
	mkdir(test_path("a/e"), 0755);
	EQ_STR("the folder has more entries than it may", hostile("", 0, true));
}

TEST(launch_folders_open)
{
	const struct encl_folder gone = {.name = "n", .path = "/nonexistent/x"};
	struct encl_folder v[2] = {{.name = "one", .path = test_dir(), .writable = true},
				   {.name = "two", .path = test_dir()}};
	struct encl_folders *f = NULL;
	struct encl_folders *other = NULL;
	char want[5000];

	FAILS(encl_folders_open(&gone, 1, NULL, &f, &e), ENCL_HOST,
	      "exchange n: open folder /nonexistent/x: No such file or directory");
	OK(encl_folders_open(v, 2, NULL, &f, &e));
	v[1].writable = true;
	snprintf(want, sizeof want,
		 "exchange two: another enclave writes to %s already; give each a folder "
		 "of its own",
		 test_dir());
	FAILS(encl_folders_open(&v[1], 1, NULL, &other, &e), ENCL_HOST, want);
	encl_folders_free(f);
	OK(encl_folders_open(&v[1], 1, NULL, &other, &e));
	encl_folders_free(other);
}
