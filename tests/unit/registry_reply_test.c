/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of replies, addresses, token servers' answers, text of servers. */
#include "registry/reply.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "registry/internal.h"
#include "registry/tokens.h"
#include "test.h"

TEST(registry_reply_content_range)
{
	static const char *const bad[] = {
		"",
		"bytes",
		"bytes 0-9",
		"bytes 0-9/",
		"bytes 0-9/*",
		"bytes */10",
		"bytes 9-0/10",
		"bytes 0-10/10",
		"0-9/10",
		"bytes=0-9/10",
		"bytes -1-9/10",
		"bytes 0-9/10 ",
		"bytes 00-9/10",
		"bytes 0-9/99999999999999999999",
		"bites 0-9/10",
		"bytes 0-9/10, 11-12/13",
	};
	uint64_t a = 1;
	uint64_t b = 1;
	uint64_t n = 1;

	CHECK(encl_content_range("bytes 0-9/10", &a, &b, &n));
	CHECK(a == 0 && b == 9 && n == 10);
	CHECK(encl_content_range("Bytes  5-5/9223372036854775807", &a, &b, &n));
	CHECK(a == 5 && b == 5 && n == INT64_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!encl_content_range(bad[i], &a, &b, &n));
	CHECK(a == 5 && b == 5 && n == INT64_MAX);
}

TEST(registry_reply_link)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"</v2/a?n=1&last=b>; rel=\"next\"", "/v2/a?n=1&last=b"},
		{"</x>; rel=next", "/x"},
		{"</x>;rel = \"prev next\"", "/x"},
		{"</p>; rel=\"prev\", </n>; rel=\"NEXT\"", "/n"},
		{"</p>; title=\"a, b; rel=next\"; rel=prev, </n>; rel=next", "/n"},
		{"</x>; rel=nextone", NULL},
		{"</x>", NULL},
		{"/x; rel=next", NULL},
		{"</x; rel=next", NULL},
		{"", NULL},
		{"</a>; rel=\"next", "/a"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(encl_free) char *got = encl_link_next(cases[i].value);

		if (cases[i].want)
			EQ_STR(cases[i].want, got);
		else
			CHECK(!got);
	}
}

TEST(registry_reply_warning)
{
	encl_auto(encl_free) char *text =
		encl_warning_text("299 - \"it \\\"ends\\\" soon\" \"date\"");
	encl_auto(encl_free) char *agent = encl_warning_text("299 r.io:443 \"x\"");

	EQ_STR("it \"ends\" soon", text);
	EQ_STR("x", agent);
	CHECK(!encl_warning_text("199 - \"x\""));
	CHECK(!encl_warning_text("299 - x"));
	CHECK(!encl_warning_text("299 "));
	CHECK(!encl_warning_text(""));
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(registry_reply_fields)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply r = {0};
	const char *url = "https://r.io/v2/a/blobs/uploads/";

	encl_reply_restart(&r);
	CHECK(r.length == UINT64_MAX);
	encl_reply_field(&r, url, "content-type", "Application/JSON; charset=utf-8");
	encl_reply_field(&r, url, "Content-Length", "17");
	encl_reply_field(&r, url, "Location", "/v2/a/blobs/uploads/1?_state=x");
	encl_reply_field(&r, url, "Docker-Content-Digest", "sha256:" HEX64);
	encl_reply_field(&r, url, "OCI-Subject", "sha256:" HEX64);
	encl_reply_field(&r, url, "OCI-Filters-Applied", "artifactType");
	encl_reply_field(&r, url, "ETag", "\"e\"");
	encl_reply_field(&r, url, "Content-Range", "bytes 1-2/3");
	encl_reply_field(&r, url, "Link", "<?n=2>; rel=\"next\"");
	EQ_STR("application/json", r.content_type);
	CHECK(r.length == 17);
	EQ_STR("https://r.io/v2/a/blobs/uploads/1?_state=x", r.location);
	EQ_STR("sha256:" HEX64, r.digest);
	EQ_STR("sha256:" HEX64, r.subject);
	EQ_STR("artifactType", r.filters);
	EQ_STR("\"e\"", r.etag);
	EQ_STR("https://r.io/v2/a/blobs/uploads/?n=2", r.next);
	CHECK(r.has_range && r.first == 1 && r.last == 2 && r.total == 3);

	encl_reply_restart(&r);
	encl_reply_field(&r, url, "Content-Length", "-1");
	encl_reply_field(&r, url, "Docker-Content-Digest", "sha256:12");
	encl_reply_field(&r, url, "OCI-Subject", "nothing");
	encl_reply_field(&r, url, "ETag", "a\tb");
	encl_reply_field(&r, url, "Content-Range", "bytes 2-1/3");
	encl_reply_field(&r, url, "X-Other", "x");
	CHECK(r.length == UINT64_MAX && !r.digest && !r.subject && !r.etag &&
	      !r.has_range && !r.location);
}

TEST(registry_address_resolve)
{
	static const struct {
		const char *base, *location, *want;
	} cases[] = {
		{"https://r.io/v2/a/blobs/uploads/", "/v2/x?s=1",
		 "https://r.io/v2/x?s=1"},
		{"https://r.io:5000/v2/a/", "b?s=1#part", "https://r.io:5000/v2/a/b?s=1"},
		{"https://r.io/v2/", "//cdn.io/x", "https://cdn.io/x"},
		{"https://r.io:443/v2/", "https://r.io/x", "https://r.io:443/x"},
		{"https://r.io:443/v2/", "https://s3.io/x", "https://s3.io/x"},
		{"https://r.io/v2/", "https://r.io:8443/x", "https://r.io:8443/x"},
		{"http://r.io:80/v2/", "https://r.io/x", "https://r.io/x"},
		{"https://r.io/v2/", "http://[::1", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(encl_free) char *got =
			encl_address_resolve(cases[i].base, cases[i].location);

		if (cases[i].want)
			EQ_STR(cases[i].want, got);
		else
			CHECK(!got);
	}
}

TEST(registry_address_places)
{
	static const char *const loopback[] = {
		"127.0.0.1",	    "127.255.0.9", "::1",    "[::1]",	   "localhost",
		"LOCALHOST",	    "a.localhost", "0x7f.1", "2130706433", "localhost.",
		"::ffff:127.0.0.1",
	};
	static const char *const inside[] = {
		"10.0.0.1",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.1.1",
		"169.254.1.1",
		"0.0.0.0",
		"100.64.0.1",
		"224.0.0.1",
		"fe80::1",
		"fe80::1%25eth0",
		"fc00::1",
		"fd12::1",
		"::",
		"ff02::1",
		"::ffff:10.0.0.1",
		"255.255.255.255",
		"64:ff9b::a9fe:a9fe",
		"0xa9fea9fe",
		"10.1",
	};
	static const char *const any[] = {
		"r.io",		"8.8.8.8",	"172.32.0.1",
		"172.15.0.1",	"100.128.0.1",	"2001:db8::1",
		"localhost.io", "notlocalhost", "1.2.3.4.io",
	};

	for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++)
		EQ_INT(ENCL_PLACE_LOOPBACK, encl_place_of(loopback[i]));
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		EQ_INT(ENCL_PLACE_INSIDE, encl_place_of(inside[i]));
	for (size_t i = 0; i < sizeof any / sizeof *any; i++)
		EQ_INT(ENCL_PLACE_ANY, encl_place_of(any[i]));
}

#define INSIDE "a redirect of r.io leads to an address inside this network: "

TEST(registry_address_check)
{
	encl_auto(encl_origin_clear) struct encl_origin secure = {0};
	encl_auto(encl_origin_clear) struct encl_origin plain = {0};
	encl_auto(encl_origin_clear) struct encl_origin local = {0};

	OK(encl_origin_of("https://R.io/v2/", &secure, &e));
	OK(encl_origin_of("http://10.0.0.5:5000/v2/", &plain, &e));
	OK(encl_origin_of("http://localhost:5000/v2/", &local, &e));
	EQ_INT(443, secure.port);
	OK(encl_address_check(&secure, "https://cdn.io/x", "a redirect", &e));
	OK(encl_address_check(&plain, "http://10.0.0.5/x", "a redirect", &e));
	OK(encl_address_check(&plain, "https://cdn.io/x", "a redirect", &e));
	OK(encl_address_check(&local, "http://127.0.0.1:99/x", "a redirect", &e));
	FAILS(encl_address_check(&secure, "http://r.io/x?y", "a redirect", &e),
	      ENCL_NETWORK,
	      "a redirect of r.io leads from https to http: http://r.io/x?… (refused)");
	FAILS(encl_address_check(&secure, "https://127.0.0.1/x", "a redirect", &e),
	      ENCL_NETWORK, INSIDE "https://127.0.0.1/x (refused)");
	FAILS(encl_address_check(&secure, "https://[::ffff:a9fe:a9fe]/x", "a redirect",
				 &e),
	      ENCL_NETWORK, INSIDE "https://[::ffff:a9fe:a9fe]/x (refused)");
	FAILS(encl_address_check(&secure, "https://0xa9fea9fe/x", "a redirect", &e),
	      ENCL_NETWORK, INSIDE "https://0xa9fea9fe/x (refused)");
	EQ_INT(-1, encl_address_check(&plain, "http://10.0.0.6/x", "a redirect", &e));
	EQ_INT(-1, encl_address_check(&local, "http://10.0.0.6/x", "a redirect", &e));
	FAILS(encl_address_check(&secure, "file:///etc/passwd", "a redirect", &e),
	      ENCL_NETWORK,
	      "a redirect of r.io: \"file:///etc/passwd\" is not a http or https URL");
	FAILS(encl_address_check(&secure, "https://u:p@cdn.io/x", "a redirect", &e),
	      ENCL_NETWORK,
	      "a redirect of r.io: \"https://cdn.io/x\" is not a http or https URL");
}

TEST(registry_address_origins)
{
	static const char *const same[] = {"https://r.io/", "https://r.io:443/x?y",
					   "HTTPS://R.IO"};
	static const char *const other[] = {"http://r.io:443/", "https://r.io:444/",
					    "https://r.io.evil.io/", "https://ar.io/"};
	encl_auto(encl_origin_clear) struct encl_origin home = {0};

	OK(encl_origin_of("https://r.io/v2/", &home, &e));
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		encl_auto(encl_origin_clear) struct encl_origin o = {0};

		OK(encl_origin_of(same[i], &o, &e));
		CHECK(encl_origin_equal(&home, &o));
	}
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		encl_auto(encl_origin_clear) struct encl_origin o = {0};

		OK(encl_origin_of(other[i], &o, &e));
		CHECK(!encl_origin_equal(&home, &o));
	}
}

TEST(registry_token_answers)
{
	static const struct {
		const char *text, *token, *refresh;
		unsigned seconds;
	} good[] = {
		{"{\"token\":\"t\"}", "t", NULL, 60},
		{"{\"access_token\":\"a\",\"expires_in\":300}", "a", NULL, 300},
		{"{\"token\":\"t\",\"access_token\":\"a\",\"refresh_token\":\"r\"}", "t",
		 "r", 60},
		{"{\"token\":\"\",\"access_token\":\"a\"}", "a", NULL, 60},
		{"{\"token\":\"t\",\"expires_in\":-5}", "t", NULL, 60},
		{"{\"token\":\"t\",\"expires_in\":\"9\"}", "t", NULL, 60},
		{"{\"token\":\"t\",\"expires_in\":99999999999}", "t", NULL, 86400},
		{"{\"token\":\"t\",\"refresh_token\":\"a b\"}", "t", NULL, 60},
	};
	static const char *const none[] = {"{}", "{\"token\":5}",
					   "{\"token\":\"a\\r\\nX: y\"}",
					   "{\"token\":\"a b\"}", "{\"token\":\"\"}"};
	static const char *const broken[] = {"", "[]", "\"secret", "{\"token\":\"s"};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		encl_auto(encl_token_answer_clear) struct encl_token_answer a = {0};

		OK(encl_token_answer_parse(good[i].text, strlen(good[i].text), &a, &e));
		EQ_STR(good[i].token, a.token);
		EQ_INT(good[i].seconds, a.seconds);
		CHECK(!good[i].refresh == !a.refresh);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct encl_token_answer a = {0};

		FAILS(encl_token_answer_parse(none[i], strlen(none[i]), &a, &e),
		      ENCL_NETWORK, "the token server's answer has no token");
	}
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct encl_token_answer a = {0};

		FAILS(encl_token_answer_parse(broken[i], strlen(broken[i]), &a, &e),
		      ENCL_NETWORK, "the token server's answer is no JSON object");
	}
}

static const char *
explained(const char *method, long status, const char *body, const char *authorization,
	  int64_t skew, bool elsewhere)
{
	struct encl_registry_reply reply = {.status = status};
	struct encl_answer a = {.skew_s = skew, .elsewhere = elsewhere};
	const struct encl_request q = {.method = method,
				       .url = "https://u:p@r.io/v2/a?sig=x",
				       .authorization = authorization,
				       .reply = &reply};

	encl_buf_init(&a.trouble, 4096);
	encl_buf_add_str(&a.trouble, body);
	EQ_INT(-1, encl_explain(&q, &a, "r.io", &e));
	EQ_INT(ENCL_NETWORK, e.code);
	encl_buf_clear(&a.trouble);
	return e.msg;
}

TEST(registry_explain)
{
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 401: UNAUTHORIZED: authentication "
	       "required (run \"enclavebuild login r.io\")",
	       explained("GET", 401,
			 "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":"
			 "\"authentication required\",\"detail\":null}]}",
			 NULL, 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 401 (the credentials for r.io are "
	       "not accepted; run \"enclavebuild login r.io\")",
	       explained("GET", 401, "", "Bearer x", 20, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 403 (this machine's clock is 3600 s "
	       "behind the server's: set it)",
	       explained("GET", 403, "", "Bearer x", 3600, false));
	EQ_STR("PUT https://r.io/v2/a?…: HTTP status 403: DENIED (the credentials for "
	       "r.io do not allow this)",
	       explained("PUT", 403, "{\"errors\":[{\"code\":\"DENIED\"}]}", "Bearer x",
			 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 403 (the registry sent us there; no "
	       "credentials are sent to other hosts)",
	       explained("GET", 403, "", "Bearer x", 0, true));
	EQ_STR("PUT https://r.io/v2/a?…: HTTP status 307 (a PUT is not sent on to "
	       "another address)",
	       explained("PUT", 307, "", NULL, 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: <html> \\x1b[31m no "
	       "\\xc3\\xa9",
	       explained("GET", 400, "<html>\r\n\t\x1b[31m no \xc3\xa9 ", NULL, 0,
			 false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: invalid_scope: no",
	       explained("GET", 400,
			 "{\"error\":\"invalid_scope\",\"error_description\":\"no\"}",
			 NULL, 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 500: oops (the server is in "
	       "trouble; try again later)",
	       explained("GET", 500, "{\"message\":\"oops\"}", NULL, 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: {}",
	       explained("GET", 400, "{}", NULL, 0, false));
}

TEST(registry_explain_keeps_secrets)
{
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: (its words repeat a secret and "
	       "are left out)",
	       explained("GET", 400, "you sent Bearer t0ken", "Bearer t0ken", 0, false));
	/* alice:s3cret */
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: (its words repeat a secret and "
	       "are left out)",
	       explained("GET", 400, "{\"message\":\"alice s3cret\"}",
			 "Basic YWxpY2U6czNjcmV0", 0, false));
	EQ_STR("GET https://r.io/v2/a?…: HTTP status 400: alice",
	       explained("GET", 400, "alice", "Basic YWxpY2U6czNjcmV0", 0, false));
}

TEST(registry_printable)
{
	char longer[400];
	encl_auto(encl_free) char *cut = NULL;
	encl_auto(encl_free) char *spaces = encl_printable("  a \n\n b\0c ", 11);

	EQ_STR("a b\\x00c", spaces);
	memset(longer, 'x', sizeof longer);
	cut = encl_printable(longer, sizeof longer);
	EQ_INT(200, strlen(cut));
	EQ_STR("xx...", cut + 195);
	free(cut);
	cut = encl_printable(longer, 200);
	EQ_STR("xx", cut + 198);
	free(cut);
	memset(longer + 198, 0x1b, 4); /* the last escape goes beyond the end */
	cut = encl_printable(longer, 199);
	EQ_INT(200, strlen(cut));
	EQ_STR("x...", cut + 196);
	free(cut);
	memset(longer, 0x1b, sizeof longer);
	cut = encl_printable(longer, sizeof longer);
	EQ_INT(200, strlen(cut));
}
