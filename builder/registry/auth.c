/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a challenge to an Authorization: Basic, or a bearer token of the
 * registry's token server (Distribution's token specification, with OAuth2's
 * refresh tokens), for no more than the call needs.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "registry/internal.h"
#include "registry/tokens.h"

enum { ROUNDS_MAX = 2 };

struct encl_known {
	struct encl_known *next;
	char *repository;
	struct encl_credentials c;
};

static bool
is_loopback(const char *host)
{
	encl_auto(encl_origin_clear) struct encl_origin o = {0};
	encl_auto(encl_free) char *url = encl_xasprintf("http://%s/", host);
	struct encl_err ignored;

	return !encl_origin_of(url, &o, &ignored) &&
	       encl_place_of(o.host) == ENCL_PLACE_LOOPBACK;
}

struct encl_host *
encl_host_find(struct encl_registry *r, const struct encl_reference *where)
{
	struct encl_host *h;

	pthread_mutex_lock(&r->lock);
	for (h = r->hosts; h; h = h->next)
		if (!strcmp(h->name, where->host))
			break;
	if (!h) {
		h = encl_xcalloc(1, sizeof *h);
		h->name = encl_xstrdup(where->host);
		h->api = encl_xstrdup(encl_reference_api_host(where));
		h->loopback = is_loopback(h->api);
		if (r->plain_http)
			h->speaks = ENCL_SPEAKS_HTTP;
		else if (!h->loopback)
			h->speaks = ENCL_SPEAKS_HTTPS;
		pthread_mutex_init(&h->lock, NULL);
		h->next = r->hosts;
		r->hosts = h;
	}
	pthread_mutex_unlock(&r->lock);
	return h;
}

void
encl_host_free(struct encl_host *h)
{
	while (h->known) {
		struct encl_known *k = h->known;

		h->known = k->next;
		encl_credentials_clear(&k->c);
		free(k->repository);
		free(k);
	}
	encl_tokens_free(h->tokens);
	encl_challenge_clear(&h->wants);
	pthread_mutex_destroy(&h->lock);
	free(h->name);
	free(h->api);
	free(h);
}

void
encl_login_clear(struct encl_login *l)
{
	encl_wipe(l->authorization);
	encl_scopes_clear(&l->wider);
	memset(l, 0, sizeof *l);
}

/* The host's lock is held.  Asked for once: a helper may take its time. */
static int
find_credentials(struct encl_registry *r, struct encl_host *h, const char *repository,
		 struct encl_credentials **out, struct encl_err *e)
{
	struct encl_known *k;

	for (k = h->known; k; k = k->next)
		if (!strcmp(k->repository, repository)) {
			*out = &k->c;
			return 0;
		}
	k = encl_xcalloc(1, sizeof *k);
	k->repository = encl_xstrdup(repository);
	k->next = h->known;
	h->known = k;
	*out = &k->c;
	if (r->credentials) {
		const struct encl_credentials *c = r->credentials;

		k->c.user = c->user ? encl_xstrdup(c->user) : NULL;
		k->c.password = c->password ? encl_xstrdup(c->password) : NULL;
		k->c.identity_token =
			c->identity_token ? encl_xstrdup(c->identity_token) : NULL;
		k->c.registry_token =
			c->registry_token ? encl_xstrdup(c->registry_token) : NULL;
		return 0;
	}
	return encl_credentials_find(r->env, r->auth_file, h->name, repository, &k->c, e);
}

/* "Basic dXNlcjpwYXNz"; NULL where there is no password. */
char *
encl_basic(const struct encl_credentials *c)
{
	char *plain;
	char *out;
	size_t n;

	if (!c->user || !c->password)
		return NULL;
	plain = encl_xasprintf("%s:%s", c->user, c->password);
	n = strlen(plain);
	out = encl_xmalloc(6 + 4 * ((n + 2) / 3) + 1);
	snprintf(out, 7, "Basic ");
	EVP_EncodeBlock((unsigned char *)out + 6, (const unsigned char *)plain, (int)n);
	encl_wipe(plain);
	return out;
}

static void
set_authorization(struct encl_login *l, char *own_value)
{
	encl_wipe(l->authorization);
	l->authorization = own_value;
}

static void
bearer(struct encl_login *l, const char *token)
{
	set_authorization(l, encl_xasprintf("Bearer %s", token));
}

static const char *
repository_of(const struct encl_registry_call *call)
{
	return call->where->repository ? call->where->repository : "";
}

/* What the call itself needs: its repository, and the one that it mounts from. */
static void
needed(const struct encl_registry_call *call, struct encl_scopes *out)
{
	unsigned actions = ENCL_SCOPE_PULL;

	if (call->access == ENCL_REGISTRY_PUSH)
		actions |= ENCL_SCOPE_PUSH;
	if (*repository_of(call) && (call->url || *call->path))
		encl_scopes_add_repository(out, repository_of(call), actions);
	if (call->from)
		encl_scopes_add_repository(out, call->from, ENCL_SCOPE_PULL);
}

/* A token for the call: one that is there, else a new one. */
static int
use_token(struct encl_registry *r, struct encl_host *h, const struct encl_origin *home,
	  const struct encl_registry_call *call, struct encl_login *l, struct encl_err *e)
{
	encl_auto(encl_scopes_clear) struct encl_scopes scopes = {0};
	struct encl_credentials *c;
	const char *token;

	needed(call, &scopes);
	encl_scopes_add_all(&scopes, &l->wider);
	if (find_credentials(r, h, repository_of(call), &c, e))
		return -1;
	if (c->registry_token) {
		bearer(l, c->registry_token);
		l->fresh = true;
		return 0;
	}
	token = encl_tokens_find(h->tokens, repository_of(call), &scopes);
	l->fresh = !token;
	if (!token &&
	    encl_token_fetch(r, h, home, repository_of(call), c, &scopes, &token, e))
		return -1;
	bearer(l, token);
	return 0;
}

static int
use_what_is_wanted(struct encl_registry *r, struct encl_host *h,
		   const struct encl_origin *home, const struct encl_registry_call *call,
		   struct encl_login *l, struct encl_err *e)
{
	struct encl_credentials *c;

	switch (h->wants.kind) {
	case ENCL_CHALLENGE_BASIC:
		if (find_credentials(r, h, repository_of(call), &c, e))
			return -1;
		set_authorization(l, encl_basic(c));
		l->fresh = true;
		return 0;
	case ENCL_CHALLENGE_BEARER:
		return use_token(r, h, home, call, l, e);
	default:
		return 0;
	}
}

int
encl_authorize(struct encl_registry *r, struct encl_host *h,
	       const struct encl_origin *home, const struct encl_registry_call *call,
	       struct encl_login *l, struct encl_err *e)
{
	int rc;

	pthread_mutex_lock(&h->lock);
	rc = use_what_is_wanted(r, h, home, call, l, e);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/*
 * A challenge's scopes beyond the call's own: those of other kinds and names
 * at once (some registries name repositories in their own way), further
 * actions on our repository only where a token without them was refused.
 */
static void
widen(const struct encl_registry_call *call, const struct encl_challenge *asked,
      bool refused, struct encl_login *l)
{
	encl_auto(encl_scopes_clear) struct encl_scopes own = {0};
	encl_auto(encl_scopes_clear) struct encl_scopes all = {0};

	if (!asked->scope)
		return;
	needed(call, &own);
	encl_scopes_add_text(&all, asked->scope);
	if (refused) {
		encl_scopes_add_all(&l->wider, &all);
		return;
	}
	for (size_t i = 0; i < all.n; i++)
		if (!encl_scopes_have_head(&own, all.v[i].head)) {
			encl_auto(encl_free) char *text = encl_scope_text(&all.v[i]);

			encl_scopes_add_text(&l->wider, text);
		}
}

/* Whether asking once more can end otherwise. */
static bool
is_hopeless(const struct encl_registry_call *call, const struct encl_challenge *asked,
	    const struct encl_login *l, const struct encl_scopes *before)
{
	encl_auto(encl_scopes_clear) struct encl_scopes had = {0};

	if (!l->authorization)
		return false;
	if (asked->kind == ENCL_CHALLENGE_BASIC)
		return !strncmp(l->authorization, "Basic ", 6);
	if (strncmp(l->authorization, "Bearer ", 7) != 0 || !l->fresh)
		return false;
	needed(call, &had);
	encl_scopes_add_all(&had, before);
	return encl_scopes_cover(&had, &l->wider);
}

int
encl_challenged(struct encl_registry *r, struct encl_host *h,
		const struct encl_origin *home, const struct encl_registry_call *call,
		struct encl_answer *a, struct encl_login *l, bool *again,
		struct encl_err *e)
{
	encl_auto(encl_scopes_clear) struct encl_scopes before = {0};
	int rc;

	*again = false;
	if (a->elsewhere || a->asked.kind == ENCL_CHALLENGE_NONE ||
	    l->rounds++ == ROUNDS_MAX)
		return 0;
	encl_scopes_add_all(&before, &l->wider);
	widen(call, &a->asked, l->authorization != NULL, l);
	if (is_hopeless(call, &a->asked, l, &before))
		return 0;
	pthread_mutex_lock(&h->lock);
	encl_challenge_clear(&h->wants);
	h->wants = a->asked;
	memset(&a->asked, 0, sizeof a->asked);
	if (l->authorization && !strncmp(l->authorization, "Bearer ", 7))
		encl_tokens_drop(&h->tokens, l->authorization + 7);
	rc = use_what_is_wanted(r, h, home, call, l, e);
	pthread_mutex_unlock(&h->lock);
	*again = !rc && l->authorization;
	return rc;
}
