/* SPDX-License-Identifier: Apache-2.0 */
/* Bearer tokens: kept while they hold, fetched from token servers. */
#ifndef ENCL_REGISTRY_TOKENS_H
#define ENCL_REGISTRY_TOKENS_H

#include "registry/internal.h"

void encl_tokens_free(struct encl_token *list);
/* One of a repository's credentials that covers the scopes and still holds; or
 * NULL.  Borrowed. */
const char *encl_tokens_find(const struct encl_token *list, const char *repository,
			     const struct encl_scopes *scopes);
void encl_tokens_drop(struct encl_token **list, const char *value);

/* Asks the token server that the host named (h->wants); the host's lock is held.
 * *out is borrowed from the host. */
int encl_token_fetch(struct encl_registry *r, struct encl_host *h,
		     const struct encl_origin *home, const char *repository,
		     struct encl_credentials *c, const struct encl_scopes *scopes,
		     const char **out, struct encl_err *e) ENCL_MUST_CHECK;

/* What a token server answers; ENCL_NETWORK never shows any of it. */
struct encl_token_answer {
	char *token;
	char *refresh; /* or NULL */
	uint64_t seconds;
};
int encl_token_answer_parse(const char *text, size_t n, struct encl_token_answer *out,
			    struct encl_err *e) ENCL_MUST_CHECK;
void encl_token_answer_clear(struct encl_token_answer *a);
ENCL_AUTO_VAL(struct encl_token_answer, encl_token_answer_clear);

/* The exchange itself (token_server.c). */
int encl_token_ask(struct encl_registry *r, struct encl_host *h,
		   const struct encl_origin *home, const struct encl_credentials *c,
		   const struct encl_scopes *scopes, struct encl_token_answer *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* "Basic …" of user and password, or NULL (auth.c). */
char *encl_basic(const struct encl_credentials *c);

#endif
