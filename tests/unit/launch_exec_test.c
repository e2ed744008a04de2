/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h: frames and requests, right and wrong; the parent's session against
 * an enclave that is a thread's script.
 */
#include "launch/exec.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "launch/exec_session.h"
#include "test.h"

ENCL_AUTO_VAL(struct encl_exec_request, encl_exec_request_clear);
ENCL_AUTO_VAL(struct encl_exec_reader, encl_exec_reader_clear);

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

/* ---- requests ---- */

TEST(launch_exec_request)
{
	const char *env[] = {"A=1", "B="};
	const char *argv[] = {"sh", "-c", "", "a b\n"};
	const struct encl_exec_request r = {.input = true,
					    .tty = true,
					    .columns = 65535,
					    .rows = 1,
					    .container = "web",
					    .user = "a:b",
					    .dir = "/x y",
					    .env = env,
					    .n_env = 2,
					    .argv = argv,
					    .n_argv = 4};
	encl_auto(encl_exec_request_clear) struct encl_exec_request got = {0};
	static const char want[] =
		"exec\0container=web\0user=a:b\0dir=/x y\0env=A=1\0env=B=\0"
		"tty=65535x1\0stdin\0arg=sh\0arg=-c\0arg=\0arg=a b\n";
	size_t n;
	uint8_t *text = encl_exec_request_write(&r, &n);

	EQ_MEM(want, sizeof want, text, n);
	CHECK(!encl_exec_request_read(text, n, &got));
	CHECK(got.input && got.tty && !got.attach && !got.unit);
	EQ_INT(65535, got.columns);
	EQ_INT(1, got.rows);
	EQ_STR("web", got.container);
	EQ_STR("a:b", got.user);
	EQ_STR("/x y", got.dir);
	EQ_INT(2, got.n_env);
	EQ_STR("B=", got.env[1]);
	CHECK(!got.env[2] && !got.argv[4]);
	EQ_INT(4, got.n_argv);
	EQ_STR("a b\n", got.argv[3]);
	free(text);
}

TEST(launch_exec_request_attach)
{
	const struct encl_exec_request r = {.attach = true, .unit = "app"};
	encl_auto(encl_exec_request_clear) struct encl_exec_request got = {0};
	size_t n;
	uint8_t *text = encl_exec_request_write(&r, &n);

	EQ_MEM("attach\0unit=app", 16, text, n);
	CHECK(!encl_exec_request_read(text, n, &got));
	CHECK(got.attach);
	EQ_STR("app", got.unit);
	free(text);
}

TEST(launch_exec_request_refused)
{
#define ROW(text, why)                                                                   \
	{                                                                                \
		text, sizeof text, why                                                   \
	}
	static const struct {
		const char *text;
		size_t n;
		const char *why;
	} rows[] = {
		ROW("exec", "it names no program"),
		ROW("exec\0arg=", "it names no program"),
		ROW("Exec\0arg=a", "it is neither exec nor attach"),
		ROW("", "it is neither exec nor attach"),
		ROW("exec\0argv=a", "a key is unknown"),
		ROW("exec\0stdin\0stdin\0arg=a", "a key is unknown"),
		ROW("exec\0arg=a\0", "a key is unknown"),
		ROW("exec\0unit=\0arg=a", "a key is there twice, or has no value"),
		ROW("exec\0unit=a\0unit=a\0arg=a",
		    "a key is there twice, or has no value"),
		ROW("exec\0unit=a\0container=b\0arg=a",
		    "it names a unit and a container"),
		ROW("exec\0env=A\0arg=a", "a variable is not NAME=VALUE"),
		ROW("exec\0env==A\0arg=a", "a variable is not NAME=VALUE"),
		ROW("exec\0tty=80\0arg=a", "the terminal has no size"),
		ROW("exec\0tty=80x\0arg=a", "the terminal has no size"),
		ROW("exec\0tty=x24\0arg=a", "the terminal has no size"),
		ROW("exec\0tty=80x65536\0arg=a", "the terminal has no size"),
		ROW("exec\0tty=80x24 \0arg=a", "the terminal has no size"),
		ROW("exec\0tty=80x24\0tty=80x24\0arg=a", "the terminal has no size"),
		ROW("attach\0arg=a", "attach has a unit and nothing else"),
		ROW("attach\0stdin", "attach has a unit and nothing else"),
		ROW("attach\0tty=80x24", "attach has a unit and nothing else"),
	};
#undef ROW
	struct encl_exec_request got;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_STR(rows[i].why, encl_exec_request_read((const uint8_t *)rows[i].text,
							   rows[i].n, &got));
	EQ_STR("it does not end with a NUL",
	       encl_exec_request_read(BYTES("exec\0arg=a"), &got));
	EQ_STR("it does not end with a NUL", encl_exec_request_read(BYTES(""), &got));
}

TEST(launch_exec_request_limits)
{
	static char long_one[ENCL_EXEC_REQUEST_MAX];
	const char *argv[ENCL_EXEC_STRINGS + 1];
	struct encl_exec_request r = {.argv = argv, .n_argv = 1};
	encl_auto(encl_exec_request_clear) struct encl_exec_request got = {0};
	uint8_t *text;
	size_t n;

	/* "exec", "arg=" and two NULs */
	memset(long_one, 'x', sizeof long_one - 10);
	argv[0] = long_one;
	text = encl_exec_request_write(&r, &n);
	CHECK(text);
	EQ_INT(ENCL_EXEC_REQUEST_MAX, n);
	free(text);
	long_one[sizeof long_one - 10] = 'x';
	CHECK(!encl_exec_request_write(&r, &n));
	for (size_t i = 0; i <= ENCL_EXEC_STRINGS; i++)
		argv[i] = "a";
	r.n_argv = ENCL_EXEC_STRINGS + 1;
	CHECK(!encl_exec_request_write(&r, &n));
	r.n_argv = ENCL_EXEC_STRINGS;
	text = encl_exec_request_write(&r, &n);
	CHECK(!encl_exec_request_read(text, n, &got));
	EQ_INT(ENCL_EXEC_STRINGS, got.n_argv);
	free(text);
}

/* ---- frames ---- */

/* All frames in text as "T:LENGTH ", in pieces. */
static const char *
frames(bool of_parent, const uint8_t *text, size_t n, size_t piece)
{
	static char said[1000];
	encl_auto(encl_exec_reader_clear) struct encl_exec_reader r = {.of_parent =
									       of_parent};
	size_t at = 0;
	size_t out = 0;

	said[0] = 0;
	while (!r.broken) {
		const uint8_t *body;
		size_t used, length;
		size_t part = n - at < piece ? n - at : piece;
		int type = encl_exec_feed(&r, text + at, part, &used, &body, &length);

		at += used;
		if (type)
			out += (size_t)snprintf(said + out, sizeof said - out, "%c:%zu ",
						type, length);
		else if (!r.broken && at == n)
			return said;
	}
	snprintf(said + out, sizeof said - out, "broken");
	return said;
}

TEST(launch_exec_frames)
{
	for (size_t piece = 1; piece < 20; piece++) {
		EQ_STR("R:5 I:2 C:0 W:4 S:1 ",
		       frames(true,
			      BYTES("R\0\0\0\5exec\0I\0\0\0\2abC\0\0\0\0"
				    "W\0\0\0\4\0\1\0\2S\0\0\0\1\17"),
			      piece));
		EQ_STR("A:0 T:4 O:1 E:3 L:8 F:2 X:2 ",
		       frames(false,
			      BYTES("A\0\0\0\0T\0\0\0\4\0\0\0\1O\0\0\0\1xE\0\0\0\3abc"
				    "L\0\0\0\10\0\0\0\0\0\0\0\1F\0\0\0\2\1xX\0\0\0\2\0\0"),
			      piece));
	}
	EQ_STR("R:1 ", frames(true, BYTES("R\0\0\0\1xI\0\0\0\2a"), 100));
	/* not whole yet */
	EQ_STR("", frames(true, BYTES("R\0\0"), 100));
}

TEST(launch_exec_frames_refused)
{
	EQ_STR("broken", frames(true, BYTES("I\0\0\0\1x"), 100)); /* no request */
	EQ_STR("R:1 broken", frames(true, BYTES("R\0\0\0\1xR\0\0\0\1x"), 100));
	EQ_STR("broken", frames(true, BYTES("R\0\2\0\1x"), 100)); /* too long */
	EQ_STR("broken", frames(true, BYTES("R\0\0\0\0"), 100));
	EQ_STR("broken", frames(true, BYTES("A\0\0\0\0"), 100)); /* not the parent's */
	EQ_STR("broken", frames(true, BYTES("z\0\0\0\0"), 100));
	EQ_STR("R:1 broken", frames(true, BYTES("R\0\0\0\1xI\0\0\200\1"), 100));
	EQ_STR("R:1 broken", frames(true, BYTES("R\0\0\0\1xW\0\0\0\3"), 100));
	EQ_STR("R:1 broken", frames(true, BYTES("R\0\0\0\1xI\0\0\0\0"), 100));
	EQ_STR("broken", frames(false, BYTES("R\0\0\0\1x"), 100));
	EQ_STR("broken", frames(false, BYTES("O\377\377\377\377"), 100));
	EQ_STR("broken", frames(false, BYTES("X\0\0\0\3"), 100));
	EQ_STR("broken", frames(false, BYTES("F\0\0\4\1"), 100));
	EQ_STR("broken", frames(false, BYTES("\0\0\0\0\0"), 100));
}

/* ---- the session ---- */

struct enclave {
	int fd;
	const uint8_t *says; /* once the request is there; then it hangs up */
	size_t n;
	char heard[1000]; /* types of frames */
	uint64_t input;	  /* bytes */
	bool echoes;	  /* takes input until its end, sends it back, ends with 0 */
};

static void
say_frame(int fd, enum encl_exec_type type, const void *p, size_t n)
{
	uint8_t head[ENCL_EXEC_HEAD];

	encl_exec_head(head, type, n);
	CHECK(send(fd, head, sizeof head, MSG_NOSIGNAL) == (ssize_t)sizeof head);
	for (size_t at = 0; at < n;) {
		ssize_t r = send(fd, (const uint8_t *)p + at, n - at, MSG_NOSIGNAL);

		CHECK(r > 0);
		at += (size_t)r;
	}
}

static void
hear(struct enclave *en, int type, const uint8_t *body, size_t n)
{
	size_t at = strlen(en->heard);
	uint8_t count[4];

	if (type == ENCL_EXEC_REQUEST && en->echoes)
		say_frame(en->fd, ENCL_EXEC_STARTED, NULL, 0);
	if (type == ENCL_EXEC_INPUT && en->echoes) {
		en->input += n;
		say_frame(en->fd, ENCL_EXEC_OUTPUT, body, n);
		encl_exec_put32(count, (uint32_t)n);
		say_frame(en->fd, ENCL_EXEC_TOOK, count, 4);
	}
	if (type == ENCL_EXEC_CLOSE && en->echoes)
		say_frame(en->fd, ENCL_EXEC_ENDED, "\0\0", 2);
	if ((type != ENCL_EXEC_INPUT || !en->echoes) && at + 1 < sizeof en->heard)
		en->heard[at] = (char)type;
	if (type == ENCL_EXEC_REQUEST && en->says)
		CHECK(send(en->fd, en->says, en->n, MSG_NOSIGNAL) == (ssize_t)en->n);
}

static void *
enclave(void *arg)
{
	struct enclave *en = arg;
	struct encl_exec_reader r = {.of_parent = true};
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(en->fd, bytes, sizeof bytes, 0)) > 0) {
		size_t at = 0;

		do {
			const uint8_t *body;
			size_t used, length;
			int type = encl_exec_feed(&r, bytes + at, (size_t)n - at, &used,
						  &body, &length);

			at += used;
			if (type)
				hear(en, type, body, length);
		} while (at < (size_t)n);
		if (en->says)
			shutdown(en->fd, SHUT_WR);
	}
	if (r.broken)
		strcpy(en->heard, "broken");
	encl_exec_reader_clear(&r);
	return NULL;
}

static uint64_t lost_bytes;

static void
lost(void *arg, uint64_t n)
{
	(void)arg;
	lost_bytes += n;
}

/* A session with en; what it wrote is in the files out and err. */
static int
session(struct enclave *en, const struct encl_exec_request *r, int in,
	struct encl_exec_end *end)
{
	int fds[2];
	pthread_t thread;
	FILE *out = fopen(test_path("out"), "w");
	FILE *err = fopen(test_path("err"), "w");
	const struct encl_exec_io io = {
		.in = in, .out = fileno(out), .err = fileno(err), .lost = lost};
	int result;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	en->fd = fds[1];
	CHECK(pthread_create(&thread, NULL, enclave, en) == 0);
	result = encl_exec_session(fds[0], r, &io, end, &e);
	close(fds[0]);
	pthread_join(thread, NULL);
	close(fds[1]);
	fclose(out);
	fclose(err);
	return result;
}

static const char *
content(const char *name)
{
	static char text[2][4096];
	static unsigned next;
	char *to = text[next++ % 2];
	FILE *f = fopen(test_path("%s", name), "r");

	to[fread(to, 1, sizeof text[0] - 1, f)] = 0;
	fclose(f);
	return to;
}

static const char *const program[] = {"a", NULL};

static struct encl_exec_request
request(void)
{
	return (struct encl_exec_request){.argv = (const char **)(uintptr_t)program,
					  .n_argv = 1};
}

TEST(launch_exec_session)
{
	struct enclave en = {0};
	struct encl_exec_request r = request();
	struct encl_exec_end end;

	en.says = (const uint8_t *)"A\0\0\0\0O\0\0\0\3outE\0\0\0\3errL\0\0\0\10"
				   "\0\0\0\1\0\0\0\2O\0\0\0\1!X\0\0\0\2\211\11";
	en.n = 5 + 8 + 8 + 13 + 6 + 7;
	lost_bytes = 0;
	OK(session(&en, &r, -1, &end));
	EQ_INT(137, end.code);
	EQ_INT(9, end.signal);
	EQ_INT(0, end.interrupted);
	EQ_STR("out!", content("out"));
	EQ_STR("err", content("err"));
	EQ_STR("R", en.heard);
	EQ_INT(4294967298, lost_bytes);
}

TEST(launch_exec_session_input)
{
	struct enclave en = {.echoes = true};
	struct encl_exec_request r = request();
	struct encl_exec_end end;
	FILE *in = fopen(test_path("in"), "w+");
	char *back;
	char *was;
	enum { N = 3000000 };

	for (int i = 0; i < N; i++)
		fputc(i * 31 / 7 % 251, in);
	fflush(in);
	rewind(in);
	lseek(fileno(in), 0, SEEK_SET);
	r.input = true;
	OK(session(&en, &r, fileno(in), &end));
	EQ_INT(0, end.code);
	EQ_INT(N, en.input);
	EQ_STR("RC", en.heard);
	was = malloc(2 * N);
	back = was + N;
	rewind(in);
	CHECK(fread(was, 1, N, in) == N);
	fclose(in);
	in = fopen(test_path("out"), "r");
	CHECK(fread(back, 1, N, in) == N && fgetc(in) == EOF);
	fclose(in);
	CHECK(memcmp(was, back, N) == 0);
	free(was);
}

TEST(launch_exec_session_fails)
{
#define ROW(text, why)                                                                   \
	{                                                                                \
		(const uint8_t *)(text), sizeof text - 1, why                            \
	}
	static const struct {
		const uint8_t *says;
		size_t n;
		const char *why;
	} rows[] = {
		ROW("F\0\0\0\6\175no \033x", "no ?x"),
		ROW("A\0\0\0\0O\0\0\0\1x", "the enclave has ended, or hung up"),
		ROW("O\0\0\0\2x", "the enclave has ended, or hung up"),
		ROW("HTTP/1.1", "what the enclave says is no frame"),
		ROW("A\0\0\0\0T\0\0\0\4\0\0\0\1",
		    "the enclave took more input than it was given"),
		ROW("T\0\0\0\4\377\377\377\377",
		    "the enclave took more input than it was given"),
	};
#undef ROW

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct enclave en = {.says = rows[i].says, .n = rows[i].n};
		struct encl_exec_request r = request();
		struct encl_exec_end end;

		FAILS(session(&en, &r, -1, &end), ENCL_LOST, rows[i].why);
	}
}

/* A signal goes to the program; the third one ends the session. */
static void *
signals(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++) {
		usleep(20000);
		kill(getpid(), SIGTERM);
	}
	return NULL;
}

TEST(launch_exec_session_signals)
{
	struct enclave en = {0};
	struct encl_exec_request r = request();
	struct encl_exec_end end;
	sigset_t term, was, pending;
	pthread_t thread;

	/* blocked in every thread, so that only the session sees them */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &was);
	CHECK(pthread_create(&thread, NULL, signals, NULL) == 0);
	OK(session(&en, &r, -1, &end));
	EQ_INT(SIGTERM, end.interrupted);
	EQ_STR("RSS", en.heard);
	pthread_join(thread, NULL);
	while (sigpending(&pending) == 0 && sigismember(&pending, SIGTERM)) {
		int sig;

		sigwait(&term, &sig);
	}
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}
