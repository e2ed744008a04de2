/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GetPublicKey and Sign (AWS JSON 1.1, TrentService), signed for with the caller's
 * identity.  An answer has to be about the key and the algorithm that were
 * asked for; whether its signature is good is for who verifies it.
 */
#include "registry/kms.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/http.h"
#include "base/json.h"
#include "base/parse.h"

struct encl_kms {
	char *arn;
	char *url;
	struct encl_kms_arn parts;
	struct encl_aws_identity identity;
};

void
encl_kms_free(struct encl_kms *k)
{
	if (!k)
		return;
	free(k->arn);
	free(k->url);
	encl_aws_identity_clear(&k->identity);
	free(k);
}

void
encl_kms_key_clear(struct encl_kms_key *k)
{
	free(k->spec);
	encl_buf_clear(&k->der);
	memset(k, 0, sizeof *k);
}

/* An identity that cannot be had is about signing, unless its place did not answer. */
static int
find_identity(struct encl_kms *k, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf tried = {.cap = 1024};

	if (encl_aws_identity_find(true, &k->identity, &tried, e)) {
		if (e->code == ENCL_FAILED)
			e->code = ENCL_SIGN;
		return -1;
	}
	return k->identity.key_id
		       ? 0
		       : encl_fail(e, ENCL_SIGN,
				   "no AWS identity in %s (in a container, IMDSv2 needs "
				   "a hop limit of 2)",
				   encl_buf_text(&tried));
}

int
encl_kms_open(const struct encl_env *env, const char *arn, struct encl_kms **out,
	      struct encl_err *e)
{
	static const char *const names[] = {"AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL",
					    NULL};
	encl_auto(encl_kms_free) struct encl_kms *k = encl_xcalloc(1, sizeof *k);
	const char *problem = encl_kms_arn_parse(arn, &k->parts);

	if (problem)
		return encl_fail(e, ENCL_SIGN, "%s: %s", arn, problem);
	k->arn = encl_xstrdup(arn);
	if (env && env->offline)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: KMS is not asked, because of --offline", arn);
	if (encl_aws_endpoint(names, "KMS", k->parts.url, &k->url, e))
		return -1;
	if (find_identity(k, e))
		return encl_wrap(e, "%s", arn);
	*out = encl_take(k, NULL);
	return 0;
}

/* What the types of errors mean for who signs. */
static const struct encl_aws_hint hints[] = {
	{"NotFoundException", "no such key in that region and account"},
	{"DisabledException", "the key is disabled"},
	{"KMSInvalidStateException", "the key cannot be used in the state it is in: "
				     "being made, imported, or about to be deleted"},
	{"InvalidKeyUsageException", "the key is not one for signing"},
	{"UnsupportedOperationException", "the key is not one for signing"},
	{"InvalidArnException", "the ARN is not one of a key"},
	{NULL, NULL},
};

/* A refusal that KMS put into words is about signing; what is no answer of KMS's, and
 * what would pass, is the network's. */
static enum encl_code
code_of(const struct encl_kms *k, const struct encl_aws_reply *r)
{
	char type[ENCL_AWS_SHOWN];

	encl_aws_error_type(r, &k->identity, type);
	return r->status >= 400 && r->status < 500 && *type && !strstr(type, "Throttl")
		       ? ENCL_SIGN
		       : ENCL_NETWORK;
}

static int
ask(const struct encl_kms *k, const char *action, const char *body,
    struct encl_aws_reply *r, struct encl_err *e)
{
	encl_auto(encl_free) char *url = encl_xasprintf("%s/", k->url);
	encl_auto(encl_free) char *shown = encl_http_redact(url);
	encl_auto(encl_free) char *target =
		encl_xasprintf("X-Amz-Target: TrentService.%s", action);
	encl_auto(encl_free) char *right = encl_xasprintf("kms:%s on this key", action);
	encl_auto(encl_free) char *said = NULL;
	const struct encl_aws_request q = {
		.method = "POST",
		.url = url,
		.headers = {"Content-Type: application/x-amz-json-1.1", target},
		.body = body,
		.identity = &k->identity,
		.region = k->parts.region,
		.service = "kms",
	};

	encl_aws_send(&q, r);
	if (!r->status)
		return encl_fail(e, ENCL_NETWORK, "%s: %s at %s: %s", k->arn, action,
				 shown, r->trouble);
	if (r->status == 200)
		return 0;
	said = encl_aws_explain(r, &k->identity, right, hints);
	return encl_fail(e, code_of(k, r), "%s: %s at %s: HTTP status %ld%s", k->arn,
			 action, shown, r->status, said);
}

/* ---- answers ---- */

/* Base64 as it is sent: nothing but its digits. */
static int
add_base64(const char *text, const char *what, struct encl_buf *out, struct encl_err *e)
{
	uint8_t bytes[ENCL_KMS_DER_MAX + 3];
	size_t n = strlen(text);
	size_t pad = n > 1 && text[n - 1] == '=' ? 1U + (text[n - 2] == '=') : 0;
	int size = -1;

	if (n && n % 4 == 0 && n / 4 * 3 <= ENCL_KMS_DER_MAX &&
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			 "+/") == n - pad)
		size = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)n);
	ERR_clear_error();
	if (size < 0)
		return encl_fail(e, ENCL_NETWORK,
				 "answer: \"%s\" is not base64 of at most %d bytes", what,
				 ENCL_KMS_DER_MAX);
	encl_buf_add(out, bytes, (size_t)size - pad);
	return 0;
}

static int
text_of(const json_t *doc, const char *key, const char **out, struct encl_err *e)
{
	if (encl_json_str(doc, key, "answer", out, e)) {
		e->code = ENCL_NETWORK;
		return -1;
	}
	return 0;
}

/* A member that has to say what was asked for. */
static int
want(const json_t *doc, const char *key, const char *value, struct encl_err *e)
{
	const char *got;

	if (text_of(doc, key, &got, e))
		return -1;
	return !strcmp(got, value)
		       ? 0
		       : encl_fail(e, ENCL_NETWORK,
				   "answer: \"%s\" is not what was asked for", key);
}

static int
parse(const char *text, size_t n, const char *arn, json_t **out, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;

	/* what a parser says quotes the text, which is no terminal's business */
	if (encl_json_parse(text, n, "answer", &doc, e))
		return encl_fail(e, ENCL_NETWORK, "answer: not JSON");
	if (want(doc, "KeyId", arn, e))
		return -1;
	*out = encl_take(doc, NULL);
	return 0;
}

int
encl_kms_read_key(const char *text, size_t n, const char *arn, struct encl_kms_key *out,
		  struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_buf_clear) struct encl_buf der = {.cap = ENCL_KMS_DER_MAX};
	const char *usage, *spec, *key;

	if (parse(text, n, arn, &doc, e) || text_of(doc, "KeyUsage", &usage, e) ||
	    text_of(doc, "KeySpec", &spec, e) || text_of(doc, "PublicKey", &key, e))
		return -1;
	if (strcmp(usage, "SIGN_VERIFY") != 0) {
		encl_auto(encl_free) char *shown = encl_escape(usage, strlen(usage));

		return encl_fail(e, ENCL_SIGN, "its key usage is %.40s, not SIGN_VERIFY",
				 shown);
	}
	if (strcmp(spec, "ECC_NIST_P256") != 0 && strcmp(spec, "ECC_NIST_P384") != 0 &&
	    strcmp(spec, "ECC_NIST_P521") != 0) {
		encl_auto(encl_free) char *shown = encl_escape(spec, strlen(spec));

		return encl_fail(e, ENCL_SIGN,
				 "its key spec is %.40s; images are signed with "
				 "ECC_NIST_P256, ECC_NIST_P384 or ECC_NIST_P521",
				 shown);
	}
	if (add_base64(key, "PublicKey", &der, e))
		return -1;
	*out = (struct encl_kms_key){encl_xstrdup(spec),
				     encl_take(der, (struct encl_buf){0})};
	return 0;
}

int
encl_kms_read_signature(const char *text, size_t n, const char *arn,
			const char *algorithm, struct encl_buf *der, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	const char *signature;

	if (parse(text, n, arn, &doc, e) || want(doc, "SigningAlgorithm", algorithm, e) ||
	    text_of(doc, "Signature", &signature, e))
		return -1;
	return add_base64(signature, "Signature", der, e);
}

int
encl_kms_get_public_key(struct encl_kms *k, struct encl_kms_key *out, struct encl_err *e)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	encl_auto(encl_free) char *body = encl_xasprintf("{\"KeyId\":\"%s\"}", k->arn);

	if (ask(k, "GetPublicKey", body, &r, e))
		return -1;
	if (encl_kms_read_key(encl_buf_text(&r.body), r.body.len, k->arn, out, e))
		return encl_wrap(e, "%s", k->arn);
	return 0;
}

int
encl_kms_sign(struct encl_kms *k, const char *algorithm, const uint8_t *digest, size_t n,
	      struct encl_buf *der, struct encl_err *e)
{
	encl_auto(encl_aws_reply_clear) struct encl_aws_reply r = {.status = 0};
	encl_auto(encl_free) char *message = encl_xcalloc(1, (n + 2) / 3 * 4 + 1);
	encl_auto(encl_free) char *body = NULL;

	EVP_EncodeBlock((unsigned char *)message, digest, (int)n);
	body = encl_xasprintf("{\"KeyId\":\"%s\",\"Message\":\"%s\",\"MessageType\":"
			      "\"DIGEST\",\"SigningAlgorithm\":\"%s\"}",
			      k->arn, message, algorithm);
	if (ask(k, "Sign", body, &r, e))
		return -1;
	if (encl_kms_read_signature(encl_buf_text(&r.body), r.body.len, k->arn, algorithm,
				    der, e))
		return encl_wrap(e, "%s: Sign", k->arn);
	return 0;
}
