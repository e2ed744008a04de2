/* SPDX-License-Identifier: Apache-2.0 */
/* The exchange with a token server: GET with Basic, or POST with a refresh token. */
#include "registry/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"

enum {
	ANSWER_MAX = 128 * 1024,
	TOKEN_MAX = 64 * 1024,
	DEFAULT_SECONDS = 60,
	MARGIN_MAX_S = 5,
	URL_MAX = 65536,
	FORM_MAX = 524288
};

struct encl_token {
	struct encl_token *next;
	char *repository;
	struct encl_scopes scopes;
	char *value;
	uint64_t until_ms;
};

static void
free_one(struct encl_token *t)
{
	encl_wipe(t->value);
	encl_scopes_clear(&t->scopes);
	free(t->repository);
	free(t);
}

void
encl_tokens_free(struct encl_token *list)
{
	while (list) {
		struct encl_token *next = list->next;

		free_one(list);
		list = next;
	}
}

const char *
encl_tokens_find(const struct encl_token *list, const char *repository,
		 const struct encl_scopes *scopes)
{
	uint64_t now = encl_clock_ms();

	for (; list; list = list->next)
		if (list->until_ms > now && !strcmp(list->repository, repository) &&
		    encl_scopes_cover(&list->scopes, scopes))
			return list->value;
	return NULL;
}

void
encl_tokens_drop(struct encl_token **list, const char *value)
{
	while (*list) {
		struct encl_token *t = *list;

		if (strcmp(t->value, value) != 0) {
			list = &t->next;
			continue;
		}
		*list = t->next;
		free_one(t);
	}
}

void
encl_token_answer_clear(struct encl_token_answer *a)
{
	encl_wipe(a->token);
	encl_wipe(a->refresh);
	memset(a, 0, sizeof *a);
}

/* Fit for a header field: no space, nothing that ends a line. */
static bool
is_token(const char *s)
{
	if (!s || !*s || strlen(s) > TOKEN_MAX)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static void
wipe_member(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	char *text;
	const char *value = json_string_value(v);

	if (!value)
		return;
	memcpy(&text, &value, sizeof text); /* jansson's own memory, not a literal */
	explicit_bzero(text, json_string_length(v));
}

static int
take_answer(const json_t *o, struct encl_token_answer *out, struct encl_err *e)
{
	const char *token = json_string_value(json_object_get(o, "token"));
	const char *refresh = json_string_value(json_object_get(o, "refresh_token"));
	json_int_t seconds = json_integer_value(json_object_get(o, "expires_in"));

	if (!token || !*token)
		token = json_string_value(json_object_get(o, "access_token"));
	if (!is_token(token))
		return encl_fail(e, ENCL_NETWORK,
				 "the token server's answer has no token");
	out->token = encl_xstrdup(token);
	out->refresh = is_token(refresh) ? encl_xstrdup(refresh) : NULL;
	out->seconds = seconds > 0 ? (uint64_t)seconds : DEFAULT_SECONDS;
	if (out->seconds > 86400)
		out->seconds = 86400;
	return 0;
}

int
encl_token_answer_parse(const char *text, size_t n, struct encl_token_answer *out,
			struct encl_err *e)
{
	encl_auto(json_decref) json_t *o = NULL;
	struct encl_err hidden; /* it may quote what is secret */
	int rc;

	if (encl_json_parse(text, n, "answer", &o, &hidden) || !json_is_object(o))
		return encl_fail(e, ENCL_NETWORK,
				 "the token server's answer is no JSON object");
	rc = take_answer(o, out, e);
	wipe_member(o, "token");
	wipe_member(o, "access_token");
	wipe_member(o, "refresh_token");
	return rc;
}

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

static const char *
keep_token(struct encl_host *h, const char *repository, const struct encl_scopes *scopes,
	   struct encl_token_answer *answer)
{
	struct encl_token *t = encl_xcalloc(1, sizeof *t);
	uint64_t margin = answer->seconds / 10;

	if (margin > MARGIN_MAX_S)
		margin = MARGIN_MAX_S;
	t->repository = encl_xstrdup(repository);
	encl_scopes_add_all(&t->scopes, scopes);
	t->value = encl_take(answer->token, NULL);
	t->until_ms = encl_clock_ms() + (answer->seconds - margin) * 1000;
	t->next = h->tokens;
	h->tokens = t;
	return t->value;
}

int
encl_token_fetch(struct encl_registry *r, struct encl_host *h,
		 const struct encl_origin *home, const char *repository,
		 struct encl_credentials *c, const struct encl_scopes *scopes,
		 const char **out, struct encl_err *e)
{
	encl_auto(encl_origin_clear) struct encl_origin at = {0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_token_answer_clear) struct encl_token_answer answer = {0};
	struct asking k = {.r = r, .h = h, .at = &at, .reply = &reply};
	bool done;
	int rc;

	if (check_realm(r, home, h->wants.realm, &at, e) ||
	    ask_by_refresh(&k, &h->wants, scopes, c, &done, e))
		return -1;
	if (!done && ask_by_password(&k, &h->wants, scopes, c, e))
		return -1;
	rc = encl_token_answer_parse(encl_buf_text(&reply.body), reply.body.len, &answer,
				     e);
	if (reply.body.data)
		explicit_bzero(reply.body.data, reply.body.len);
	if (rc)
		return encl_wrap(e, "%s", h->name);
	if (answer.refresh && c->identity_token) {
		encl_wipe(c->identity_token);
		c->identity_token = encl_take(answer.refresh, NULL);
	}
	*out = keep_token(h, repository, scopes, &answer);
	return 0;
}
