/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's allow-list: spellings of destinations, rules, requests. */
#include <stdlib.h>

#include "../../cmd/launch/egress_request.c"
#include "../../cmd/launch/http_head.c"
#include "test.h"

static const char *
spelled(const char *text, unsigned standard, struct egress_target *t)
{
	return egress_target_parse(text, strlen(text), standard, t);
}

TEST(launch_egress_target_spellings)
{
	static const struct {
		const char *text;
		const char *authority; /* or NULL */
		bool is_address;
	} rows[] = {
		{"example.com:443", "example.com:443", false},
		{"EXAMPLE.Com.:443", "example.com:443", false},
		{"a_b-c.example:1", "a_b-c.example:1", false},
		{"localhost:65535", "localhost:65535", false},
		{"xn--bcher-kva.example:443", "xn--bcher-kva.example:443", false},
		{"1.2.3.4.example:80", "1.2.3.4.example:80", false},
		{"example.0x7g:80", "example.0x7g:80", false},
		/* one address, however it is written */
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1.:80", "127.0.0.1:80", true},
		{"127.1:80", "127.0.0.1:80", true},
		{"2130706433:80", "127.0.0.1:80", true},
		{"0x7f000001:80", "127.0.0.1:80", true},
		{"0X7F.1:80", "127.0.0.1:80", true},
		{"0177.0.0.01:80", "127.0.0.1:80", true},
		{"017700000001:80", "127.0.0.1:80", true},
		{"0:80", "0.0.0.0:80", true},
		{"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
		{"[::FFFF:7F00:1]:80", "127.0.0.1:80", true},
		{"[0:0:0:0:0:ffff:7f00:0001]:80", "127.0.0.1:80", true},
		{"[2001:DB8:0:0:0:0:0:1]:80", "[2001:db8::1]:80", true},
		{"[::1]:80", "[::1]:80", true},
		{"[::127.0.0.1]:80", "[::127.0.0.1]:80", true},
		{"[fd00:ec2::254]:80", "[fd00:ec2::254]:80", true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct egress_target t;
		const char *wrong = spelled(rows[i].text, 0, &t);

		if (wrong)
			test_fail(__FILE__, __LINE__, "%s: %s", rows[i].text, wrong);
		EQ_STR(rows[i].authority, t.authority);
		EQ_INT(rows[i].is_address, t.is_address);
	}
}

TEST(launch_egress_target_refused)
{
	static const char name[] = "the host is not a name of letters, digits, - and _";
	static const char number[] = "the host ends in a number, but is no address";
	static const char port[] = "the port is not a number from 1 to 65535";
	static const char v6[] = "there is no IPv6 address within the brackets";
	static const char user[] = "a user or a password stands before the host";
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "there is no port"},
		{"example.com", "there is no port"},
		{":80", "the host is empty"},
		{".:80", name},
		{"example.com..:80", name},
		{".example.com:80", name},
		{"a..b:80", name},
		{"-a.example:80", name},
		{"a-.example:80", name},
		{"a.example-:80", name},
		{"a b:80", name},
		{"b\xc3\xbc"
		 "cher.example:80",
		 name},
		{"ex%61mple.com:80", name},
		{"example.com\\.evil:80", name},
		{"*.example.com:80", name},
		{"a,b:80", name},
		{"user@example.com:80", user},
		{"user:secret@example.com:80", user},
		{"example.com:80@evil:80", user},
		{"example.com:", port},
		{"example.com:0", port},
		{"example.com:080", port},
		{"example.com:65536", port},
		{"example.com:99999999999", port},
		{"example.com:+80", port},
		{"example.com:80 ", port},
		{"example.com:8a", port},
		{"256.1.1.1:80", number},
		{"1.2.3.4.5:80", number},
		{"08.1.1.1:80", number},
		{"example.1:80", number},
		{"example.0x7f:80", number},
		{"4294967296:80", number},
		{"::1:80", "an IPv6 address has to stand in brackets"},
		{"2001:db8::1:80", "an IPv6 address has to stand in brackets"},
		{"[::1:80", "a bracket is not closed"},
		{"[:80", "a bracket is not closed"},
		{"[]:80", v6},
		{"[fe80::1%eth0]:80", v6},
		{"[fe80::1%25eth0]:80", v6},
		{"[127.0.0.1]:80", v6},
		{"[example.com]:80", v6},
		{"[::1]x:80", "a bracket is not closed"},
	};
	char label[80];
	char longest[300];
	struct egress_target t;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *wrong = spelled(rows[i].text, 0, &t);

		if (!wrong || strcmp(wrong, rows[i].why) != 0)
			test_fail(__FILE__, __LINE__, "%s: want \"%s\", got \"%s\"",
				  rows[i].text, rows[i].why, wrong ? wrong : t.authority);
	}
	memset(label, 'a', 64);
	memcpy(label + 64, ":80", 4);
	EQ_STR("a part of the host's name is too long", spelled(label, 0, &t));
	CHECK(!spelled(label + 1, 0, &t));
	for (size_t i = 0; i < 256; i++)
		longest[i] = i % 2 ? '.' : 'a';
	memcpy(longest + 253, ":80", 4);
	CHECK(!spelled(longest, 0, &t));
	EQ_INT(257, strlen(t.authority) + 1);
	memcpy(longest + 253, ".a:80", 6);
	EQ_STR("the host's name is too long", spelled(longest, 0, &t));
	CHECK(egress_target_parse("a\0b:80", 6, 0, &t) != NULL);
	CHECK(!spelled("example.com", 80, &t));
	EQ_STR("example.com:80", t.authority);
	CHECK(!spelled("[2001:db8::1]", 80, &t));
	EQ_STR("[2001:db8::1]:80", t.authority);
}

/* "host PATTERN PORTS" against "HOST:PORT". */
static enum egress_verdict
ask(const char *rule, const char *target)
{
	char text[400];
	struct egress_rule r;
	struct egress_target t;
	const struct egress_rule *near;

	strncpy(text, rule, sizeof text - 1);
	text[sizeof text - 1] = 0;
	if (!egress_rule_parse(text, &r))
		test_fail(__FILE__, __LINE__, "no rule: %s", rule);
	if (spelled(target, 0, &t))
		test_fail(__FILE__, __LINE__, "no target: %s", target);
	return egress_match(&r, 1, &t, &near);
}

TEST(launch_egress_match)
{
	static const struct {
		const char *rule, *target;
		enum egress_verdict verdict;
	} rows[] = {
		{"host example.com 443", "example.com:443", EGRESS_ALLOWED},
		{"host example.com 443", "EXAMPLE.COM.:443", EGRESS_ALLOWED},
		{"host example.com 443", "example.com:80", EGRESS_NO_PORT},
		{"host example.com 443", "example.org:443", EGRESS_NO_RULE},
		{"host example.com 443", "a.example.com:443", EGRESS_NO_RULE},
		{"host example.com 443", "xexample.com:443", EGRESS_NO_RULE},
		{"host example.com 443", "example.com.evil:443", EGRESS_NO_RULE},
		{"host *.example.com 443", "a.example.com:443", EGRESS_ALLOWED},
		{"host *.example.com 443", "example.com:443", EGRESS_NO_RULE},
		{"host *.example.com 443", "a.b.example.com:443", EGRESS_NO_RULE},
		{"host kms.*.amazonaws.com 443", "kms.eu-west-1.amazonaws.com:443",
		 EGRESS_ALLOWED},
		{"host kms.*.amazonaws.com 443", "kms.evil.com.amazonaws.com:443",
		 EGRESS_NO_RULE},
		{"host kms.*.amazonaws.com 443", "kms.amazonaws.com:443", EGRESS_NO_RULE},
		{"host kms-*.x 443", "kms-fips.x:443", EGRESS_ALLOWED},
		{"host kms-*.x 443", "kms.x:443", EGRESS_NO_RULE},
		{"host *-a*b.x 443", "1-a-ab.x:443", EGRESS_ALLOWED},
		{"host *-a*b.x 443", "1-a-ac.x:443", EGRESS_NO_RULE},
		{"host a*a.x 443", "a.x:443", EGRESS_NO_RULE},
		{"host a*a.x 443", "aa.x:443", EGRESS_ALLOWED},
		{"host localhost 1-65535", "localhost:8080", EGRESS_ALLOWED},
		{"host a.x 80,8000-8010", "a.x:8010", EGRESS_ALLOWED},
		{"host a.x 80,8000-8010", "a.x:8011", EGRESS_NO_PORT},
		{"host a.x 80,8000-8010", "a.x:7999", EGRESS_NO_PORT},
		/* names and addresses never take each other's rules */
		{"host *.1.1.x 80", "127.0.0.1:80", EGRESS_NO_RULE},
		{"cidr 0.0.0.0/0 80", "example.com:80", EGRESS_NO_RULE},
		{"cidr ::/0 80", "example.com:80", EGRESS_NO_RULE},
		{"cidr 203.0.113.0/24 443", "203.0.113.255:443", EGRESS_ALLOWED},
		{"cidr 203.0.113.0/24 443", "203.0.114.0:443", EGRESS_NO_RULE},
		{"cidr 203.0.113.0/24 443", "[::ffff:203.0.113.7]:443", EGRESS_ALLOWED},
		{"cidr 203.0.113.0/24 443", "3405803783:443", EGRESS_ALLOWED},
		{"cidr 203.0.113.0/24 443", "0xcb007107:443", EGRESS_ALLOWED},
		{"cidr 203.0.113.0/24 443", "0xcb007207:443", EGRESS_NO_RULE},
		{"cidr 203.0.113.7/32 443", "203.0.113.7:443", EGRESS_ALLOWED},
		{"cidr 203.0.113.7/32 443", "203.0.113.6:443", EGRESS_NO_RULE},
		{"cidr 0.0.0.0/0 443", "[2001:db8::1]:443", EGRESS_NO_RULE},
		{"cidr ::/0 443", "127.0.0.1:443", EGRESS_NO_RULE},
		{"cidr 2001:db8::/33 443", "[2001:db8:7fff::1]:443", EGRESS_ALLOWED},
		{"cidr 2001:db8::/33 443", "[2001:db8:8000::1]:443", EGRESS_NO_RULE},
		{"cidr 2001:db8::/33 443", "[2001:db8::1]:80", EGRESS_NO_PORT},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		enum egress_verdict got = ask(rows[i].rule, rows[i].target);

		if (got != rows[i].verdict)
			test_fail(__FILE__, __LINE__, "%s, %s: want %d, got %d",
				  rows[i].rule, rows[i].target, rows[i].verdict, got);
	}
}

TEST(launch_egress_rule_refused)
{
	static const char *const rows[] = {
		"",
		"host",
		"host a.x",
		"host a.x ",
		"host  443",
		"name a.x 443",
		"host A.x 443",
		"host a.* 443",
		"host * 443",
		"host a..x 443",
		"host .x 443",
		"host x. 443",
		"host 1.2.3.4 443",
		"host a.0x1 443",
		"host a.x 0",
		"host a.x 65536",
		"host a.x 443,",
		"host a.x ,443",
		"host a.x 80-80",
		"host a.x 90-80",
		"host a.x 80-90-95",
		"host a.x 8 0",
		"host a.x 080",
		"cidr 1.2.3.4 443",
		"cidr 1.2.3.0/33 443",
		"cidr 1.2.3.0/ 443",
		"cidr 1.2.3.0/024 443",
		"cidr ::/129 443",
		"cidr example.com/24 443",
		"cidr 1.2.3/24 443",
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[100];
		struct egress_rule r;

		strncpy(text, rows[i], sizeof text - 1);
		text[sizeof text - 1] = 0;
		if (egress_rule_parse(text, &r))
			test_fail(__FILE__, __LINE__, "taken: %s", rows[i]);
	}
}

/* ---- requests ---- */

TEST(launch_egress_request_connect)
{
	static const char text[] = "CONNECT Example.com.:443 HTTP/1.1\r\n"
				   "Host: example.COM\r\nUser-Agent: x\r\n\r\n";
	struct egress_request r;
	const char *why;

	EQ_INT(0, egress_request_parse(text, sizeof text - 1, &r, &why));
	CHECK(r.connect && !r.head);
	EQ_STR("example.com:443", r.target.authority);
}

TEST(launch_egress_request_plain)
{
	static const struct {
		const char *text, *head;
	} rows[] = {
		{"GET http://example.com/a?b HTTP/1.1\r\nHost: example.com\r\n\r\n",
		 "GET /a?b HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"},
		{"GET HTTP://Example.com HTTP/1.0\r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"},
		{"GET http://a.x:8080?q HTTP/1.1\r\nHost: a.x:8080\r\n\r\n",
		 "GET /?q HTTP/1.1\r\nHost: a.x:8080\r\nConnection: close\r\n\r\n"},
		{"GET http://a.x:80/ HTTP/1.1\r\nhost:\ta.x \r\n\r\n",
		 "GET / HTTP/1.1\r\nHost: a.x\r\nConnection: close\r\n\r\n"},
		{"GET http://[::1]/@: HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		 "GET /@: HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n"},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nProxy-Connection: keep-alive\r\n"
		 "Connection: keep-alive, X-Hop,  content-length\r\nX-Hop: 1\r\nx-hops: 2\r\n"
		 "Proxy-Authorization: Basic c2VjcmV0\r\nContent-Length: 3\r\nTE: trailers\r\n"
		 "Keep-Alive: 5\r\nUpgrade: h2c\r\nAccept:  */*\t\r\n\r\n",
		 "POST / HTTP/1.1\r\nHost: a.x\r\nx-hops: 2\r\nContent-Length: 3\r\n"
		 "Accept: */*\r\nConnection: close\r\n\r\n"},
		{"PUT http://a.x/ HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding: Chunked\r\n\r\n",
		 "PUT / HTTP/1.1\r\nHost: a.x\r\nTransfer-Encoding: Chunked\r\n"
		 "Connection: close\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct egress_request r;
		const char *why;

		EQ_INT(strlen(rows[i].text),
		       http_head_end(rows[i].text, strlen(rows[i].text)));
		EQ_INT(0, egress_request_parse(rows[i].text, strlen(rows[i].text), &r,
					       &why));
		CHECK(!r.connect);
		EQ_MEM(rows[i].head, strlen(rows[i].head), r.head, r.n_head);
		free(r.head);
	}
}

TEST(launch_egress_request_refused)
{
	static const char line[] = "the first line is not METHOD TARGET HTTP/1.1";
	static const char proxy[] =
		"this is a proxy: the target has to be http://HOST/PATH";
	static const char host[] = "the Host line is not of the request's target";
	static const char twice[] = "the body's length is given twice";
	static const struct {
		const char *text;
		int status;
		const char *why;
	} rows[] = {
		{"GET / HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, proxy},
		{"OPTIONS * HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, proxy},
		{"GET ftp://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, proxy},
		{"GET https://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "https goes by CONNECT"},
		{"GET http:///a HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, "the host is empty"},
		{"GET http://u:p@a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "a user or a password stands before the host"},
		{"GET http://a.x\\@b.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "a user or a password stands before the host"},
		{"GET http://a.x#@b.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "the target has a fragment"},
		{"GET http://a.x/#b HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "the target has a fragment"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: b.x\r\n\r\n", 400, host},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x:81\r\n\r\n", 400, host},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x, b.x\r\n\r\n", 400, host},
		{"GET http://a.x/ HTTP/1.1\r\nHost:\r\n\r\n", 400, host},
		{"CONNECT a.x:443 HTTP/1.1\r\nHost: b.x:443\r\n\r\n", 400, host},
		{"GET http://a.x/ HTTP/1.1\r\n\r\n", 400, "there is no Host line"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nhost: a.x\r\n\r\n", 400,
		 "there are two Host lines"},
		{"CONNECT a.x HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, "there is no port"},
		{"CONNECT http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "the port is not a number from 1 to 65535"},
		{"CONNECT a.x:443 HTTP/1.1\r\nHost: a.x\r\nContent-Length: 0\r\n\r\n",
		 400, "a CONNECT has no body"},
		{"GET  http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, line},
		{"GET http://a.x/ b HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, line},
		{"GET http://a.x/ HTTP/2.0\r\nHost: a.x\r\n\r\n", 400, line},
		{"GET http://a.x/\r\n\r\n", 400, line},
		{"\r\nGET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, line},
		{"G\x80T http://a.x/ HTTP/1.1\r\nHost: a.x\r\n\r\n", 400, line},
		{"GET http://a.x/\x80 HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "the target has a byte that no URL has"},
		{"GET http://a.x/\tb HTTP/1.1\r\nHost: a.x\r\n\r\n", 400,
		 "the target has a byte that no URL has"},
		{"GET http://a.x/ HTTP/1.1\nHost: a.x\n\n", 400,
		 "a line does not end with CR LF"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\n\r\n", 400,
		 "a line does not end with CR LF"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\nA: b\rC: d\r\n\r\n", 400,
		 "a header line has a control character"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n folded\r\n\r\n", 400,
		 "a header line is not NAME: VALUE"},
		{"GET http://a.x/ HTTP/1.1\r\nHost : a.x\r\n\r\n", 400,
		 "a header line is not NAME: VALUE"},
		{"GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n: b\r\n\r\n", 400,
		 "a header line is not NAME: VALUE"},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: 1\r\n"
		 "Content-Length: 1\r\n\r\n",
		 400, twice},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: 1\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 400, twice},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length: +1\r\n\r\n",
		 400, "Content-Length is no number"},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\nContent-Length:\r\n\r\n", 400,
		 "Content-Length is no number"},
		{"POST http://a.x/ HTTP/1.1\r\nHost: a.x\r\n"
		 "Transfer-Encoding: gzip, chunked\r\n\r\n",
		 501, "a Transfer-Encoding other than \"chunked\""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct egress_request r;
		const char *why = NULL;
		int status = egress_request_parse(rows[i].text, strlen(rows[i].text), &r,
						  &why);

		if (status != rows[i].status || strcmp(why, rows[i].why) != 0)
			test_fail(__FILE__, __LINE__, "%s: want %d \"%s\", got %d \"%s\"",
				  rows[i].text, rows[i].status, rows[i].why, status, why);
		CHECK(!r.head);
	}
}

TEST(launch_egress_request_limits)
{
	static char text[EGRESS_HEAD_MAX + 100];
	static const char first[] = "GET http://a.x/ HTTP/1.1\r\nHost: a.x\r\n";
	struct egress_request r;
	const char *why;
	size_t n = sizeof first - 1;

	memcpy(text, first, n);
	for (int i = 1; i < HTTP_HEADERS_MAX; i++, n += 6)
		memcpy(text + n, "a: b\r\n", 6);
	memcpy(text + n, "\r\n", 2);
	EQ_INT(0, egress_request_parse(text, n + 2, &r, &why));
	free(r.head);
	memcpy(text + n, "c: d\r\n\r\n", 8);
	EQ_INT(400, egress_request_parse(text, n + 8, &r, &why));
	EQ_STR("there are too many header lines", why);
	EQ_INT(0, http_head_end("GET", 3));
	EQ_INT(0, http_head_end("GET / HTTP/1.1\r\n", 16));
	EQ_INT(0, http_head_end("GET / HTTP/1.1\r\n\r", 17));
	EQ_INT(18, http_head_end("GET / HTTP/1.1\r\n\r\nmore", 22));
	EQ_INT(16, http_head_end("GET / HTTP/1.1\n\nmore", 20));
}
