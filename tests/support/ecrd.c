/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for what a client of Amazon ECR talks to before the registry:
 * GetAuthorizationToken (private and public), IMDSv2, the container endpoint.
 * Signatures are checked (serve/aws.c).
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aws.h"
#include "base/alloc.h"
#include "base/json.h"
#include "serve.h"

enum { MAX_BODY = 64 * 1024 };

static const char SESSION[] = "imds-session-token";

struct ecr {
	struct aws_caller caller;
	const char *token, *role, *bearer;
	long lifetime;
	struct server server;
};

static void
reply(const struct ecr *s, struct request *q, long status, const char *why,
      json_t *own_body)
{
	serve_aws_reply(&s->caller, q, status, why, own_body);
}

/* ---- what is asked ---- */

static void
give_token(const struct ecr *s, struct request *q)
{
	encl_auto(encl_free) char *target = serve_header(q->head, "X-Amz-Target");
	encl_auto(encl_free) char *type = serve_header(q->head, "Content-Type");
	encl_auto(encl_free) char *body = serve_body_text(q, MAX_BODY);
	encl_auto(encl_free) char *token = encl_xcalloc(1, 2 * strlen(s->token) + 8);
	bool public = !strcmp(s->caller.service, "ecr-public");
	const char *want = public ? "SpencerFrontendService.GetAuthorizationToken"
				  : "AmazonEC2ContainerRegistry_V20150921."
				    "GetAuthorizationToken";
	const char *why, *refused = serve_aws_check(&s->caller, q, body, &why);
	json_t *data;

	if (refused) {
		serve_aws_refuse(&s->caller, q, refused, why);
		return;
	}
	if (!target || strcmp(target, want) != 0 || !type ||
	    strcmp(type, "application/x-amz-json-1.1") != 0) {
		serve_aws_refuse(&s->caller, q, "UnknownOperationException",
				 "no such operation");
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
			 s->caller.id, "SecretAccessKey", s->caller.secret, "Token",
			 s->caller.session, "Expiration", until);
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
		return serve_aws_key(&s->caller, value);
	}
	if (!strcmp(text, "tls") && strchr(value, ',')) {
		s->server.cert = strtok_r(value, ",", &value);
		s->server.key = value;
		return true;
	}
	if (!strcmp(text, "lifetime"))
		s->lifetime = strtol(value, NULL, 10);
	else if (!strcmp(text, "skew"))
		s->caller.skew = strtol(value, NULL, 10);
	else if (!strcmp(text, "region"))
		s->caller.region = value;
	else if (!strcmp(text, "service"))
		s->caller.service = value;
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
	static struct ecr s = {.caller = {.service = "ecr"},
			       .lifetime = 43200,
			       .server = {.answer = answer}};

	s.server.arg = &s;
	for (int i = 1; i < argc; i++)
		if (!read_option(&s, argv[i])) {
			fprintf(stderr, "ecrd: not an option: %s\n", argv[i]);
			return 2;
		}
	if (!s.caller.id || !s.caller.region || !s.token) {
		fprintf(stderr, "ecrd: key, region and token are wanted\n");
		return 2;
	}
	serve(&s.server);
}
