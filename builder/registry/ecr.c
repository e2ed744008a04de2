/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetAuthorizationToken (AWS JSON 1.1): a password for twelve hours, signed for
 * with the caller's identity.  ECR Public's answer has an object where the
 * private one's has an array.
 */
#include "registry/ecr.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "registry/ecr_token.h"

enum { MAX_TOKEN = 64 * 1024, LIFE_S = 12 * 3600 };

bool
encl_ecr_is(const char *host)
{
	return encl_ecr_host_parse(host, NULL);
}

bool
encl_ecr_expired(const struct encl_credentials *c)
{
	size_t n = c->password ? strlen(c->password) : 0;
	encl_auto(encl_secret_buf_clear) struct encl_buf plain = {.data = NULL};
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	struct encl_err ignored = {.code = ENCL_OK};
	json_int_t end;

	if (!n || n % 4 || n > MAX_TOKEN || !c->user || strcmp(c->user, "AWS") != 0)
		return false;
	encl_secret_buf_init(&plain, n);
	if (EVP_DecodeBlock(plain.data, (const uint8_t *)c->password, (int)n) <= 0 ||
	    encl_secret_json_parse((const char *)plain.data,
				   strlen((const char *)plain.data), "token", &doc,
				   &ignored))
		return false;
	end = json_integer_value(json_object_get(doc, "expiration"));
	return end > 0 && (uint64_t)end <= encl_now();
}

/* base64 of USER:PASSWORD. */
static int
take_token(const char *token, struct encl_credentials *out, struct encl_err *e)
{
	size_t n = strlen(token);
	encl_auto(encl_secret_buf_clear) struct encl_buf plain;
	char *colon;
	int size;

	encl_secret_buf_init(&plain, n);
	size = n % 4 || n > MAX_TOKEN
		       ? -1
		       : EVP_DecodeBlock(plain.data, (const uint8_t *)token, (int)n);
	colon = size > 0 ? strchr((char *)plain.data, ':') : NULL;
	if (!colon || colon == (char *)plain.data || !colon[1])
		return encl_fail(e, ENCL_NETWORK,
				 "\"authorizationToken\" is not base64 of USER:PASSWORD");
	*colon = 0;
	out->user = encl_xstrdup((const char *)plain.data);
	out->password = encl_xstrdup(colon + 1);
	return 0;
}

int
encl_ecr_answer(const char *text, size_t n, struct encl_credentials *out,
		uint64_t *expires, struct encl_err *e)
{
	encl_auto(encl_secret_json_free) json_t *doc = NULL;
	const json_t *data;
	const json_t *end;
	const char *token;
	uint64_t latest = encl_now() + LIFE_S;

	if (encl_secret_json_parse(text, n, "answer", &doc, e))
		return -1;
	data = json_object_get(doc, "authorizationData");
	if (json_is_array(data))
		data = json_array_get(data, 0);
	if (encl_json_str(data, "authorizationToken", "answer", &token, e))
		return -1;
	end = json_object_get(data, "expiresAt");
	if (!json_is_number(end) || json_number_value(end) < 1)
		return encl_fail(e, ENCL_FAILED,
				 "answer: \"expiresAt\" is missing or not a time");
	if (take_token(token, out, e))
		return -1;
	*expires = json_number_value(end) < (double)latest
			   ? (uint64_t)json_number_value(end)
			   : latest;
	return 0;
}

char *
encl_ecr_explain(const struct encl_aws_reply *r, const struct encl_aws_identity *i)
{
	return encl_aws_explain(r, i, "GetAuthorizationToken", NULL);
}

/* Where the service is: AWS's address, or a variable's. */
static int
endpoint_of(const struct encl_ecr_host *h, char **out, struct encl_err *e)
{
	static const char *const private[] = {"ENCLAVEBUILD_ECR_ENDPOINT",
					      "AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL",
					      NULL};
	static const char *const public[] = {"ENCLAVEBUILD_ECR_ENDPOINT",
					     "AWS_ENDPOINT_URL_ECR_PUBLIC",
					     "AWS_ENDPOINT_URL", NULL};

	return encl_aws_endpoint(h->is_public ? public : private, "ECR", h->api, out, e);
}

static int
ask(const struct encl_ecr_host *h, const char *endpoint,
    const struct encl_aws_identity *identity, struct encl_credentials *out,
    uint64_t *expires, struct encl_err *e)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	encl_auto(encl_free) char *url = encl_xasprintf("%s/", endpoint);
	encl_auto(encl_free) char *shown = encl_http_redact(url);
	encl_auto(encl_free) char *said = NULL;
	struct encl_aws_request q = {
		.method = "POST",
		.url = url,
		.headers = {"Content-Type: application/x-amz-json-1.1",
			    h->is_public ? "X-Amz-Target: "
					   "SpencerFrontendService.GetAuthorizationToken"
					 : "X-Amz-Target: "
					   "AmazonEC2ContainerRegistry_V20150921."
					   "GetAuthorizationToken"},
		.body = "{}",
		.identity = identity,
		.region = h->region,
		.service = h->is_public ? "ecr-public" : "ecr",
	};

	encl_aws_send(&q, &r);
	if (!r.status)
		return encl_fail(e, ENCL_NETWORK, "POST %s: %s", shown, r.trouble);
	if (r.status == 200) {
		if (!encl_ecr_answer(encl_buf_text(&r.body), r.body.len, out, expires, e))
			return 0;
		e->code = ENCL_NETWORK;
		return encl_wrap(e, "POST %s", shown);
	}
	said = encl_ecr_explain(&r, identity);
	return encl_fail(e, ENCL_NETWORK, "POST %s: HTTP status %ld%s", shown, r.status,
			 said);
}

/* *found is false where nobody says who the caller is. */
static int
get(struct encl_env *env, const struct encl_ecr_host *h, struct encl_credentials *out,
    struct encl_buf *tried, bool *found, struct encl_err *e)
{
	encl_auto(encl_aws_identity_clear) struct encl_aws_identity identity = {0};
	encl_auto(encl_free) char *endpoint = NULL;
	encl_auto(encl_free) char *path = NULL;
	struct encl_err ignored = {.code = ENCL_OK};
	uint64_t expires = 0;

	if (endpoint_of(h, &endpoint, e) ||
	    encl_aws_identity_find(!h->is_public, &identity, tried, e))
		return -1;
	*found = identity.key_id != NULL;
	if (!*found)
		return 0;
	if (env->cache_dir)
		path = encl_ecr_token_path(env->cache_dir, h, identity.key_id, endpoint);
	if (path && encl_ecr_token_load(path, out))
		return 0;
	if (ask(h, endpoint, &identity, out, &expires, e))
		return -1;
	encl_debug(env->log, "ECR: a token by the identity of %s", identity.from);
	if (path && encl_ecr_token_save(path, out, expires, &ignored))
		encl_warn(env->log, "ECR's token is not kept: %s", ignored.msg);
	return 0;
}

int
encl_ecr_credentials(struct encl_env *env, const char *host, struct encl_credentials *out,
		     struct encl_err *e)
{
	encl_auto(encl_credentials_clear) struct encl_credentials c = {0};
	encl_auto(encl_buf_clear) struct encl_buf tried;
	struct encl_ecr_host h;
	struct encl_err why = {.code = ENCL_OK};
	bool found = false;

	encl_buf_init(&tried, 1024);
	if (!encl_ecr_host_parse(host, &h))
		return encl_fail(e, ENCL_USAGE, "%s: not a host of Amazon ECR", host);
	if (env->offline)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: no token is fetched, because of --offline", host);
	if (get(env, &h, &c, &tried, &found, &why)) {
		if (!h.is_public) {
			*e = why;
			return encl_wrap(e, "credentials for %s", host);
		}
		encl_warn(env->log, "%s: going on without credentials: %s", host,
			  why.msg);
	} else if (!found && !h.is_public) {
		return encl_fail(e, ENCL_NETWORK,
				 "credentials for %s: none in %s (in a container, IMDSv2 "
				 "needs a hop limit of 2)",
				 host, encl_buf_text(&tried));
	}
	*out = encl_take(c, (struct encl_credentials){0});
	return 0;
}
