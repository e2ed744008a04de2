/* SPDX-License-Identifier: Apache-2.0 */
/* One call of the registry's API: address, authorisation, exchange, verdict. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/http.h"
#include "registry/internal.h"

struct work {
	struct encl_registry *r;
	struct encl_host *h;
	const struct encl_registry_call *call;
	struct encl_registry_reply *reply;
	char *url;
	struct encl_origin home;
	bool probing;
	struct encl_login login;
	struct encl_answer answer;
};

static void
work_clear(struct work *w)
{
	free(w->url);
	encl_origin_clear(&w->home);
	encl_login_clear(&w->login);
	encl_answer_clear(&w->answer);
}
ENCL_AUTO_VAL(struct work, work_clear);

static enum encl_speaks
speaks(struct encl_registry *r, struct encl_host *h)
{
	enum encl_speaks s;

	pthread_mutex_lock(&r->lock);
	s = h->speaks;
	pthread_mutex_unlock(&r->lock);
	return s;
}

static void
settle(struct encl_registry *r, struct encl_host *h, enum encl_speaks s)
{
	pthread_mutex_lock(&r->lock);
	h->speaks = s;
	pthread_mutex_unlock(&r->lock);
}

static bool
is_wanted(const struct encl_registry_call *call, long status)
{
	for (const long *s = call->also; s && *s; s++)
		if (*s == status)
			return true;
	return status >= 200 && status < 300;
}

/* On loopback https is tried first, once: who speaks it there means it. */
static int
set_address(struct work *w, struct encl_err *e)
{
	const struct encl_registry_call *call = w->call;
	enum encl_speaks s = speaks(w->r, w->h);
	encl_auto(encl_free) char *base = NULL;

	w->probing = s == ENCL_SPEAKS_UNKNOWN && !call->url;
	if (s == ENCL_SPEAKS_UNKNOWN && call->url && !strncasecmp(call->url, "http:", 5))
		s = ENCL_SPEAKS_HTTP; /* it came from there */
	base = encl_xasprintf("%s://%s/v2/", s == ENCL_SPEAKS_HTTP ? "http" : "https",
			      w->h->api);
	encl_origin_clear(&w->home);
	if (encl_origin_of(base, &w->home, e))
		return -1;
	free(w->url);
	w->url = NULL;
	if (call->url) {
		if (encl_address_check(&w->home, call->url, "a Location", e))
			return -1;
		w->url = encl_xstrdup(call->url);
	} else if (*call->path) {
		w->url = encl_xasprintf("%s%s/%s", base, call->where->repository,
					call->path);
	} else {
		w->url = encl_take(base, NULL);
	}
	return 0;
}

static int
send_once(struct work *w, bool *broken, struct encl_err *e)
{
	const struct encl_request q = {.method = w->call->method,
				       .url = w->url,
				       .home = &w->home,
				       .authorization = w->login.authorization,
				       .call = w->call,
				       .reply = w->reply,
				       .probing = w->probing};

	return encl_exchange(w->r, &q, &w->answer, broken, e);
}

/* A HEAD's error has no words: the same as GET has them. */
static void
ask_for_words(struct work *w)
{
	struct encl_registry_call call = {
		.method = "GET", .where = w->call->where, .accept = w->call->accept};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_answer_clear) struct encl_answer a = {0};
	const struct encl_request q = {.method = "GET",
				       .url = w->url,
				       .home = &w->home,
				       .authorization = w->login.authorization,
				       .call = &call,
				       .reply = &reply};
	struct encl_buf swap;

	encl_transport(w->r, &q, &a);
	if (a.ours || a.code || reply.status != w->reply->status)
		return;
	swap = w->answer.trouble;
	w->answer.trouble = a.trouble;
	a.trouble = swap;
}

static int
verdict(struct work *w, struct encl_err *e)
{
	const struct encl_request q = {.method = w->call->method,
				       .url = w->url,
				       .home = &w->home,
				       .authorization = w->login.authorization,
				       .call = w->call,
				       .reply = w->reply};

	if (is_wanted(w->call, w->reply->status))
		return 0;
	if (!strcmp(w->call->method, "HEAD") && !w->answer.elsewhere)
		ask_for_words(w);
	return encl_explain(&q, &w->answer, w->h->name, e);
}

static bool
is_refused(const struct work *w)
{
	const struct encl_answer *a = &w->answer;

	return w->reply->status == 401 ||
	       (w->reply->status == 403 && a->asked.kind == ENCL_CHALLENGE_BEARER &&
		a->asked.error && !strcmp(a->asked.error, "insufficient_scope"));
}

static int
run(struct work *w, bool *broken, struct encl_err *e)
{
	for (bool again = true; again;) {
		again = false;
		if (set_address(w, e))
			return -1;
		if (!w->login.authorization &&
		    encl_authorize(w->r, w->h, &w->home, w->call, &w->login, e))
			return -1;
		if (send_once(w, broken, e))
			return -1;
		if (w->answer.code) { /* no TLS there */
			settle(w->r, w->h, ENCL_SPEAKS_HTTP);
			again = true;
			continue;
		}
		if (w->probing)
			settle(w->r, w->h, ENCL_SPEAKS_HTTPS);
		if (!is_refused(w) || is_wanted(w->call, w->reply->status))
			break;
		if (encl_challenged(w->r, w->h, &w->home, w->call, &w->answer, &w->login,
				    &again, e))
			return -1;
	}
	return verdict(w, e);
}

int
encl_registry_call(struct encl_registry *r, const struct encl_registry_call *call,
		   struct encl_registry_reply *reply, bool *broken, struct encl_err *e)
{
	encl_auto(work_clear) struct work w = {.r = r, .call = call, .reply = reply};
	bool ignored;

	if (!broken)
		broken = &ignored;
	*broken = false;
	encl_registry_reply_clear(reply);
	encl_buf_init(&reply->body, call->max);
	w.h = encl_host_find(r, call->where);
	if (r->env->offline) {
		encl_auto(encl_free) char *url = NULL;

		if (set_address(&w, e))
			return -1;
		url = encl_http_redact(w.url);
		return encl_fail(e, ENCL_NETWORK,
				 "%s %s: not tried, because of --offline", call->method,
				 url);
	}
	return run(&w, broken, e);
}
