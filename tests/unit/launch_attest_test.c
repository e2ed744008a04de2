/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attestation API: requests as they are read, and clients, good, slow and hostile
 * ones, over the loop and the made-up clock and module of life.h.
 */
#include <stdio.h>

#include "life.h"
#include "test.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/attest.c"
#include "../../cmd/launch/attest_request.c"
#pragma GCC diagnostic pop
#undef connect

/* ---- requests ---- */

/* "WHAT user data/nonce/public key", or "STATUS why"; a text without "\n" at its end
 * gets the rest of a head. */
static const char *
parsed(const char *text, size_t n)
{
	static char out[8192];
	static char in[ATTEST_REQUEST_MAX + 100];
	static struct attest_request r;
	const struct nsm_bytes *const all[] = {&r.ask.user_data, &r.ask.nonce,
					       &r.ask.public_key};
	const char *why;
	int status;

	CHECK(n < sizeof in);
	memcpy(in, text, n);
	in[n] = 0;
	status = attest_request_parse(in, n, &r, &why);
	if (status != 200) {
		snprintf(out, sizeof out, "%d %s", status, why ? why : "");
		return out;
	}
	CHECK(!why);
	strcpy(out, r.question == NSM_REGISTERS ? "registers " : "document ");
	for (int i = 0; i < 3; i++) {
		if (all[i]->p)
			hex_encode(all[i]->p, all[i]->n, out + strlen(out));
		else
			strcat(out, "-");
		strcat(out, i < 2 ? "/" : "");
	}
	return out;
}

static const char *
get(const char *target)
{
	char text[8000];

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
	return parsed(text, strlen(text));
}

static const char *
post(const char *body)
{
	static char text[ATTEST_REQUEST_MAX + 100];

	snprintf(
		text, sizeof text,
		"POST /v1/attestation HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s",
		strlen(body), body);
	return parsed(text, strlen(text));
}

TEST(launch_attest_get)
{
	static char longest[1100];

	EQ_STR("document -/-/-", get("/v1/attestation"));
	EQ_STR("document -/00ffab/-", get("/v1/attestation?nonce=00fFab"));
	EQ_STR("registers -/-/-", get("/v1/pcrs"));
	EQ_STR("400 /v1/pcrs takes no query", get("/v1/pcrs?"));
	EQ_STR("404 there are /v1/attestation and /v1/pcrs", get("/"));
	EQ_STR("404 there are /v1/attestation and /v1/pcrs", get("/v1/attestation/"));
	EQ_STR("404 there are /v1/attestation and /v1/pcrs",
	       get("http://localhost/v1/attestation"));
	EQ_STR("400 a nonce is 1 to 512 bytes in hexadecimal digits",
	       get("/v1/attestation?nonce="));
	EQ_STR("400 a nonce is 1 to 512 bytes in hexadecimal digits",
	       get("/v1/attestation?nonce=0"));
	EQ_STR("400 a nonce is 1 to 512 bytes in hexadecimal digits",
	       get("/v1/attestation?nonce=0g"));
	EQ_STR("400 a nonce is 1 to 512 bytes in hexadecimal digits",
	       get("/v1/attestation?nonce=00&x=1"));
	EQ_STR("400 the one thing that can be asked for is ?nonce=HEX",
	       get("/v1/attestation?userData=00"));
	EQ_STR("400 the one thing that can be asked for is ?nonce=HEX",
	       get("/v1/attestation?"));
	strcpy(longest, "/v1/attestation?nonce=");
	memset(longest + 22, 'a', 1024);
	EQ_INT(strlen("document -/") + 1024 + 2, strlen(get(longest)));
	memset(longest + 22, 'a', 1026);
	EQ_STR("400 a nonce is 1 to 512 bytes in hexadecimal digits", get(longest));
}

TEST(launch_attest_post)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{"{}", "document -/-/-"},
		{" {\t}\r\n", "document -/-/-"},
		{"{\"nonce\":\"AAE=\"}", "document -/0001/-"},
		{"{\"publicKey\":\"//79\",\"nonce\":\"AQ==\",\"userData\":\"AgM=\"}",
		 "document 0203/01/fffefd"},
		/* as some write it */
		{"{\"publicKey\":\"\\/\\/79\"}", "document -/-/fffefd"},
		{"{\"nonce\":null,\"userData\":\"AgM=\",\"publicKey\":null}",
		 "document 0203/-/-"},
		{"{\"nonce\":\"\"}", "400 nonce is not 1 to 512 bytes in base64"},
		{"{\"nonce\":\"AA\"}", "400 nonce is not 1 to 512 bytes in base64"},
		{"{\"nonce\":\"AA==\\n\"}", "400 nonce is not 1 to 512 bytes in base64"},
		{"{\"nonce\":1}", "400 nonce is not 1 to 512 bytes in base64"},
		{"{\"nonce\":[]}", "400 nonce is not 1 to 512 bytes in base64"},
		{"{\"userData\":true}", "400 userData is not 1 to 512 bytes in base64"},
		{"{\"publicKey\":{}}", "400 publicKey is not 1 to 1024 bytes in base64"},
		/* what would silently be left out */
		{"{\"public_key\":\"AQ==\"}",
		 "400 the body is not {\"nonce\", \"userData\", \"publicKey\"}, each of "
		 "them once at most"},
		{"{\"nonce\":\"AQ==\",\"nonce\":\"Ag==\"}",
		 "400 the body is not {\"nonce\", \"userData\", \"publicKey\"}, each of "
		 "them once at most"},
		{"{\"nonce\":\"AQ==\",\"x\":{\"publicKey\":\"AQ==\"}}",
		 "400 the body is not {\"nonce\", \"userData\", \"publicKey\"}, each of "
		 "them once at most"},
		{"{\"nonc\\u0065\":\"AQ==\"}",
		 "400 the body is not {\"nonce\", \"userData\", \"publicKey\"}, each of "
		 "them once at most"},
		{"{}{\"nonce\":\"AQ==\"}",
		 "400 the body is not {\"nonce\", \"userData\", \"publicKey\"}, each of "
		 "them once at most"},
		{"", "400 the body is no JSON object"},
		{"[]", "400 the body is no JSON object"},
		{"{\"nonce\":", "400 the body is no JSON object"},
		{"{\"nonce\"", "400 the body is no JSON object"},
		{"\"nonce\"", "400 the body is no JSON object"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_STR(rows[i].want, post(rows[i].body));
}

/* The longest of all, and one byte more of each. */
TEST(launch_attest_post_limits)
{
	static const struct {
		const char *key;
		size_t most;
		const char *why;
	} rows[] = {
		{"nonce", 512, "400 nonce is not 1 to 512 bytes in base64"},
		{"userData", 512, "400 userData is not 1 to 512 bytes in base64"},
		{"publicKey", 1024, "400 publicKey is not 1 to 1024 bytes in base64"},
	};
	static uint8_t bytes[2000];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t more = 0; more < 4; more++) {
			char body[4000];
			int n = snprintf(body, sizeof body, "{\"%s\":\"", rows[i].key);
			size_t k = base64_encode(bytes, rows[i].most + more, body + n);
			const char *got;

			strcpy(body + n + k, "\"}");
			got = post(body);
			if (more)
				EQ_STR(rows[i].why, got);
			else
				EQ_INT(strlen("document -/-/") + 2 * rows[i].most,
				       strlen(got));
		}
}

TEST(launch_attest_heads)
{
#define ROW(text, want)                                                                  \
	{                                                                                \
		text, sizeof text - 1, want                                              \
	}
	static const struct {
		const char *text;
		size_t n;
		const char *want;
	} rows[] = {
		ROW("", "0 "),
		ROW("GET /v1/pcrs HTTP/1.1\r\n", "0 "),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 2\r\n\r\n{", "0 "),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		    "document -/-/-"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}x",
		    "400 the request goes on behind its end"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 3\r\n\r\n{}\0",
		    "400 the body is no JSON object"),
		ROW("POST /v1/attestation HTTP/1.1\r\n\r\n{}",
		    "400 the body has no Content-Length"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 2\r\n"
		    "Content-Length: 2\r\n\r\n{}",
		    "400 the body's length is given twice"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
		    "400 Content-Length is no number"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: \r\n\r\n{}",
		    "400 Content-Length is no number"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 8193\r\n\r\n",
		    "413 the body is larger than 8192 bytes"),
		ROW("POST /v1/attestation HTTP/1.1\r\nContent-Length: 8192\r\n\r\n",
		    "0 "),
		ROW("POST /v1/attestation HTTP/1.1\r\n"
		    "Content-Length: 18446744073709551617\r\n\r\n",
		    "413 the body is larger than 8192 bytes"),
		ROW("POST /v1/attestation HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		    "501 the body needs a Content-Length"),
		ROW("POST /v1/attestation?nonce=00 HTTP/1.1\r\nContent-Length: "
		    "2\r\n\r\n{}",
		    "400 a POST says all in its body"),
		ROW("GET /v1/attestation HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		    "400 a GET has no body"),
		ROW("GET /v1/attestation HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		    "document -/-/-"),
		ROW("GET /v1/attestation HTTP/1.0\r\n\r\n", "document -/-/-"),
		ROW("GET /v1/pcrs HTTP/1.1\r\n\r\nGET /v1/pcrs HTTP/1.1\r\n\r\n",
		    "400 the request goes on behind its end"),
		ROW("PUT /v1/attestation HTTP/1.1\r\n\r\n",
		    "405 /v1/attestation takes GET and POST"),
		ROW("get /v1/attestation HTTP/1.1\r\n\r\n",
		    "405 /v1/attestation takes GET and POST"),
		ROW("POST /v1/pcrs HTTP/1.1\r\n\r\n", "405 /v1/pcrs takes GET"),
		ROW("GET /v1/pcrs HTTP/2\r\n\r\n",
		    "400 the first line is not METHOD TARGET HTTP/1.1"),
		ROW("GET /v1/pcrs HTTP/1.1\n\n", "400 a line does not end with CR LF"),
		ROW("GET /v1/pcrs HTTP/1.1\r\n x: y\r\n\r\n",
		    "400 a header line is not NAME: VALUE"),
		ROW("GET /v1/pcrs\0 HTTP/1.1\r\n\r\n",
		    "400 the target has a byte that no URL has"),
	};
#undef ROW
	char text[ATTEST_HEAD_MAX + 100];
	size_t n;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_STR(rows[i].want, parsed(rows[i].text, rows[i].n));
	n = (size_t)snprintf(text, sizeof text, "GET /v1/pcrs HTTP/1.1\r\nx: ");
	memset(text + n, 'x', ATTEST_HEAD_MAX - n);
	EQ_STR("0 ", parsed(text, ATTEST_HEAD_MAX - 1));
	EQ_STR("431 the head is larger than 4096 bytes", parsed(text, ATTEST_HEAD_MAX));
	memcpy(text + ATTEST_HEAD_MAX - 4, "\r\n\r\n", 4);
	EQ_STR("registers -/-/-", parsed(text, ATTEST_HEAD_MAX));
}

/* ---- clients ---- */

static struct sockaddr_un address;
static socklen_t address_n;
static unsigned listeners;

/* An address of the kernel's choice, of whichever was asked for last. */
int
launch_listen(const char *where, size_t port)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	EQ_STR(listeners++ ? "172.18.0.1" : "127.0.0.1", where);
	EQ_INT(7777, port);
	address = (struct sockaddr_un){.sun_family = AF_UNIX};
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
	address_n = sizeof address;
	CHECK(getsockname(fd, (struct sockaddr *)&address, &address_n) == 0);
	CHECK(listen(fd, 1000) == 0);
	return fd;
}

static void
begin_api(void)
{
	static char gateway[] = "172.18.0.1";
	static char *gateways[] = {gateway, NULL};
	static const struct config c = {.attest = 7777, .attest_gateways = {gateways, 1}};

	life_reset();
	memset(&the, 0, sizeof the);
	listeners = 0;
	launch_attest(&c);
	EQ_INT(2, the.n_listeners);
	LIFE_SAID("attestation: API on 127.0.0.1:7777; attestation: API on "
		  "172.18.0.1:7777; ");
}

static void
end_api(void)
{
	while (the.clients)
		drop(the.clients);
	loop_timer_stop(&the.again);
	for (size_t i = 0; i < the.n_listeners; i++)
		close(the.listeners[i].fd);
	life_reset();
}

static int
client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(connect(fd, (struct sockaddr *)&address, address_n) == 0);
	return fd;
}

static void
put(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* What it got so far, "(closed)" behind it where that is so. */
static const char *
got(int fd)
{
	static char text[32768];
	size_t n = 0;
	ssize_t r;

	while ((r = recv(fd, text + n, sizeof text / 2 - n, MSG_DONTWAIT)) > 0)
		n += (size_t)r;
	strcpy(text + n, r == 0 || errno != EAGAIN ? "(closed)" : "");
	return text;
}

/* All of one connection: the status and the body, "200 ABC" */
static const char *
answered(const char *request)
{
	int fd = client();
	static char text[32768];
	const char *all;
	const char *body;
	char length[40];

	put(fd, request);
	life_pass(150);
	all = got(fd);
	CHECK(!strncmp(all, "HTTP/1.1 ", 9) && strstr(all, "\r\nConnection: close\r\n"));
	body = strstr(all, "\r\n\r\n");
	CHECK(body != NULL);
	snprintf(text, sizeof text, "%.3s %s", all + 9, body + 4);
	body = text + 4;
	CHECK(strstr(body, "(closed)") != NULL);
	*strstr(body, "(closed)") = 0;
	snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(body));
	CHECK(strstr(all, length) != NULL);
	close(fd);
	life_pass(1);
	EQ_INT(0, the.n);
	return text;
}

static const char *
posted(const char *body)
{
	char text[2000];

	snprintf(text, sizeof text,
		 "POST /v1/attestation HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	return answered(text);
}

#define GET(target)	 "GET " target " HTTP/1.1\r\nHost: 127.0.0.1:7777\r\n\r\n"
#define DOCUMENT(answer) EQ_STR(answer, answered(GET("/v1/attestation?nonce=aabb")))

TEST(launch_attest_answers)
{
	begin_api();
	DOCUMENT("503 {\"error\":\"there is no Nitro Secure Module: nothing attests this "
		 "machine\"}\n");
	life_nsm = "the document";
	DOCUMENT("200 the document");
	EQ_STR("-/aabb/-", life_asked_nsm);
	EQ_STR("200 the document",
	       posted("{\"nonce\": \"AAAAAAAAAAA=\", \"userData\": \"Ag==\", "
		      "\"publicKey\": \"AwM=\"}"));
	EQ_STR("02/0000000000000000/0303", life_asked_nsm);
	EQ_STR("400 {\"error\":\"the one thing that can be asked for is ?nonce=HEX\"}\n",
	       answered(GET("/v1/attestation?x")));
	EQ_STR("404 {\"error\":\"there are /v1/attestation and /v1/pcrs\"}\n",
	       answered(GET("/")));
	EQ_STR("413 {\"error\":\"the body is larger than 8192 bytes\"}\n",
	       answered("POST /v1/attestation HTTP/1.1\r\nContent-Length: 9000\r\n\r\n"));
	EQ_STR("400 {\"error\":\"the body is not {\\\"nonce\\\", \\\"userData\\\", "
	       "\\\"publicKey\\\"}, each of them once at most\"}\n",
	       posted("{\"x\": 1}"));
	life_nsm = "?the Nitro Secure Module says InputTooLarge";
	DOCUMENT("400 {\"error\":\"the Nitro Secure Module says InputTooLarge\"}\n");
	life_nsm = "!the Nitro Secure Module says \"\\";
	DOCUMENT("503 {\"error\":\"the Nitro Secure Module says \\\"\\\\\"}\n");
	end_api();
}

TEST(launch_attest_registers)
{
	char want[8192] = "200 {\"pcrs\":{";

	for (unsigned i = 0; i < NSM_PCRS; i++) {
		char *at = want + strlen(want);

		at += sprintf(at, "%s\"PCR%u\":\"", i ? "," : "", i);
		for (int k = 0; k < NSM_PCR_SIZE; k++)
			at += sprintf(at, "%02x", i);
		strcpy(at, "\"");
	}
	strcat(want, "},\"locked\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}\n");
	begin_api();
	life_nsm = "x";
	EQ_STR(want, answered(GET("/v1/pcrs")));
	EQ_STR("registers", life_asked_nsm);
	life_nsm = "!/dev/nsm: Connection timed out";
	EQ_STR("503 {\"error\":\"/dev/nsm: Connection timed out\"}\n",
	       answered(GET("/v1/pcrs")));
	end_api();
}

TEST(launch_attest_in_pieces)
{
	static const char text[] =
		"POST /v1/attestation HTTP/1.1\r\nContent-Length: 16\r\n"
		"\r\n{\"nonce\":\"AQ==\"}";
	int fd;

	begin_api();
	life_nsm = "the document";
	fd = client();
	for (const char *p = text; *p; p++) {
		const char one[] = {*p, 0};

		put(fd, one);
		life_pass(10);
	}
	life_pass(100);
	CHECK(strstr(got(fd), "\r\n\r\nthe document(closed)"));
	EQ_STR("-/01/-", life_asked_nsm);
	close(fd);
	end_api();
}

/* Each has its turn, and who has left is not waited for. */
TEST(launch_attest_queue)
{
	int fds[3];

	begin_api();
	life_nsm = "D";
	for (int i = 0; i < 3; i++) {
		fds[i] = client();
		put(fds[i], GET("/v1/attestation"));
		life_pass(1);
	}
	close(fds[1]);
	life_pass(110);
	CHECK(strstr(got(fds[0]), "\r\n\r\nD(closed)"));
	EQ_STR("", got(fds[2]));
	life_pass(100);
	CHECK(strstr(got(fds[2]), "\r\n\r\nD(closed)"));
	close(fds[0]);
	close(fds[2]);
	life_pass(1);
	EQ_INT(0, the.n);
	end_api();
}

/* A request that never ends, an answer that nobody takes, a client that stays. */
TEST(launch_attest_slow)
{
	int fd;

	begin_api();
	fd = client();
	put(fd, "GET /v1/pc");
	life_pass(9900);
	put(fd, "r");
	life_pass(50);
	EQ_STR("", got(fd));
	life_pass(100);
	EQ_STR("(closed)", got(fd));
	close(fd);

	fd = client();
	put(fd, GET("/"));
	life_pass(1);
	CHECK(strstr(got(fd), "404 Not Found"));
	for (int i = 0; i < 5; i++)
		CHECK(send(fd, "more", 4, MSG_NOSIGNAL) == 4); /* it is drained */
	life_pass(1900);
	EQ_INT(1, the.n);
	life_pass(200);
	EQ_INT(0, the.n);
	close(fd);
	end_api();
}

/* More than there is room for: the ones that send nothing make room. */
TEST(launch_attest_crowd)
{
	int idle[CLIENTS_MAX + 5];

	begin_api();
	life_nsm = "D";
	for (int i = 0; i < CLIENTS_MAX + 5; i++) {
		idle[i] = client();
		life_pass(1);
	}
	EQ_INT(CLIENTS_MAX, the.n);
	for (int i = 0; i < CLIENTS_MAX + 5; i++)
		EQ_STR(i < 5 ? "(closed)" : "", got(idle[i]));
	for (int i = 5; i < CLIENTS_MAX + 5; i++)
		put(idle[i], GET("/v1/attestation"));
	life_pass(1);
	/* all wait for the module: who comes now waits outside */
	idle[0] = client();
	put(idle[0], GET("/v1/attestation"));
	life_pass(50);
	EQ_INT(CLIENTS_MAX, the.n);
	CHECK(the.paused);
	life_pass(100 * (CLIENTS_MAX + 2) + 200);
	for (int i = 5; i < CLIENTS_MAX + 5; i++)
		CHECK(strstr(got(idle[i]), "\r\n\r\nD(closed)"));
	CHECK(strstr(got(idle[0]), "\r\n\r\nD(closed)"));
	CHECK(!the.paused);
	for (int i = 0; i < CLIENTS_MAX + 5; i++)
		close(idle[i]);
	life_pass(1);
	EQ_INT(0, the.n);
	end_api();
}

TEST(launch_attest_none)
{
	const struct config c = {.attest = 0};

	life_reset();
	memset(&the, 0, sizeof the);
	listeners = 0;
	launch_attest(&c);
	EQ_INT(0, the.n_listeners);
	LIFE_SAID("");
	life_reset();
}
