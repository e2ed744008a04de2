/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for AWS KMS: GetPublicKey and Sign with the keys of a folder, by
 * OpenSSL's own randomised ECDSA.  Signatures of requests are checked
 * (serve/aws.c).
 *
 *	kmsd key=ID:SECRET[:SESSION] region=R account=N keys=FOLDER [skew=SECONDS]
 *
 * FOLDER/ID.key is the key of arn:aws:kms:R:N:key/ID.  FOLDER/ID.fault, where it is
 * there, says "ACTION WORD [ARGUMENT]" a line, for GetPublicKey or Sign:
 *
 *	TYPE [MESSAGE]	an exception, status 400
 *	status N	a status with no document
 *	busy N		the first N requests are ThrottlingException
 *	down		the connection ends without an answer
 *	rubbish, huge	no document; one without end
 *	set KEY VALUE	a member of the answer is another
 *	drop KEY	it is not there
 *	by FILE		signs with FOLDER/FILE, or gives its public key
 *
 * "listening PORT" is the first line on stdout; each request adds "STATUS POST /:
 * ACTION ID".
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "serve.h"

enum { MAX_BODY = 64 * 1024, MAX_FAULT = 4096, HUGE_BODY = 1024 * 1024 };

struct kms {
	struct aws_caller caller;
	const char *account, *keys;
	struct server server;
};

static atomic_uint asked; /* for busy */

/* The rest of a line "ACTION WORD …" behind these two; malloc'ed or NULL. */
static char *
fault(const char *faults, const char *action, const char *word)
{
	encl_auto(encl_free) char *start = encl_xasprintf("%s %s", action, word);
	size_t n = strlen(start);

	for (const char *p = faults; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, start, n) && strchr(" \n", p[n]))
			return encl_xstrndup(p + n + (p[n] == ' '),
					     strcspn(p + n + (p[n] == ' '), "\n"));
	return NULL;
}

static EVP_PKEY *
load_key(const struct kms *s, const char *name)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", s->keys, name);
	FILE *f = fopen(path, "r");
	EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return key;
}

static json_t *
base64(const unsigned char *p, size_t n)
{
	encl_auto(encl_free) char *text = encl_xcalloc(1, n * 2 + 8);

	EVP_EncodeBlock((unsigned char *)text, p, (int)n);
	return json_string(text);
}

/* {spec, algorithm} of a key. */
static void
names_of(EVP_PKEY *key, const char **spec, const char **algorithm)
{
	int bits = EVP_PKEY_get_bits(key);
	bool ec = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;

	*spec = !ec	      ? "RSA_2048"
		: bits == 256 ? "ECC_NIST_P256"
		: bits == 384 ? "ECC_NIST_P384"
			      : "ECC_NIST_P521";
	*algorithm = bits == 256   ? "ECDSA_SHA_256"
		     : bits == 384 ? "ECDSA_SHA_384"
				   : "ECDSA_SHA_512";
}

static void
add_public(EVP_PKEY *key, json_t *out)
{
	const char *spec, *algorithm;
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	names_of(key, &spec, &algorithm);
	json_object_set_new(out, "PublicKey", base64(der, (size_t)n));
	json_object_set_new(out, "KeySpec", json_string(spec));
	json_object_set_new(out, "CustomerMasterKeySpec", json_string(spec));
	json_object_set_new(out, "KeyUsage", json_string("SIGN_VERIFY"));
	json_object_set_new(out, "SigningAlgorithms", json_pack("[s]", algorithm));
	OPENSSL_free(der);
}

/* NULL, or an exception. */
static const char *
add_signature(EVP_PKEY *key, const json_t *asked_for, json_t *out)
{
	const char *message = json_string_value(json_object_get(asked_for, "Message"));
	const char *type = json_string_value(json_object_get(asked_for, "MessageType"));
	const char *how =
		json_string_value(json_object_get(asked_for, "SigningAlgorithm"));
	unsigned char digest[96], der[256];
	const char *spec, *algorithm;
	size_t n = sizeof der;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	int size;
	bool ok;

	names_of(key, &spec, &algorithm);
	if (!type || strcmp(type, "DIGEST") != 0 || !how || strcmp(how, algorithm) != 0)
		return "InvalidKeyUsageException";
	if (!message || strlen(message) > 88)
		return "ValidationException";
	size = EVP_DecodeBlock(digest, (const unsigned char *)message,
			       (int)strlen(message));
	for (size_t i = strlen(message); i && message[i - 1] == '='; i--)
		size--;
	if (size != atoi(algorithm + strlen("ECDSA_SHA_")) / 8)
		return "ValidationException";
	ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	     EVP_PKEY_sign(ctx, der, &n, digest, (size_t)size) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return "KMSInternalException";
	json_object_set_new(out, "Signature", base64(der, n));
	json_object_set_new(out, "SigningAlgorithm", json_string(algorithm));
	return NULL;
}

static void
spoil(json_t *out, const char *faults, const char *action)
{
	encl_auto(encl_free) char *set = fault(faults, action, "set");
	encl_auto(encl_free) char *drop = fault(faults, action, "drop");

	if (set) {
		char *value = strchr(set, ' ');

		*value++ = 0;
		json_object_set_new(out, set, json_string(value));
	}
	if (drop)
		json_object_del(out, drop);
}

/* Faults that are no answer of KMS's; false: there is none. */
static bool
answer_badly(const struct kms *s, struct request *q, const char *faults,
	     const char *action)
{
	encl_auto(encl_free) char *status = fault(faults, action, "status");
	encl_auto(encl_free) char *busy = fault(faults, action, "busy");
	encl_auto(encl_free) char *down = fault(faults, action, "down");
	encl_auto(encl_free) char *rubbish = fault(faults, action, "rubbish");
	encl_auto(encl_free) char *huge = fault(faults, action, "huge");
	encl_auto(encl_free) char *line = NULL;

	if (down) {
		serve_abort(q->conn, false);
		printf("000 POST /: down\n");
	} else if (busy && atomic_fetch_add(&asked, 1) < (unsigned)atoi(busy)) {
		serve_aws_refuse(&s->caller, q, "ThrottlingException", "Rate exceeded");
	} else if (status) {
		line = encl_xasprintf("%s Fault", status);
		serve_reply(q, line, "", "<html>", 6);
		printf("%s POST /: status\n", status);
	} else if (rubbish) {
		serve_reply(q, "200 OK", "", "\x1b[31m{", 6);
		printf("200 POST /: rubbish\n");
	} else if (huge) {
		encl_auto(encl_free) char *much = encl_xcalloc(1, HUGE_BODY);

		memset(much, '[', HUGE_BODY);
		serve_reply(q, "200 OK", "", much, HUGE_BODY);
		printf("200 POST /: huge\n");
	} else {
		return false;
	}
	return true;
}

/* "ACTION SomethingException message" */
static bool
answer_exception(const struct kms *s, struct request *q, const char *faults,
		 const char *action)
{
	size_t n = strlen(action);

	for (const char *p = faults; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		encl_auto(encl_free) char *line = encl_xstrndup(p, strcspn(p, "\n"));
		char *type = line + n + 1;
		char *message;

		if (strncmp(line, action, n) != 0 || line[n] != ' ' ||
		    !(strstr(type, "Exception")))
			continue;
		message = strchr(type, ' ');
		if (message)
			*message++ = 0;
		serve_aws_refuse(&s->caller, q, type, message ? message : "");
		return true;
	}
	return false;
}

static void
act(const struct kms *s, struct request *q, const char *action, const json_t *asked_for)
{
	encl_auto(encl_free) char *prefix =
		encl_xasprintf("arn:aws:kms:%s:%s:key/", s->caller.region, s->account);
	const char *arn = json_string_value(json_object_get(asked_for, "KeyId"));
	bool known = arn && !strncmp(arn, prefix, strlen(prefix)) &&
		     !strchr(arn + strlen(prefix), '/');
	const char *id = known ? arn + strlen(prefix) : "none";
	encl_auto(encl_free) char *file = encl_xasprintf("%s.key", id);
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s.fault", s->keys, id);
	encl_auto(encl_free) char *about = encl_xasprintf("%s %s", action, id);
	encl_auto(encl_free) char *faults = NULL;
	encl_auto(encl_free) char *by = NULL;
	encl_auto(json_decref) json_t *out = json_object();
	const char *refused = NULL;
	struct encl_err none;
	EVP_PKEY *key;
	size_t n;

	if (encl_read_file(path, MAX_FAULT, &faults, &n, &none))
		faults = encl_xstrdup("");
	if (answer_badly(s, q, faults, action) || answer_exception(s, q, faults, action))
		return;
	by = fault(faults, action, "by");
	key = load_key(s, by ? by : file);
	if (!key) {
		serve_aws_refuse(&s->caller, q, "NotFoundException",
				 "Key does not exist");
		return;
	}
	json_object_set_new(out, "KeyId", json_string(arn));
	if (!strcmp(action, "GetPublicKey"))
		add_public(key, out);
	else
		refused = add_signature(key, asked_for, out);
	EVP_PKEY_free(key);
	spoil(out, faults, action);
	if (refused)
		serve_aws_refuse(&s->caller, q, refused, about);
	else
		serve_aws_reply(&s->caller, q, 200, about, json_incref(out));
}

static void
answer(void *arg, struct request *q)
{
	const struct kms *s = arg;
	encl_auto(encl_free) char *target = serve_header(q->head, "X-Amz-Target");
	encl_auto(encl_free) char *type = serve_header(q->head, "Content-Type");
	encl_auto(encl_free) char *body = serve_body_text(q, MAX_BODY);
	encl_auto(json_decref) json_t *asked_for = NULL;
	const char *why;
	const char *refused = serve_aws_check(&s->caller, q, body, &why);
	const char *action = target ? strchr(target, '.') : NULL;
	struct encl_err none;

	if (refused)
		serve_aws_refuse(&s->caller, q, refused, why);
	else if (!action || strncmp(target, "TrentService.", 13) != 0 ||
		 (strcmp(action, ".GetPublicKey") != 0 && strcmp(action, ".Sign") != 0) ||
		 !type || strcmp(type, "application/x-amz-json-1.1") != 0)
		serve_aws_refuse(&s->caller, q, "UnknownOperationException", "");
	else if (encl_json_parse(body, strlen(body), "body", &asked_for, &none))
		serve_aws_refuse(&s->caller, q, "SerializationException", "");
	else
		act(s, q, action + 1, asked_for);
}

static bool
read_option(struct kms *s, char *text)
{
	char *value = strchr(text, '=');

	if (!value)
		return false;
	*value++ = 0;
	if (!strcmp(text, "key"))
		return serve_aws_key(&s->caller, value);
	if (!strcmp(text, "region"))
		s->caller.region = value;
	else if (!strcmp(text, "account"))
		s->account = value;
	else if (!strcmp(text, "keys"))
		s->keys = value;
	else if (!strcmp(text, "skew"))
		s->caller.skew = strtol(value, NULL, 10);
	else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct kms s = {.caller = {.service = "kms"},
			       .server = {.answer = answer}};

	s.server.arg = &s;
	for (int i = 1; i < argc; i++)
		if (!read_option(&s, argv[i])) {
			fprintf(stderr, "kmsd: not an option: %s\n", argv[i]);
			return 2;
		}
	if (!s.caller.id || !s.caller.region || !s.account || !s.keys) {
		fprintf(stderr, "kmsd: key, region, account and keys are wanted\n");
		return 2;
	}
	serve(&s.server);
}
