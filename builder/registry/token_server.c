/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange with a token server: GET with Basic, or POST with a refresh token. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "registry/tokens.h"

enum { ANSWER_MAX = 128 * 1024, URL_MAX = 65536, FORM_MAX = 524288 };

static void
add_encoded(struct encl_buf *b, const char *key, const char *value)
{
	char *encoded = curl_easy_escape(NULL, value, 0);

	if (!encoded)
		abort();
	encl_buf_add_fmt(b, "%s=", key);
	encl_buf_add_str(b, encoded);
	explicit_bzero(encoded, strlen(encoded));
	curl_free(encoded);
}

static char *
url_of(const struct encl_challenge *wants, const struct encl_scopes *scopes)
{
	struct encl_buf b;
	char glue = strchr(wants->realm, '?') ? '&' : '?';

	encl_buf_init(&b, URL_MAX);
	encl_buf_add(&b, wants->realm, strcspn(wants->realm, "#"));
	if (wants->service) {
		encl_buf_add_byte(&b, (uint8_t)glue);
		add_encoded(&b, "service", wants->service);
		glue = '&';
	}
	for (size_t i = 0; i < scopes->n; i++, glue = '&') {
		encl_auto(encl_free) char *text = encl_scope_text(&scopes->v[i]);

		encl_buf_add_byte(&b, (uint8_t)glue);
		add_encoded(&b, "scope", text);
	}
	return (char *)encl_buf_steal(&b, NULL);
}

static char *
form_of(const struct encl_challenge *wants, const struct encl_scopes *scopes,
	const char *refresh, size_t *n)
{
	struct encl_buf b;
	struct encl_buf list;

	encl_buf_init(&b, FORM_MAX);
	encl_buf_init(&list, URL_MAX);
	for (size_t i = 0; i < scopes->n; i++) {
		encl_auto(encl_free) char *text = encl_scope_text(&scopes->v[i]);

		encl_buf_add_fmt(&list, "%s%s", i ? " " : "", text);
	}
	encl_buf_add_str(&b, "grant_type=refresh_token&client_id=enclavebuild&");
	add_encoded(&b, "service", wants->service ? wants->service : "");
	encl_buf_add_byte(&b, '&');
	add_encoded(&b, "scope", encl_buf_text(&list));
	encl_buf_add_byte(&b, '&');
	add_encoded(&b, "refresh_token", refresh);
	encl_buf_clear(&list);
	return (char *)encl_buf_steal(&b, n);
}

/* Whom a registry may name: passwords go there. */
static int
check_realm(struct encl_registry *r, const struct encl_origin *home, const char *realm,
	    struct encl_origin *out, struct encl_err *e)
{
	if (!realm)
		return encl_fail(e, ENCL_NETWORK,
				 "%s wants a token and names no token server",
				 home->host);
	if (encl_address_check(home, realm, "the token server", e) ||
	    encl_origin_of(realm, out, e))
		return -1;
	if (strcmp(out->scheme, "https") != 0 && !r->plain_http &&
	    strcasecmp(out->host, home->host) != 0 &&
	    encl_place_of(out->host) != ENCL_PLACE_LOOPBACK)
		return encl_fail(e, ENCL_NETWORK,
				 "the token server of %s speaks plain http: %s (refused; "
				 "--plain-http allows it)",
				 home->host, out->host);
	return 0;
}

struct asking {
	struct encl_registry *r;
	struct encl_host *h;
	const struct encl_origin *at;
	struct encl_registry_reply *reply;
	const char *refresh; /* that a form holds */
};

/* The form as it was sent has the token encoded; whoever repeats it says nothing. */
static void
drop_echo(struct encl_answer *a, const char *refresh)
{
	char *encoded = curl_easy_escape(NULL, refresh, 0);

	if (!encoded)
		abort();
	if (a->trouble.len && strstr(encl_buf_text(&a->trouble), encoded))
		encl_buf_clear(&a->trouble);
	explicit_bzero(encoded, strlen(encoded));
	curl_free(encoded);
}

/* One question; 0 also with a status that is none of 200. */
static int
ask(struct asking *k, const char *method, const char *url, const char *authorization,
    const char *form, size_t n, struct encl_answer *a, struct encl_err *e)
{
	static const long also[] = {404, 405, 0};
	const struct encl_registry_call call = {
		.method = method,
		.accept = "application/json",
		.content_type = "application/x-www-form-urlencoded",
		.data = form,
		.size = n,
		.max = ANSWER_MAX,
		.also = form ? also : NULL,
	};
	struct encl_request q = {.method = method,
				 .url = url,
				 .home = k->at,
				 .authorization = authorization,
				 .call = &call,
				 .reply = k->reply};
	char *secret;
	bool broken;

	encl_buf_init(&k->reply->body, ANSWER_MAX);
	if (encl_exchange(k->r, &q, a, &broken, e))
		return -1;
	if (k->reply->status == 200 ||
	    (form && (k->reply->status == 404 || k->reply->status == 405)))
		return 0;
	if (form)
		drop_echo(a, k->refresh);
	secret = form ? encl_xasprintf("Bearer %s", k->refresh) : NULL;
	if (secret)
		q.authorization = secret;
	encl_explain(&q, a, k->h->name, e);
	encl_wipe(secret);
	return -1;
}

/* POST with the refresh token; a server that has no POST leaves *done false. */
static int
ask_by_refresh(struct asking *k, const struct encl_challenge *wants,
	       const struct encl_scopes *scopes, const struct encl_credentials *c,
	       bool *done, struct encl_err *e)
{
	encl_auto(encl_answer_clear) struct encl_answer a = {0};
	size_t n;
	char *form;
	int rc;

	*done = false;
	if (!c->identity_token)
		return 0;
	form = form_of(wants, scopes, c->identity_token, &n);
	k->refresh = c->identity_token;
	rc = ask(k, "POST", wants->realm, NULL, form, n, &a, e);
	explicit_bzero(form, n);
	free(form);
	*done = !rc && k->reply->status == 200;
	if (!rc && !*done && !c->password)
		return encl_fail(e, ENCL_NETWORK,
				 "POST %s: HTTP status %ld: the token server of %s takes "
				 "no refresh tokens; run \"enclavebuild login %s\"",
				 k->at->host, k->reply->status, k->h->name, k->h->name);
	return rc;
}

static int
ask_by_password(struct asking *k, const struct encl_challenge *wants,
		const struct encl_scopes *scopes, const struct encl_credentials *c,
		struct encl_err *e)
{
	encl_auto(encl_answer_clear) struct encl_answer a = {0};
	encl_auto(encl_free) char *url = url_of(wants, scopes);
	char *basic = encl_basic(c);
	int rc = ask(k, "GET", url, basic, NULL, 0, &a, e);

	encl_wipe(basic);
	return rc;
}

int
encl_token_ask(struct encl_registry *r, struct encl_host *h,
	       const struct encl_origin *home, const struct encl_credentials *c,
	       const struct encl_scopes *scopes, struct encl_token_answer *out,
	       struct encl_err *e)
{
	encl_auto(encl_origin_clear) struct encl_origin at = {0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	struct asking k = {.r = r, .h = h, .at = &at, .reply = &reply};
	bool done;
	int rc;

	if (check_realm(r, home, h->wants.realm, &at, e) ||
	    ask_by_refresh(&k, &h->wants, scopes, c, &done, e))
		return -1;
	if (!done && ask_by_password(&k, &h->wants, scopes, c, e))
		return -1;
	rc = encl_token_answer_parse(encl_buf_text(&reply.body), reply.body.len, out, e);
	if (reply.body.data)
		explicit_bzero(reply.body.data, reply.body.len);
	return rc ? encl_wrap(e, "%s", h->name) : 0;
}
