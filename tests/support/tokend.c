/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token server as registries have them (the token and the OAuth2 pages of
 * Distribution's specification):
 *
 *	tokend KEY CERT [OPTION…]	KEY: P-256, PEM; CERT: what the registry trusts
 *
 *	user=NAME:PASSWORD:ACTIONS	may do ACTIONS ("pull,push") everywhere
 *	anonymous=ACTIONS		so may who gives no name; else 401
 *	refresh=TOKEN:NAME		a refresh token of NAME's
 *	expires=SECONDS			how long a token is good for (300)
 *	silent				expires_in and issued_at are left out
 *	access				answers access_token instead of token
 *	nopost				POST is 404
 *	first				only the first scope is looked at
 *	fail=COUNT:STATUS		so many requests are answered with this
 *	tls=CERT,KEY  listen=ADDRESS
 *
 * "listening PORT" is the first line on stdout; each request adds
 *
 *	STATUS METHOD auth=WHO service=S scope=A+B client_id=C
 *
 * WHO: "-", "basic:NAME", "refresh:NAME", "wrong:NAME", "wrong:refresh".  What is
 * signed are JWTs (ES256, the certificate in x5c) for issuer "tokend".
 */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "serve.h"

enum { MAX_USERS = 8, MAX_FORM = 16 * 1024, MAX_SCOPES = 16 };

struct user {
	char *name, *password, *actions;
};

struct tokens {
	EVP_PKEY *key;
	char *x5c; /* base64 of the certificate's DER */
	struct user users[MAX_USERS];
	size_t n_users;
	struct user refresh[MAX_USERS]; /* password: the token; actions unused */
	size_t n_refresh;
	const char *anonymous; /* actions; or NULL */
	long expires;
	bool silent, access, nopost, first;
	long fail_count, fail_status;
	unsigned long serial;
	struct server server;
	pthread_mutex_t lock;
};

/* ---- JWT ---- */

static char *
base64(const unsigned char *p, size_t n, bool url)
{
	char *out = encl_xcalloc(1, 4 * (n / 3 + 1) + 1);
	char *end;

	EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	for (char *c = out; url && *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	for (end = out + strlen(out); url && end > out && end[-1] == '=';)
		*--end = 0;
	return out;
}

/* ECDSA over text as JWS wants it: r and s, 32 bytes each. */
static char *
sign(struct tokens *t, const char *text)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char der[256];
	unsigned char raw[64];
	const unsigned char *p = der;
	size_t n = sizeof der;
	ECDSA_SIG *s;

	if (EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, t->key) != 1 ||
	    EVP_DigestSign(md, der, &n, (const unsigned char *)text, strlen(text)) != 1)
		abort();
	EVP_MD_CTX_free(md);
	s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	if (!s)
		abort();
	BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
	ECDSA_SIG_free(s);
	return base64(raw, sizeof raw, true);
}

static char *
encode_json(json_t *own)
{
	encl_auto(json_decref) json_t *v = own;
	encl_auto(encl_free) char *text = encl_json_compact(v);

	return base64((unsigned char *)text, strlen(text), true);
}

static char *
make_token(struct tokens *t, const char *name, const char *service, json_t *access)
{
	json_int_t now = (json_int_t)time(NULL);
	encl_auto(encl_free) char *id = encl_xasprintf("%lu", ++t->serial);
	encl_auto(encl_free) char *head = encode_json(json_pack(
		"{s:s,s:s,s:[s]}", "typ", "JWT", "alg", "ES256", "x5c", t->x5c));
	encl_auto(encl_free) char *claims = encode_json(
		json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:O}", "iss", "tokend", "sub",
			  name, "aud", service, "exp", now + t->expires, "nbf", now - 10,
			  "iat", now, "jti", id, "access", access));
	encl_auto(encl_free) char *text = encl_xasprintf("%s.%s", head, claims);
	encl_auto(encl_free) char *signature = sign(t, text);

	return encl_xasprintf("%s.%s", text, signature);
}

/* ---- who may what ---- */

static bool
among(const char *list, const char *word, size_t n)
{
	for (; *list; list += strcspn(list, ","), list += *list == ',')
		if (strcspn(list, ",") == n && !strncmp(list, word, n))
			return true;
	return false;
}

/* "repository:NAME:ACTIONS": what of it is granted is added to access. */
static void
grant(json_t *access, const char *scope, const char *allowed)
{
	const char *name = strchr(scope, ':');
	const char *actions = strrchr(scope, ':');
	json_t *given;

	if (!name || actions == name)
		return;
	given = json_array();
	for (const char *a = actions + 1; *a; a += strcspn(a, ","), a += *a == ',')
		if (among(allowed, a, strcspn(a, ",")))
			json_array_append_new(given, json_stringn(a, strcspn(a, ",")));
	json_array_append_new(access,
			      json_pack("{s:s%,s:s%,s:o}", "type", scope,
					(size_t)(name - scope), "name", name + 1,
					(size_t)(actions - name - 1), "actions", given));
}

/* All scopes of a form: repeated, or several in one, parted by blanks. */
static json_t *
grant_all(const struct tokens *t, const char *form, const char *allowed,
	  struct encl_buf *log)
{
	json_t *access = json_array();
	char *scope;

	for (unsigned i = 0; i < MAX_SCOPES && (scope = serve_field(form, "scope", i));
	     i++) {
		char *save = NULL;

		for (char *one = strtok_r(scope, " ", &save); one;
		     one = strtok_r(NULL, " ", &save)) {
			encl_buf_add_fmt(log, "%s%s", log->len ? "+" : "", one);
			if (!t->first || !json_array_size(access))
				grant(access, one, allowed);
		}
		free(scope);
	}
	return access;
}

static const struct user *
find(const struct user *users, size_t n, const char *name, const char *password)
{
	for (size_t i = 0; i < n; i++)
		if ((!name || !strcmp(users[i].name, name)) &&
		    (!password || !strcmp(users[i].password, password)))
			return &users[i];
	return NULL;
}

struct caller {
	char *log;		    /* WHO */
	const char *name, *actions; /* actions NULL: nobody we know */
};

static void
identify(const struct tokens *t, const struct request *q, const char *form,
	 struct caller *out)
{
	encl_auto(encl_free) char *refresh = serve_field(form, "refresh_token", 0);
	encl_auto(encl_free) char *basic = serve_basic(q);
	const struct user *u;
	char *colon;

	*out = (struct caller){.name = "", .actions = t->anonymous};
	if (refresh) {
		u = find(t->refresh, t->n_refresh, NULL, refresh);
		u = u ? find(t->users, t->n_users, u->name, NULL) : NULL;
		out->log = encl_xasprintf("%s%s", u ? "refresh:" : "wrong:refresh",
					  u ? u->name : "");
	} else if (basic && (colon = strchr(basic, ':'))) {
		*colon = 0;
		u = find(t->users, t->n_users, basic, colon + 1);
		out->log = encl_xasprintf("%s:%s", u ? "basic" : "wrong", basic);
	} else {
		out->log = encl_xstrdup("-");
		return;
	}
	out->name = u ? u->name : "";
	out->actions = u ? u->actions : NULL;
}

/* ---- requests ---- */

static long
refuse(struct request *q, long status)
{
	encl_auto(encl_free) char *line =
		encl_xasprintf("%ld %s", status, serve_reason(status));
	const char *body = "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":"
			   "\"wrong name or password\"}]}";

	serve_reply(q, line, "Content-Type: application/json\r\n", body, strlen(body));
	return status;
}

static long
give_token(struct tokens *t, struct request *q, const struct caller *c,
	   const char *service, json_t *access)
{
	encl_auto(encl_free) char *token = make_token(t, c->name, service, access);
	encl_auto(json_decref) json_t *reply = json_object();
	encl_auto(encl_free) char *text = NULL;
	char issued[32];
	time_t now = time(NULL);
	struct tm tm;

	json_object_set_new(reply, t->access ? "access_token" : "token",
			    json_string(token));
	if (!t->silent) {
		strftime(issued, sizeof issued, "%Y-%m-%dT%H:%M:%SZ",
			 gmtime_r(&now, &tm));
		json_object_set_new(reply, "expires_in", json_integer(t->expires));
		json_object_set_new(reply, "issued_at", json_string(issued));
	}
	text = encl_json_compact(reply);
	serve_reply(q, "200 OK", "Content-Type: application/json\r\n", text,
		    strlen(text));
	return 200;
}

static void
answer(void *arg, struct request *q)
{
	struct tokens *t = arg;
	bool post = !strcmp(q->method, "POST");
	const char *query = q->target + strcspn(q->target, "?");
	encl_auto(encl_free) char *form = post ? serve_body_text(q, MAX_FORM)
					       : encl_xstrdup(*query ? query + 1 : "");
	encl_auto(encl_free) char *service = serve_field(form, "service", 0);
	encl_auto(encl_free) char *client = serve_field(form, "client_id", 0);
	encl_auto(encl_buf_clear) struct encl_buf scopes = {0};
	struct caller c;
	json_t *access;
	long status;

	pthread_mutex_lock(&t->lock);
	encl_buf_init(&scopes, MAX_FORM);
	identify(t, q, form, &c);
	access = grant_all(t, form, c.actions ? c.actions : "", &scopes);
	if (t->fail_count > 0) {
		t->fail_count--;
		status = refuse(q, t->fail_status);
	} else if (post && t->nopost) {
		status = refuse(q, 404);
	} else if (!c.actions || !service) {
		status = refuse(q, 401);
	} else {
		status = give_token(t, q, &c, service, access);
	}
	printf("%ld %s auth=%s service=%s scope=%s client_id=%s\n", status, q->method,
	       c.log, service ? service : "-", encl_buf_text(&scopes),
	       client ? client : "-");
	free(c.log);
	json_decref(access);
	pthread_mutex_unlock(&t->lock);
}

/* ---- options ---- */

static bool
load(struct tokens *t, const char *key, const char *cert)
{
	encl_auto(encl_fclose) FILE *k = fopen(key, "re");
	encl_auto(encl_fclose) FILE *c = fopen(cert, "re");
	X509 *x = c ? PEM_read_X509(c, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL;
	int n;

	t->key = k ? PEM_read_PrivateKey(k, NULL, NULL, NULL) : NULL;
	n = x ? i2d_X509(x, &der) : 0;
	if (!t->key || n <= 0)
		return false;
	t->x5c = base64(der, (size_t)n, false);
	OPENSSL_free(der);
	X509_free(x);
	return true;
}

static bool
read_user(struct tokens *t, char *text)
{
	struct user *u = &t->users[t->n_users++];
	char *save = NULL;

	u->name = strtok_r(text, ":", &save);
	u->password = strtok_r(NULL, ":", &save);
	u->actions = strtok_r(NULL, ":", &save);
	return u->actions && t->n_users < MAX_USERS;
}

static bool
read_refresh(struct tokens *t, char *text)
{
	struct user *u = &t->refresh[t->n_refresh++];
	char *save = NULL;

	u->password = strtok_r(text, ":", &save);
	u->name = strtok_r(NULL, ":", &save);
	return u->name && t->n_refresh < MAX_USERS;
}

static bool
read_option(struct tokens *t, char *text)
{
	char *value = strchr(text, '=');

	t->silent |= !strcmp(text, "silent");
	t->access |= !strcmp(text, "access");
	t->nopost |= !strcmp(text, "nopost");
	t->first |= !strcmp(text, "first");
	if (!value)
		return strstr(" silent access nopost first ", text);
	*value++ = 0;
	if (!strcmp(text, "user"))
		return read_user(t, value);
	if (!strcmp(text, "refresh"))
		return read_refresh(t, value);
	if (!strcmp(text, "anonymous"))
		t->anonymous = value;
	else if (!strcmp(text, "expires"))
		t->expires = strtol(value, NULL, 10);
	else if (!strcmp(text, "fail"))
		return sscanf(value, "%ld:%ld", &t->fail_count, &t->fail_status) == 2;
	else if (!strcmp(text, "listen"))
		t->server.address = value;
	else if (!strcmp(text, "tls") && strchr(value, ',')) {
		t->server.cert = strtok_r(value, ",", &value);
		t->server.key = value;
	} else
		return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct tokens t = {.expires = 300,
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .server = {.answer = answer}};

	t.server.arg = &t;
	if (argc < 3 || !load(&t, argv[1], argv[2])) {
		fprintf(stderr, "tokend: KEY and CERT are wanted\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		if (!read_option(&t, argv[i])) {
			fprintf(stderr, "tokend: not an option: %s\n", argv[i]);
			return 2;
		}
	serve(&t.server);
}
