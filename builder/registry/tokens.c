/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that hold, and what a token server's answer says of them. */
#include "registry/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"

enum { TOKEN_MAX = 64 * 1024, DEFAULT_SECONDS = 60, MARGIN_MAX_S = 5 };

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
	encl_auto(encl_token_answer_clear) struct encl_token_answer answer = {0};

	if (encl_token_ask(r, h, home, c, scopes, &answer, e))
		return -1;
	if (answer.refresh && c->identity_token) {
		encl_wipe(c->identity_token);
		c->identity_token = encl_take(answer.refresh, NULL);
	}
	*out = keep_token(h, repository, scopes, &answer);
	return 0;
}
