/* SPDX-License-Identifier: Apache-2.0 */
/* SigV4 as AWS documents it, checked from the bytes that came. */
#include "aws.h"

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

enum { MAX_BODY = 64 * 1024, MAX_SKEW = 900 };

bool
serve_aws_key(struct aws_caller *s, char *text)
{
	s->id = strtok_r(text, ":", &text);
	s->secret = strtok_r(NULL, ":", &text);
	s->session = strtok_r(NULL, "", &text);
	return s->secret != NULL;
}

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

void
serve_aws_reply(const struct aws_caller *s, struct request *q, long status,
		const char *why, json_t *own_body)
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

void
serve_aws_refuse(const struct aws_caller *s, struct request *q, const char *type,
		 const char *why)
{
	serve_aws_reply(s, q, 400, why,
			json_pack("{s:s,s:s}", "__type", type, "message", why));
}

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
compute(const struct aws_caller *s, const char *scope, const char *text)
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

const char *
serve_aws_check(const struct aws_caller *s, const struct request *q, const char *body,
		const char **why)
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
