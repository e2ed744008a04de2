/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects and repetition: from one request to the answer that counts. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/log.h"
#include "registry/internal.h"

static bool
is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 ||
	       status == 308;
}

static bool
is_wanted(const struct encl_registry_call *call, long status)
{
	for (const long *s = call->also; s && *s; s++)
		if (*s == status)
			return true;
	return false;
}

static bool
may_follow(const struct encl_request *q, const struct encl_answer *a)
{
	return !a->ours && !a->code && is_redirect(q->reply->status) &&
	       !is_wanted(q->call, q->reply->status) &&
	       (!strcmp(q->method, "GET") || !strcmp(q->method, "HEAD"));
}

/* Where the redirect leads, if we may go there; else a->err. */
static char *
next_url(const struct encl_request *q, struct encl_answer *a, unsigned hops)
{
	encl_auto(encl_origin_clear) struct encl_origin from = {0};

	a->ours = true; /* until it is found good */
	if (hops == ENCL_CURL_REDIRECTS)
		encl_fail(&a->err, ENCL_NETWORK, "more than %d redirects",
			  ENCL_CURL_REDIRECTS);
	else if (!q->reply->location)
		encl_fail(&a->err, ENCL_NETWORK,
			  "HTTP status %ld without a Location that can be read",
			  q->reply->status);
	else if (!encl_origin_of(a->url, &from, &a->err) &&
		 !encl_address_check(&from, q->reply->location, "a redirect", &a->err))
		a->ours = false;
	return a->ours ? NULL : encl_xstrdup(q->reply->location);
}

static void
follow(struct encl_registry *r, const struct encl_request *q, struct encl_answer *a)
{
	encl_auto(encl_free) char *url = NULL;
	struct encl_request step = *q;

	for (unsigned hops = 0;; hops++) {
		encl_transport(r, &step, a);
		if (!may_follow(&step, a))
			return;
		free(url);
		url = next_url(&step, a, hops);
		if (!url)
			return;
		step.url = url;
	}
}

static bool
passes(const struct encl_request *q, const struct encl_answer *a)
{
	if (a->code && a->proxy_status >= 300)
		return encl_curl_status_passes(a->proxy_status);
	if (a->code)
		return encl_curl_error_passes(a->code);
	return encl_curl_status_passes(q->reply->status) &&
	       !is_wanted(q->call, q->reply->status);
}

static bool
is_worth_it(const struct encl_request *q, const struct encl_answer *a, unsigned attempt)
{
	return attempt < ENCL_CURL_ATTEMPTS && !q->call->once &&
	       !(q->call->sink && q->reply->got) &&
	       a->retry_after_s <= ENCL_CURL_RETRY_AFTER_MAX_S;
}

static void
wait_a_little(struct encl_registry *r, const struct encl_request *q,
	      const struct encl_answer *a, unsigned attempt)
{
	uint64_t ms = encl_curl_delay_ms(attempt, a->retry_after_s);
	encl_auto(encl_free) char *url = encl_http_redact(a->url);

	if (a->code)
		encl_debug(r->env->log, "%s %s: %s; trying again in %" PRIu64 " ms",
			   q->method, url, a->text, ms);
	else
		encl_debug(r->env->log,
			   "%s %s: HTTP status %ld; trying again in %" PRIu64 " ms",
			   q->method, url, q->reply->status, ms);
	poll(NULL, 0, (int)ms);
}

static int
our_failure(const struct encl_request *q, const struct encl_answer *a, struct encl_err *e)
{
	encl_auto(encl_free) char *url = encl_http_redact(a->url ? a->url : q->url);

	*e = a->err;
	if (a->of_sink)
		return -1;
	return encl_wrap(e, "%s %s", q->method, url);
}

int
encl_exchange(struct encl_registry *r, const struct encl_request *q,
	      struct encl_answer *a, bool *broken, struct encl_err *e)
{
	for (unsigned attempt = 1;; attempt++) {
		encl_buf_clear(&q->reply->body);
		q->reply->got = 0;
		follow(r, q, a);
		q->reply->wait_s = a->retry_after_s;
		*broken = false;
		if (a->ours)
			return our_failure(q, a, e);
		if (q->probing && a->no_tls)
			return 0; /* before any byte of http went out */
		*broken = passes(q, a);
		if (!*broken || !is_worth_it(q, a, attempt))
			break;
		wait_a_little(r, q, a, attempt);
	}
	return a->code ? encl_explain_error(q, a, e) : 0;
}
