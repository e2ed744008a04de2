/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/ecr.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "registry/ecr_token.h"
#include "test.h"

static const struct {
	const char *host, *account, *region, *api; /* account NULL: none of ECR's */
} hosts[] = {
	{"123456789012.dkr.ecr.eu-central-1.amazonaws.com", "123456789012",
	 "eu-central-1", "https://api.ecr.eu-central-1.amazonaws.com"},
	{"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "123456789012",
	 "us-gov-west-1", "https://api.ecr-fips.us-gov-west-1.amazonaws.com"},
	{"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "123456789012", "cn-north-1",
	 "https://api.ecr.cn-north-1.amazonaws.com.cn"},
	{"123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu", "123456789012",
	 "eusc-de-east-1", "https://api.ecr.eusc-de-east-1.amazonaws.eu"},
	{"123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "123456789012",
	 "us-isob-east-1", "https://api.ecr.us-isob-east-1.sc2s.sgov.gov"},
	{"123456789012.dkr-ecr.us-east-1.on.aws", "123456789012", "us-east-1",
	 "https://ecr.us-east-1.api.aws"},
	{"123456789012.dkr-ecr-fips.us-east-1.on.aws", "123456789012", "us-east-1",
	 "https://ecr-fips.us-east-1.api.aws"},
	{"public.ecr.aws", "public", "us-east-1",
	 "https://api.ecr-public.us-east-1.amazonaws.com"},
	{"ecr-public.aws.com", "public", "us-east-1",
	 "https://api.ecr-public.us-east-1.amazonaws.com"},
	{.host = "docker.io"},
	{.host = "12345678901.dkr.ecr.eu-central-1.amazonaws.com"},
	{.host = "1234567890123.dkr.ecr.eu-central-1.amazonaws.com"},
	{.host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example"},
	{.host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com:443"},
	{.host = "123456789012.dkr.ecr.evil.example/.amazonaws.com"},
	{.host = "123456789012.dkr.ecr.a.b.amazonaws.com"},
	{.host = "123456789012.dkr.ecr..amazonaws.com"},
	{.host = "123456789012.dkr.ecr.amazonaws.com"},
	{.host = "123456789012.dkr.ecr.EU-central-1.amazonaws.com"},
	{.host = "123456789012.dkr.ecr.us-east-1.on.aws"},
	{.host = "123456789012.dkr-ecr.us-east-1.amazonaws.com"},
	{.host = "123456789012.dkr.ecr-fips"},
	{.host = "x.public.ecr.aws"},
	{.host = ""},
};

TEST(registry_ecr_hosts)
{
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct encl_ecr_host h;

		if (encl_ecr_is(hosts[i].host) != (hosts[i].account != NULL))
			test_fail(__FILE__, __LINE__, "%s", hosts[i].host);
		if (!hosts[i].account)
			continue;
		CHECK(encl_ecr_host_parse(hosts[i].host, &h));
		EQ_STR(hosts[i].account, h.account);
		EQ_STR(hosts[i].region, h.region);
		EQ_STR(hosts[i].api, h.api);
	}
}

TEST(registry_ecr_answers)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_free) char *soon = encl_xasprintf(
		"{\"authorizationData\": [{\"authorizationToken\": \"QVdTOnB3OnE=\","
		" \"expiresAt\": %llu.25}]}",
		(unsigned long long)encl_now() + 600);
	static const char public[] =
		"{\"authorizationData\": {\"authorizationToken\": \"QVdTOnB3\","
		" \"expiresAt\": 9e12}}";
	uint64_t expires;

	OK(encl_ecr_answer(soon, strlen(soon), &c, &expires, &e));
	EQ_STR("AWS", c.user);
	EQ_STR("pw:q", c.password);
	CHECK(expires >= encl_now() + 590 && expires <= encl_now() + 600);
	encl_credentials_clear(&c);
	OK(encl_ecr_answer(public, strlen(public), &c, &expires, &e));
	EQ_STR("pw", c.password);
	CHECK(expires <= encl_now() + 12 * 3600);
}

static const struct {
	const char *text, *message;
	int code;
} bad_answers[] = {
	{"{}", "answer: \"authorizationToken\" is missing or not a string", ENCL_FAILED},
	{"[]", "answer: \"authorizationToken\" is missing or not a string", ENCL_FAILED},
	{"{\"authorizationData\": []}",
	 "answer: \"authorizationToken\" is missing or not a string", ENCL_FAILED},
	{"{\"authorizationData\": [{\"authorizationToken\": \"QVdTOnB3\"}]}",
	 "answer: \"expiresAt\" is missing or not a time", ENCL_FAILED},
	{"{\"authorizationData\": [{\"authorizationToken\": \"geheim==\","
	 " \"expiresAt\": 1}]}",
	 "\"authorizationToken\" is not base64 of USER:PASSWORD", ENCL_NETWORK},
	{"{\"authorizationData\": [{\"authorizationToken\": \"QVdTOg==\","
	 " \"expiresAt\": 1}]}",
	 "\"authorizationToken\" is not base64 of USER:PASSWORD", ENCL_NETWORK},
	{"<html>geheim</html>", "answer:1:1: not valid JSON: '[' or '{' expected",
	 ENCL_FAILED},
};

TEST(registry_ecr_bad_answers)
{
	for (size_t i = 0; i < sizeof bad_answers / sizeof *bad_answers; i++) {
		encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
		uint64_t expires;

		FAILS(encl_ecr_answer(bad_answers[i].text, strlen(bad_answers[i].text),
				      &c, &expires, &e),
		      bad_answers[i].code, bad_answers[i].message);
		CHECK(!c.user && !c.password);
	}
}

static const struct {
	const char *body;
	long status;
	int64_t skew;
	const char *want;
} errors[] = {
	{"{\"__type\":\"com.amazonaws.ecr#AccessDeniedException\",\"Message\":"
	 "\"User: arn:aws:iam::1:user/x is not authorized.\"}",
	 400, 0,
	 ": AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized (the "
	 "test lacks the right to GetAuthorizationToken)"},
	{"{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: "
	 "20260101T000000Z is now earlier than 20260101T001000Z\"}",
	 400, 900,
	 ": InvalidSignatureException: Signature expired: 20260101T000000Z is now earlier "
	 "than 20260101T001000Z (this machine's clock is 900 s behind; set it right)"},
	{"{\"__type\":\"InvalidSignatureException\",\"message\":\"no\\u001b[0m\"}", 400,
	 -301,
	 ": InvalidSignatureException: no?[0m (this machine's clock is 301 s ahead; set "
	 "it right)"},
	{"{\"__type\":\"InvalidSignatureException\",\"message\":\"The request signature "
	 "we calculated does not match. The Canonical String for this request should "
	 "have been\\n'POST\\n\\nx-amz-security-token:SESSION'\"}",
	 403, 3,
	 ": InvalidSignatureException: The request signature we calculated does not match "
	 "(the secret key of the test is not the key id's)"},
	{"{\"__type\":\"X\",\"message\":\"SESSION and SECRET\"}", 400, 0, ": X"},
	{"{\"__type\":\"ExpiredTokenException\",\"message\":\"m\"}", 400, 0,
	 ": ExpiredTokenException: m (what the test gives has expired)"},
	{"{\"__type\":\"UnrecognizedClientException\"}", 400, 0,
	 ": UnrecognizedClientException (the key id or session token of the test is not "
	 "known to AWS)"},
	{"<html>", 503, 0, " (the server is in trouble; try again later)"},
	{"{\"__type\":7,\"message\":[]}", 400, 0, ""},
};

TEST(registry_ecr_errors)
{
	char key[] = "AKID", secret[] = "SECRET", session[] = "SESSION",
	     from[] = "the test";
	struct encl_aws_identity i = {key, secret, session, from};

	for (size_t n = 0; n < sizeof errors / sizeof *errors; n++) {
		encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {
			.status = errors[n].status, .skew_s = errors[n].skew};
		encl_auto(encl_free) char *got = NULL;

		encl_buf_init(&r.body, 4096);
		encl_buf_add_str(&r.body, errors[n].body);
		got = encl_ecr_explain(&r, &i);
		EQ_STR(errors[n].want, got);
	}
}

static void
put_token(const char *path, uint64_t expires, mode_t mode)
{
	encl_auto(encl_free) char *text = encl_xasprintf(
		"{\"user\": \"AWS\", \"password\": \"pw\", \"expires\": %llu}",
		(unsigned long long)expires);

	OK(encl_write_file(path, text, strlen(text), mode, &e));
}

static bool
loads(const char *path)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	bool there = encl_ecr_token_load(path, &c);

	CHECK(there == (c.password != NULL));
	if (there)
		EQ_STR("pw", c.password);
	return there;
}

TEST(registry_ecr_tokens)
{
	char user[] = "AWS", password[] = "pw";
	struct encl_credentials c = {.user = user, .password = password};
	struct encl_ecr_host h;
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *other = NULL;
	uint64_t now = encl_now();
	struct stat st;
	bool any;

	CHECK(encl_ecr_host_parse(hosts[0].host, &h));
	path = encl_ecr_token_path(test_dir(), &h, "AKID", h.api);
	other = encl_ecr_token_path(test_dir(), &h, "AKIE", h.api);
	EQ_STR(test_path("ecr/123456789012.eu-central-1.6f1dba2c659e69ff.json"), path);
	CHECK(strcmp(path, other) != 0);
	CHECK(!loads(path));
	OK(encl_ecr_token_save(path, &c, now + 3600, &e));
	OK(stat(path, &st));
	EQ_INT(0600, st.st_mode & 07777);
	OK(stat(test_path("ecr"), &st));
	EQ_INT(0700, st.st_mode & 07777);
	CHECK(loads(path));
	CHECK(!loads(other));
	put_token(path, now + 290, 0600);
	CHECK(!loads(path));
	put_token(path, now + 320, 0600);
	CHECK(loads(path));
	put_token(path, now + 13 * 3600, 0600);
	CHECK(!loads(path));
	put_token(path, now + 3600, 0640);
	CHECK(!loads(path));
	put_token(path, now + 3600, 0600);
	OK(symlink(path, other));
	CHECK(!loads(other));
	OK(encl_write_file(path, "{}", 2, 0600, &e));
	CHECK(!loads(path));
	OK(encl_ecr_forget(test_dir(), "public.ecr.aws", &any, &e));
	CHECK(!any);
	OK(encl_ecr_forget(test_dir(), hosts[0].host, &any, &e));
	CHECK(any);
	CHECK(access(path, F_OK) && access(other, F_OK));
}
