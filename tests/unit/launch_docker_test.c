/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What launch makes of the Docker daemon's replies: HTTP cut at every byte,
 * JSON, frames of output; and requests to a scripted server on a real socket.
 * The guest's files are compiled along.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/guest/file.c"
#include "../../cmd/guest/say.c"
#include "../../cmd/launch/docker.c"
#include "../../cmd/launch/frames.c"
#include "../../cmd/launch/http.c"
#include "../../cmd/launch/http_parse.c"
#include "../../cmd/launch/json.c"
#include "../../cmd/launch/loop.c"
#pragma GCC diagnostic pop
#undef join
#include "base/alloc.h"
#include "base/cleanup.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

const char guest_name[] = "test";

/* ---- the parser ---- */

struct got {
	char body[512];
	size_t n;
	unsigned heads;
};

static void
got_head(struct http_parser *p)
{
	((struct got *)p->arg)->heads++;
}

static void
got_data(struct http_parser *p, const char *s, size_t n)
{
	struct got *g = p->arg;

	CHECK(n > 0 && g->n + n < sizeof g->body);
	memcpy(g->body + g->n, s, n);
	g->n += n;
}

/* In pieces of so many bytes, then the end of the connection. */
static int
parse_in(const char *text, size_t len, size_t piece, struct http_parser *p, struct got *g)
{
	int r = 0;

	*g = (struct got){.n = 0};
	*p = (struct http_parser){.head = got_head, .data = got_data, .arg = g};
	for (size_t at = 0; at < len && !r; at += piece)
		r = http_feed(p, text + at, len - at < piece ? len - at : piece);
	if (!r)
		r = http_end(p);
	g->body[g->n] = 0;
	return r;
}

TEST(launch_http_good)
{
	static const struct {
		const char *text;
		unsigned status;
		const char *body;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 200, "OK"},
		{"HTTP/1.1 200 OK\r\ncontent-length:  2 \r\nX: y\r\n\r\nOK", 200, "OK"},
		{"HTTP/1.0 200 OK\nContent-Length: 2\n\nOK", 200, "OK"},
		{"HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n", 304, ""},
		{"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404, ""},
		{"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n",
		 200, "abc0123456789"},
		{"HTTP/1.1 500 x\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 500,
		 ""},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK and more", 200, "OK"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 40; piece++) {
			struct http_parser p;
			struct got g;

			EQ_INT(1, parse_in(rows[i].text, strlen(rows[i].text), piece, &p,
					   &g));
			EQ_INT(rows[i].status, p.status);
			EQ_STR(rows[i].body, g.body);
			EQ_INT(1, g.heads);
		}
}

TEST(launch_http_bad)
{
	static const struct {
		const char *text;
		const char *error;
	} rows[] = {
		{"", "it closed the connection without a reply"},
		{"SSH-2.0-OpenSSH\r\n", "what answers does not speak HTTP"},
		{"HTTP/1.1 2x0 OK\r\n", "what answers does not speak HTTP"},
		{"HTTP/1.1 2000\r\n", "what answers does not speak HTTP"},
		{"HTTP/1.1\r\n", "what answers does not speak HTTP"},
		{"HTTP/1.1 200 OK\r\n", "its reply ends before its end"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nOK",
		 "its reply ends before its end"},
		{"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello",
		 "its reply has a bad header"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		 "its reply has a bad header"},
		{"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "its reply has a bad header"},
		{"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "its reply has a bad header"},
		{"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "its reply has a bad header"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
		 "its reply has two lengths"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
		 "its reply has a strange Transfer-Encoding"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "ffffffffffffffffffff\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		 "its reply has a bad Content-Length"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		 "its reply has a strange Transfer-Encoding"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		 "Content-Length: 1\r\n\r\n",
		 "its reply has two lengths"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "1000000000000\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		 "its reply has a bad chunk"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		 "its reply ends before its end"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: y\r\n",
		 "its reply ends before its end"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 100; piece += 7) {
			struct http_parser p;
			struct got g;

			EQ_INT(-1, parse_in(rows[i].text, strlen(rows[i].text), piece, &p,
					    &g));
			EQ_STR(rows[i].error, p.error);
		}
}

TEST(launch_http_bounds)
{
	static char text[HTTP_HEAD_MAX * 2] = "HTTP/1.1 200 OK\r\n";
	struct http_parser p;
	struct got g;
	size_t n = strlen(text);

	memset(text + n, 'a', HTTP_LINE_MAX);
	EQ_INT(-1, parse_in(text, n + HTTP_LINE_MAX, 4096, &p, &g));
	EQ_STR("a line of its reply's head is too long", p.error);
	while (n < sizeof text - 4)
		n += (size_t)sprintf(text + n, "a:\r\n");
	EQ_INT(-1, parse_in(text, n, 4096, &p, &g));
	EQ_STR("the head of its reply is too long", p.error);
	/* 10 MB of one header, and of many: neither is kept */
	for (int i = 0; i < 2; i++) {
		int r = 0;

		p = (struct http_parser){.head = got_head, .data = got_data, .arg = &g};
		r = http_feed(&p, "HTTP/1.1 200 OK\r\n", 17);
		for (n = 0; n < 10 << 20 && !r; n += 8)
			r = http_feed(&p, i ? "a: bcd\r\n" : "a: bcdef", 8);
		EQ_INT(-1, r);
		CHECK(n <= HTTP_HEAD_MAX + 8);
	}
	EQ_INT(-1, parse_in("HTTP/1.1 200 OK\r\nA\0: b\r\n", 24, 5, &p, &g));
	EQ_STR("its reply has a NUL byte in its head", p.error);
}

/* ---- JSON ---- */

TEST(launch_json_values)
{
	static const char text[] =
		"{\"Id\":\"x\",\"Skip\":{\"State\":{\"ExitCode\":9},\"a\":[{\"Id\":\"y\"}]},"
		"\"State\":{\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137,"
		"\"Big\":99999999999,\"Neg\":-5,\"Frac\":1.5,\"Nil\":null,"
		"\"Error\":\"a \\\"b\\\"\\n\\u00e4\\u20ac\\ud83d\\ude00\\ud83dz\\/\"}}";
	struct json j;
	char out[64];
	long n = 0;

	CHECK(json_parse(&j, text, sizeof text - 1));
	CHECK(json_text(&j, "Id", out, sizeof out));
	EQ_STR("x", out);
	CHECK(json_int(&j, "State.ExitCode", &n));
	EQ_INT(137, n);
	CHECK(json_int(&j, "Skip.State.ExitCode", &n));
	EQ_INT(9, n);
	CHECK(json_int(&j, "State.Neg", &n));
	EQ_INT(-5, n);
	CHECK(!json_int(&j, "State.Frac", &n) && !json_int(&j, "State.Nil", &n));
	CHECK(!json_int(&j, "State.Error", &n) && !json_int(&j, "State.No", &n));
	CHECK(!json_int(&j, "ExitCode", &n) && !json_int(&j, "Id.ExitCode", &n));
	CHECK(json_flag(&j, "State.OOMKilled") && !json_flag(&j, "State.Running"));
	CHECK(!json_flag(&j, "State.Nil") && !json_flag(&j, "State"));
	CHECK(json_text(&j, "State.Error", out, sizeof out));
	EQ_STR("a \"b\" \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdz/", out);
	CHECK(!json_text(&j, "State", out, sizeof out));
	EQ_STR("", out);
	json_clear(&j);
}

/* Cut between characters, whatever the room. */
TEST(launch_json_cut)
{
	static const char text[] = "{\"e\":\"a\xc3\xa4\\u20acb\"}";
	static const char *const want[] = {"",
					   "a",
					   "a",
					   "a\xc3\xa4",
					   "a\xc3\xa4",
					   "a\xc3\xa4",
					   "a\xc3\xa4\xe2\x82\xac",
					   "a\xc3\xa4\xe2\x82\xac\142"};
	struct json j;
	char out[16];

	CHECK(json_parse(&j, text, sizeof text - 1));
	for (size_t room = 1; room <= 8; room++) {
		CHECK(json_text(&j, "e", out, room));
		EQ_STR(want[room - 1], out);
	}
	json_clear(&j);
}

TEST(launch_json_bad)
{
	static const char *const rows[] = {"",
					   "OK",
					   "[1]",
					   "\"x\"",
					   "{",
					   "{\"a\":",
					   "{\"a\":1",
					   "{\"a\" 1]}",
					   "nul",
					   "{\"a\":\"\\x\"}",
					   "{\"a\":\"\\u12g4\"}"};
	static char many[2 * JSON_TOKENS_MAX + 64] = "{\"a\":[1";
	static char deep[JSON_TOKENS_MAX];
	long number = 0;
	struct json j;
	size_t n = strlen(many);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(!json_parse(&j, rows[i], strlen(rows[i])));
		json_clear(&j);
	}
	/* nested as deep as it goes: no recursion, no value */
	memset(deep, '[', sizeof deep);
	memcpy(deep, "{\"a\":", 5);
	CHECK(!json_parse(&j, deep, sizeof deep));
	json_clear(&j);
	/* a NUL ends the text */
	CHECK(!json_parse(&j, "{\"a\"\0:1}", 9));
	json_clear(&j);
	CHECK(json_parse(&j, "{\"a\":1,\"a\":2,\"b\":99999999999999999999}", 39));
	CHECK(json_int(&j, "a", &number)); /* the first of two */
	EQ_INT(1, number);
	CHECK(!json_int(&j, "b", &number));
	json_clear(&j);
	while (n < 2 * JSON_TOKENS_MAX)
		n += (size_t)sprintf(many + n, ",1");
	n += (size_t)sprintf(many + n, "]}");
	CHECK(!json_parse(&j, many, n));
	json_clear(&j);
}

TEST(launch_docker_messages)
{
	struct http_reply r = {.status = 404};
	char out[32];

	r.body = "{\"message\":\"No such container: x\\n\"}";
	r.n = strlen(r.body);
	docker_message(&r, out, sizeof out);
	EQ_STR("No such container: x", out);
	r.body = "<html>";
	r.n = strlen(r.body);
	docker_message(&r, out, sizeof out);
	EQ_STR("it answers with status 404", out);
	r.error = "it did not answer in time, not by far";
	docker_message(&r, out, sizeof out);
	EQ_STR("it did not answer in time, not ", out);

	r = (struct http_reply){.status = 200};
	r.body = "{\"stream\":\"Loaded image\"}\r\n{\"status\":\"x\"}\n";
	r.n = strlen(r.body);
	CHECK(!docker_stream_error(&r, out, sizeof out));
	r.body = "{\"stream\":\"x\"}\n{\"errorDetail\":{\"message\":\"no\"},"
		 "\"error\":\"no space\"}";
	r.n = strlen(r.body);
	CHECK(docker_stream_error(&r, out, sizeof out));
	EQ_STR("no space", out);
}

/* ---- frames ---- */

static void
got_frame(void *arg, int stream, const char *p, size_t n)
{
	struct got *g = arg;

	for (; n; n--) {
		g->body[g->n++] = (char)('0' + stream);
		g->body[g->n++] = *p++;
	}
}

TEST(launch_frames)
{
	static const char text[] = "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\0"
				   "\2\0\0\0\0\0\0\1E\1\0\0\0\0\0\0\1d";

	for (size_t piece = 1; piece < sizeof text; piece++) {
		struct got g = {.n = 0};
		struct frames f = {.out = got_frame, .arg = &g};

		for (size_t at = 0; at < sizeof text - 1; at += piece)
			frames_feed(&f, text + at,
				    sizeof text - 1 - at < piece ? sizeof text - 1 - at
								 : piece);
		EQ_STR("1a1b1c2E1d", g.body);
	}
}

TEST(launch_frames_of_a_terminal)
{
	struct got g = {.n = 0};
	struct frames f = {.out = got_frame, .arg = &g};

	frames_feed(&f, "hi\r\n", 4);
	EQ_STR("1h1i1\r1\n", g.body);
	g = (struct got){.n = 0};
	f = (struct frames){.out = got_frame, .arg = &g};
	frames_feed(&f, "\1\0x", 3);
	EQ_INT(6, g.n);
	CHECK(f.raw);
}

/* ---- requests ---- */

struct script {
	const char *reply; /* NULL: never, the connection stays */
	size_t n;	   /* of reply; 0: strlen */
	unsigned piece;	   /* bytes at a time, 10 ms between; 0: all at once */
	bool early;	   /* does not read the request */
	int room;	   /* half of the bytes that fit before it begins to read */
	size_t wants;	   /* bytes that it reads first; 0: what comes at once */
};

static void
serve(int listener, const struct script *s)
{
	int fd = accept(listener, NULL, NULL);
	size_t n = s->reply ? (s->n ? s->n : strlen(s->reply)) : 0;
	char text[50001];

	if (s->room)
		usleep(20000);
	for (size_t got = 0; !s->early && (!got || got < s->wants);) {
		ssize_t r = read(fd, text, sizeof text);

		if (r <= 0)
			_exit(1);
		got += (size_t)r;
	}
	for (size_t at = 0; at < n;) {
		size_t piece = s->piece && n - at > s->piece ? s->piece : n - at;

		if (write(fd, s->reply + at, piece) != (ssize_t)piece)
			_exit(1);
		at += piece;
		if (s->piece)
			usleep(10000);
	}
	if (!s->reply)
		sleep(20);
	_exit(0);
}

static int
listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, strlen(path));
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	      listen(fd, 8) == 0);
	return fd;
}

static struct result {
	unsigned status, heads, calls;
	char error[128];
	char body[256];
	size_t n;
	uint64_t took;
} result;

static void
done_once(void *arg, const struct http_reply *r)
{
	(void)arg;
	result.calls++;
	result.status = r->status;
	if (r->error)
		snprintf(result.error, sizeof result.error, "%s", r->error);
	if (!result.n)
		snprintf(result.body, sizeof result.body, "%s", r->body);
	loop_stop();
}

static void
count_head(void *arg, unsigned status)
{
	(void)arg;
	result.heads += status == 200;
}

static void
stream_data(void *arg, const char *p, size_t n)
{
	(void)arg;
	if (result.n + n < sizeof result.body)
		memcpy(result.body + result.n, p, n);
	result.n += n;
}

static void
no_end(struct timer *t)
{
	(void)t;
	loop_stop();
}

/* One request to a server that follows the script. */
static void
exchange(const struct script *s, struct http_request *r)
{
	static struct http h;
	struct timer guard = {.expired = no_end};
	const char *path = test_path("sock");
	int listener = s ? listen_at(path) : -1;
	pid_t pid = s ? fork() : -1;
	uint64_t began = loop_ms();

	if (s && pid == 0)
		serve(listener, s);
	memset(&result, 0, sizeof result);
	r->socket = path;
	r->method = r->method ? r->method : "GET";
	r->target = "/info";
	r->head = count_head;
	r->done = done_once;
	loop_timer(&guard, 10000);
	http_start(&h, r);
	if (s && s->room &&
	    setsockopt(h.watch.fd, SOL_SOCKET, SO_SNDBUFFORCE, &s->room, sizeof s->room))
		EQ_INT(EPERM, errno); /* as root only */
	EQ_INT(0, result.calls);      /* never from within */
	loop_run();
	loop_timer_stop(&guard);
	result.took = loop_ms() - began;
	EQ_INT(1, result.calls);
	CHECK(!h.active);
	if (s) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(listener);
		unlink(path);
	}
}

TEST(launch_http_request)
{
	struct script s = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"};
	struct http_request r = {.timeout_ms = 5000};

	exchange(&s, &r);
	EQ_INT(200, result.status);
	EQ_STR("hello", result.body);
	EQ_STR("", result.error);
	EQ_INT(1, result.heads);
	s.piece = 3;
	exchange(&s, &r);
	EQ_STR("hello", result.body);
	r.data = stream_data;
	exchange(&s, &r);
	EQ_STR("hello", result.body);
	EQ_INT(5, result.n);
	r.method = "POST";
	r.body = "{}";
	exchange(&s, &r);
	EQ_INT(200, result.status);
}

TEST(launch_http_request_fails)
{
	struct script stalled = {.reply = NULL};
	struct script garbage = {.reply = "hello there, who is it?\n"};
	struct script gone = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"};
	struct http_request r = {.timeout_ms = 200};

	exchange(NULL, &r);
	EQ_STR("No such file or directory", result.error);
	EQ_INT(0, result.status);
	exchange(&stalled, &r);
	EQ_STR("it did not answer in time", result.error);
	CHECK(result.took >= 200 && result.took < 5000);
	r.timeout_ms = 5000;
	exchange(&garbage, &r);
	EQ_STR("what answers does not speak HTTP", result.error);
	exchange(&gone, &r);
	EQ_STR("its reply ends before its end", result.error);
	EQ_STR("", result.body);
}

TEST(launch_http_request_too_long)
{
	encl_auto(encl_free) char *text =
		encl_xasprintf("HTTP/1.1 200 OK\r\n\r\n%*s", HTTP_BODY_MAX + 1, "x");
	struct script s = {.reply = text};
	struct http_request r = {.timeout_ms = 5000};

	exchange(&s, &r);
	EQ_STR("its reply is too long", result.error);
	r.data = stream_data;
	exchange(&s, &r);
	EQ_STR("", result.error);
	EQ_INT(HTTP_BODY_MAX + 1, result.n);
}

/* A server that has seen enough of an archive says why. */
TEST(launch_http_file)
{
	struct script s = {.reply = "HTTP/1.1 500 x\r\nContent-Length: 17\r\n\r\n"
				    "{\"message\":\"no\"}\n"};
	encl_auto(encl_free) char *file = encl_xstrdup(test_path("archive"));
	const size_t large = 4 << 20;
	encl_auto(encl_free) char *big = encl_xcalloc(1, large);
	struct http_request r = {.timeout_ms = 5000, .method = "POST", .file = file};

	EQ_INT(0, guest_write_file(file, big, large));
	exchange(&s, &r);
	EQ_INT(500, result.status);
	EQ_STR("{\"message\":\"no\"}\n", result.body);
	/* one that takes all of it, in pieces that are not ours */
	s.wants = large;
	for (s.room = 0; s.room < 320 << 10; s.room += s.room ? 8 << 10 : 232 << 10) {
		exchange(&s, &r);
		EQ_INT(500, result.status);
		EQ_STR("", result.error);
	}
	s.room = 0;
	r.file = test_path("absent");
	exchange(&s, &r);
	EQ_STR("No such file or directory", result.error);
	/* it takes not a byte more: the time-out is for bytes that move */
	s = (struct script){.early = true};
	r.file = file;
	r.timeout_ms = 300;
	exchange(&s, &r);
	EQ_STR("it did not answer in time", result.error);
}

TEST(launch_http_cancel)
{
	struct script s = {.reply = NULL};
	const char *path = test_path("sock");
	int listener = listen_at(path);
	struct timer guard = {.expired = no_end};
	struct http h = {.active = false};
	pid_t pid = fork();

	if (pid == 0)
		serve(listener, &s);
	memset(&result, 0, sizeof result);
	http_cancel(&h); /* never started */
	http_start(&h, &(struct http_request){.socket = path,
					      .method = "GET",
					      .target = "/",
					      .timeout_ms = 20,
					      .done = done_once});
	CHECK(h.active);
	http_cancel(&h);
	CHECK(!h.active);
	loop_timer(&guard, 100);
	loop_run();
	EQ_INT(0, result.calls);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(listener);
}
