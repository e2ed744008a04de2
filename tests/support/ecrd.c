/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for what a client of Amazon ECR talks to before the registry:
 * GetAuthorizationToken (private and public), IMDSv2, the container endpoint.
 * Signatures are checked as AWS documents SigV4, from the bytes that came.
 *
 *	ecrd key=ID:SECRET[:SESSION] region=R token=USER:PASSWORD [OPTION…]
 *
 *	service=S		that the signature must be for (ecr; ecr-public)
 *	lifetime=SECONDS	of the tokens (43200)
 *	role=NAME		IMDSv2 and /creds give the key as this role's
 *	bearer=TOKEN		what /creds wants as Authorization
 *	skew=SECONDS		its clock is ahead
 *	tls=CERT,KEY
 *
 * "listening PORT" is the first line on stdout; each request adds
 * "STATUS METHOD TARGET: WHY".
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "serve.h"

enum { MAX_BODY = 64 * 1024, MAX_SKEW = 900 };

static const char SESSION[] = "imds-session-token";

struct ecr {
	char *id, *secret, *session;
	const char *region, *service, *token, *role, *bearer;
	long lifetime, skew;
	struct server server;
};

/* What it thinks the time is. */
static char *
date_field(long skew)
{
	time_t now = time(NULL) + skew;
	char text[64];
	struct tm tm;

	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	return encl_xasprintf("Date: %s\r\n", text);
}

static void
reply(const struct ecr *s, struct request *q, long status, const char *why,
      json_t *own_body)
{
	encl_auto(encl_free) char *date = date_field(s->skew);
	encl_auto(encl_free) char *fields =
		encl_xasprintf("Content-Type: application/x-amz-json-1.1\r\n%s", date);
	encl_auto(json_decref) json_t *body = own_body;
	encl_auto(encl_free) char *text = encl_json_compact(body);
	encl_auto(encl_free) char *line =
		encl_xasprintf("%ld %s", status, serve_reason(status));

	serve_reply(q, line, fields, text, strlen(text));
	printf("%ld %s %s: %s\n", status, q->method, q->target, why);
}

static void
refuse(const struct ecr *s, struct request *q, const char *type, const char *why)
{
	reply(s, q, 400, why, json_pack("{s:s,s:s}", "__type", type, "message", why));
}

/* ---- SigV4 ---- */

struct signature {
	char *credential, *signed_headers, *signature; /* of Authorization */
	char *scope; /* DATE/REGION/SERVICE/aws4_request */
};

static void
signature_clear(struct signature *s)
{
	free(s->credential);
	free(s->signed_headers);
	free(s->signature);
	free(s->scope);
}
ENCL_AUTO_VAL(struct signature, signature_clear);

static char *
parameter(const char *header, const char *name)
{
	const char *at = strstr(header, name);

	return at ? encl_xstrndup(at + strlen(name), strcspn(at + strlen(name), ", "))
		  : NULL;
}

static bool
read_signature(const struct request *q, struct signature *s)
{
	encl_auto(encl_free) char *header = serve_header(q->head, "Authorization");
	char *slash;

	if (!header || strncmp(header, "AWS4-HMAC-SHA256 ", 17) != 0)
		return false;
	s->credential = parameter(header, "Credential=");
	s->signed_headers = parameter(header, "SignedHeaders=");
	s->signature = parameter(header, "Signature=");
	slash = s->credential ? strchr(s->credential, '/') : NULL;
	if (!slash || !s->signed_headers || !s->signature)
		return false;
	*slash = 0;
	s->scope = encl_xstrdup(slash + 1);
	return true;
}

static void
add_hash(struct encl_buf *b, const void *p, size_t n)
{
	char text[ENCL_DIGEST_TEXT];
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, p, n, &d);
	encl_digest_format(&d, text);
	encl_buf_add_str(b, text + 7);
}

/* "name:value\n" of each signed header; false: one of them is not there. */
static bool
add_headers(struct encl_buf *b, const struct request *q, const char *names)
{
	encl_auto(encl_free) char *list = encl_xstrdup(names);
	const char *last = "";
	char *save = NULL;

	for (char *n = strtok_r(list, ";", &save); n; n = strtok_r(NULL, ";", &save)) {
		encl_auto(encl_free) char *value = serve_header(q->head, n);
		size_t len = value ? strlen(value) : 0;

		if (!value || strcmp(last, n) >= 0)
			return false;
		last = n;
		while (len && strchr(" \t", value[len - 1]))
			len--;
		encl_buf_add_fmt(b, "%s:", n);
		for (size_t i = 0; i < len; i++)
			if (value[i] != ' ' || value[i + 1] != ' ')
				encl_buf_add_byte(b, (uint8_t)value[i]);
		encl_buf_add_str(b, "\n");
	}
	return true;
}

/* host, and every x-amz-* header that there is, has to be signed. */
static bool
signs_enough(const struct request *q, const char *names)
{
	encl_auto(encl_free) char *list = encl_xasprintf(";%s;", names);

	if (!strstr(list, ";host;") || !strstr(list, ";x-amz-date;"))
		return false;
	for (const char *p = strstr(q->head, "\r\n") + 2; *p; p = strstr(p, "\r\n") + 2) {
		encl_auto(encl_free) char *name = NULL;

		if (strncasecmp(p, "x-amz-", 6) != 0)
			continue;
		name = encl_xasprintf(";%.*s;", (int)strcspn(p, ":"), p);
		if (!strcasestr(list, name))
			return false;
	}
	return true;
}

static void
hmac(unsigned char key[32], size_t n, const char *text, unsigned char out[32])
{
	unsigned len = 32;
	unsigned char sum[32];

	HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text, strlen(text), sum,
	     &len);
	memcpy(out, sum, 32);
}

static char *
compute(const struct ecr *s, const char *scope, const char *text)
{
	encl_auto(encl_free) char *start = encl_xasprintf("AWS4%s", s->secret);
	encl_auto(encl_free) char *parts = encl_xstrdup(scope);
	size_t n = strlen(start);
	unsigned char *key = encl_xcalloc(1, n + 32);
	char *save = NULL;
	struct encl_buf hex;

	memcpy(key, start, n);
	for (char *p = strtok_r(parts, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		hmac(key, n, p, key);
		n = 32;
	}
	hmac(key, n, text, key);
	encl_buf_init(&hex, 128);
	for (size_t i = 0; i < 32; i++)
		encl_buf_add_fmt(&hex, "%02x", key[i]);
	free(key);
	return (char *)encl_buf_steal(&hex, NULL);
}

/* NULL, or the exception's type; *why says more. */
static const char *
check(const struct ecr *s, const struct request *q, const char *body, const char **why)
{
	encl_auto(signature_clear) struct signature given = {0};
	encl_auto(encl_free) char *date = serve_header(q->head, "X-Amz-Date");
	encl_auto(encl_free) char *session =
		serve_header(q->head, "X-Amz-Security-Token");
	encl_auto(encl_free) char *scope = NULL;
	encl_auto(encl_free) char *want = NULL;
	encl_auto(encl_buf_clear) struct encl_buf canonical = {0};
	encl_auto(encl_buf_clear) struct encl_buf text = {0};
	struct tm tm = {0};

	*why = "Request is missing Authentication Token";
	if (!read_signature(q, &given))
		return "MissingAuthenticationTokenException";
	*why = "no X-Amz-Date";
	if (!date || strlen(date) != 16 || !strptime(date, "%Y%m%dT%H%M%SZ", &tm))
		return "IncompleteSignatureException";
	*why = "The security token included in the request is invalid.";
	if (strcmp(given.credential, s->id) != 0 ||
	    strcmp(session ? session : "", s->session ? s->session : "") != 0)
		return "UnrecognizedClientException";
	*why = "Credential should be scoped to a valid region and service";
	scope = encl_xasprintf("%.8s/%s/%s/aws4_request", date, s->region, s->service);
	if (strcmp(scope, given.scope) != 0)
		return "InvalidSignatureException";
	*why = "There were headers present in the request which were not signed";
	if (!signs_enough(q, given.signed_headers))
		return "InvalidSignatureException";
	encl_buf_init(&canonical, MAX_BODY);
	encl_buf_add_fmt(&canonical, "%s\n%s\n\n", q->method, q->target);
	*why = "SignedHeaders are not those of the request, sorted";
	if (!add_headers(&canonical, q, given.signed_headers))
		return "InvalidSignatureException";
	encl_buf_add_fmt(&canonical, "\n%s\n", given.signed_headers);
	add_hash(&canonical, body, strlen(body));
	encl_buf_init(&text, MAX_BODY);
	encl_buf_add_fmt(&text, "AWS4-HMAC-SHA256\n%s\n%s\n", date, given.scope);
	add_hash(&text, canonical.data, canonical.len);
	want = compute(s, given.scope, encl_buf_text(&text));
	*why = "The request signature we calculated does not match the signature you "
	       "provided.";
	if (strcmp(want, given.signature) != 0)
		return "InvalidSignatureException";
	*why = "Signature expired or not yet current";
	if (labs((long)(timegm(&tm) - time(NULL)) - s->skew) > MAX_SKEW)
		return "InvalidSignatureException";
	return NULL;
}

/* ---- what is asked ---- */

static void
give_token(const struct ecr *s, struct request *q)
{
	encl_auto(encl_free) char *target = serve_header(q->head, "X-Amz-Target");
	encl_auto(encl_free) char *type = serve_header(q->head, "Content-Type");
	encl_auto(encl_free) char *body = serve_body_text(q, MAX_BODY);
	encl_auto(encl_free) char *token = encl_xcalloc(1, 2 * strlen(s->token) + 8);
	bool public = !strcmp(s->service, "ecr-public");
	const char *want = public ? "SpencerFrontendService.GetAuthorizationToken"
				  : "AmazonEC2ContainerRegistry_V20150921."
				    "GetAuthorizationToken";
	const char *why, *refused = check(s, q, body, &why);
	json_t *data;

	if (refused) {
		refuse(s, q, refused, why);
		return;
	}
	if (!target || strcmp(target, want) != 0 || !type ||
	    strcmp(type, "application/x-amz-json-1.1") != 0) {
		refuse(s, q, "UnknownOperationException", "no such operation");
		return;
	}
	EVP_EncodeBlock((unsigned char *)token, (const unsigned char *)s->token,
			(int)strlen(s->token));
	data = json_pack("{s:s,s:f,s:s}", "authorizationToken", token, "expiresAt",
			 (double)(time(NULL) + s->lifetime) + 0.25, "proxyEndpoint",
			 "https://registry.invalid");
	reply(s, q, 200, "token",
	      public ? json_pack("{s:o}", "authorizationData", data)
		     : json_pack("{s:[o]}", "authorizationData", data));
}

static json_t *
role_key(const struct ecr *s)
{
	char until[32];
	time_t then = time(NULL) + 3600;
	struct tm tm;

	strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&then, &tm));
	return json_pack("{s:s,s:s,s:s,s:s*,s:s}", "Code", "Success", "AccessKeyId",
			 s->id, "SecretAccessKey", s->secret, "Token", s->session,
			 "Expiration", until);
}

static void
say(struct request *q, const char *status, const char *text)
{
	serve_reply(q, status, "Content-Type: text/plain\r\n", text, strlen(text));
	printf("%.3s %s %s: imds\n", status, q->method, q->target);
}

static void
imds(const struct ecr *s, struct request *q)
{
	static const char path[] = "/latest/meta-data/iam/security-credentials/";
	encl_auto(encl_free) char *ttl =
		serve_header(q->head, "X-aws-ec2-metadata-token-ttl-seconds");
	encl_auto(encl_free) char *token =
		serve_header(q->head, "X-aws-ec2-metadata-token");

	if (!strcmp(q->target, "/latest/api/token")) {
		bool good = !strcmp(q->method, "PUT") && ttl && strtol(ttl, NULL, 10) > 0;

		say(q, good ? "200 OK" : "400 Bad Request", good ? SESSION : "");
	} else if (!token || strcmp(token, SESSION) != 0) {
		say(q, "401 Unauthorized", "");
	} else if (!s->role || strncmp(q->target, path, strlen(path)) != 0) {
		say(q, "404 Not Found", "");
	} else if (!strcmp(q->target, path)) {
		say(q, "200 OK", s->role);
	} else if (!strcmp(q->target + strlen(path), s->role)) {
		reply(s, q, 200, "imds", role_key(s));
	} else {
		say(q, "404 Not Found", "");
	}
}

static void
answer(void *arg, struct request *q)
{
	const struct ecr *s = arg;
	encl_auto(encl_free) char *auth = serve_header(q->head, "Authorization");

	if (!strncmp(q->target, "/latest/", 8))
		imds(s, q);
	else if (!strncmp(q->target, "/creds", 6) && s->role &&
		 (!s->bearer || (auth && !strcmp(auth, s->bearer))))
		reply(s, q, 200, "container endpoint", role_key(s));
	else if (!strcmp(q->method, "POST") && !strcmp(q->target, "/"))
		give_token(s, q);
	else
		say(q, "404 Not Found", "");
}

static bool
read_option(struct ecr *s, char *text)
{
	char *value = strchr(text, '=');

	if (!value)
		return false;
	*value++ = 0;
	if (!strcmp(text, "key")) {
		s->id = strtok_r(value, ":", &value);
		s->secret = strtok_r(NULL, ":", &value);
		s->session = strtok_r(NULL, "", &value);
		return s->secret;
	}
	if (!strcmp(text, "tls") && strchr(value, ',')) {
		s->server.cert = strtok_r(value, ",", &value);
		s->server.key = value;
		return true;
	}
	if (!strcmp(text, "lifetime"))
		s->lifetime = strtol(value, NULL, 10);
	else if (!strcmp(text, "skew"))
		s->skew = strtol(value, NULL, 10);
	else if (!strcmp(text, "region"))
		s->region = value;
	else if (!strcmp(text, "service"))
		s->service = value;
	else if (!strcmp(text, "token"))
		s->token = value;
	else if (!strcmp(text, "role"))
		s->role = value;
	else if (!strcmp(text, "bearer"))
		s->bearer = value;
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct ecr s = {
		.service = "ecr", .lifetime = 43200, .server = {.answer = answer}};

	s.server.arg = &s;
	for (int i = 1; i < argc; i++)
		if (!read_option(&s, argv[i])) {
			fprintf(stderr, "ecrd: not an option: %s\n", argv[i]);
			return 2;
		}
	if (!s.id || !s.region || !s.token) {
		fprintf(stderr, "ecrd: key, region and token are wanted\n");
		return 2;
	}
	serve(&s.server);
}
