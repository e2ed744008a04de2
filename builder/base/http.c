/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One libcurl multi handle in one thread.  Each get is a small machine:
 * waiting (for its turn or its next attempt) -> active -> done or failed.
 */
#include "base/http.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/curl.h"
#include "base/log.h"

enum { MAX_ACTIVE = 6, SOCKET_STALL_S = 1800 };

enum state { WAITING, ACTIVE, DONE };

struct transfer {
	struct encl_http_get *get;
	enum state state;
	size_t url;
	unsigned attempt;
	uint64_t ready_ms; /* WAITING: not before */
	CURL *curl;
	struct encl_sink *sink;
	uint64_t received;
	struct encl_err err; /* of the sink, or the last attempt */
	bool sink_failed;
	bool too_large;
	char text[CURL_ERROR_SIZE];
};

struct batch {
	struct encl_env *env;
	const char *label;
	CURLM *multi;
	struct transfer *v;
	size_t n;
	size_t active;
	uint64_t total; /* 0 where a size is unknown */
	uint64_t shown;
};

char *
encl_http_redact(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);
	size_t shown;

	if (at)
		authority -= (size_t)(at + 1 - host);
	else
		at = host - 1;
	shown = authority + strcspn(at + 1 + authority, "?#");
	return encl_xasprintf("%.*s%.*s%s", (int)(host - url), url, (int)shown, at + 1,
			      at[1 + shown] ? "?…" : "");
}

static uint64_t
received(const struct batch *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->n; i++)
		sum += b->v[i].received;
	return sum;
}

static size_t
on_data(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count;

	if (n > t->get->max - t->received) {
		t->too_large = true;
		return 0;
	}
	t->received += n;
	if (encl_sink_write(t->sink, p, n, &t->err)) {
		t->sink_failed = true;
		return 0;
	}
	return n;
}

static void
show_progress(struct batch *b)
{
	uint64_t now = received(b);

	/* done == total ends a progress line, so only the end may say so */
	if (now == b->shown || (b->total && now >= b->total))
		return;
	b->shown = now;
	encl_progress(b->env->log, b->label, now, b->total);
}

static void
set_options(struct transfer *t, const char *url)
{
	CURL *c = t->curl;
	bool secure = !strncmp(url, "https:", 6);

	encl_curl_set_common(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->text);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http,file");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "https,http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)ENCL_CURL_REDIRECTS);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	if (t->get->socket) { /* of this machine: no proxy, and it may think long:
				 dockerd writes an image to its disk first */
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, t->get->socket);
		curl_easy_setopt(c, CURLOPT_PROXY, "");
		curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SOCKET_STALL_S);
	}
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
}

/* The handle stays with the transfer: its connection is used again. */
static int
start(struct batch *b, struct transfer *t, struct encl_err *e)
{
	t->received = 0;
	t->sink_failed = false;
	t->too_large = false;
	t->text[0] = 0;
	t->attempt++;
	if (t->get->begin(t->get, &t->sink, e))
		return -1;
	if (!t->curl)
		t->curl = curl_easy_init();
	if (!t->curl)
		abort();
	set_options(t, t->get->urls[t->url]);
	if (curl_multi_add_handle(b->multi, t->curl))
		abort();
	t->state = ACTIVE;
	b->active++;
	return 0;
}

static bool
worth_another_try(CURLcode code, long status)
{
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return encl_curl_status_passes(status);
	return encl_curl_error_passes(code);
}

/* Puts what went wrong into t->err.  Never called for a failure of the sink. */
static void
describe(struct transfer *t, CURLcode code, long status)
{
	encl_auto(encl_free) char *url = encl_http_redact(t->get->urls[t->url]);

	encl_curl_hide(t->text);
	if (t->too_large || code == CURLE_FILESIZE_EXCEEDED)
		encl_fail(&t->err, ENCL_NETWORK,
			  "GET %s: the answer is larger than %" PRIu64 " bytes", url,
			  t->get->max);
	else if (code == CURLE_HTTP_RETURNED_ERROR)
		encl_fail(&t->err, ENCL_NETWORK, "GET %s: HTTP status %ld%s", url, status,
			  encl_curl_hint(status));
	else if (code == CURLE_COULDNT_CONNECT && t->get->socket)
		encl_fail(&t->err, ENCL_NETWORK,
			  "GET %s: nobody answers at %s; does the server run, and may "
			  "you talk to it?",
			  url, t->get->socket);
	else if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
		 code == CURLE_COULDNT_RESOLVE_PROXY)
		encl_fail(&t->err, ENCL_NETWORK,
			  "GET %s: %s; check the network, http_proxy and the address, "
			  "or use --offline with a filled cache",
			  url, t->text[0] ? t->text : curl_easy_strerror(code));
	else
		encl_fail(&t->err, ENCL_NETWORK, "GET %s: %s", url,
			  t->text[0] ? t->text : curl_easy_strerror(code));
}

static void
wait_before_next(struct batch *b, struct transfer *t)
{
	curl_off_t after = 0;
	uint64_t delay;

	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &after);
	delay = encl_curl_delay_ms(t->attempt, after > 0 ? (uint64_t)after : 0);
	t->ready_ms = encl_clock_ms() + delay;
	t->state = WAITING;
	encl_debug(b->env->log, "%s; trying again in %" PRIu64 " ms", t->err.msg, delay);
}

static int
next_url(struct batch *b, struct transfer *t, struct encl_err *e)
{
	if (t->url + 1 == t->get->n_urls) {
		*e = t->err;
		return -1;
	}
	encl_debug(b->env->log, "%s; trying the next address", t->err.msg);
	t->url++;
	t->attempt = 0;
	t->ready_ms = 0;
	t->state = WAITING;
	return 0;
}

static int
finish(struct batch *b, struct transfer *t, CURLcode code, struct encl_err *e)
{
	long status = 0;

	b->active--;
	curl_multi_remove_handle(b->multi, t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK) {
		encl_auto(encl_free) char *url = NULL;

		if (!t->get->end(t->get, &t->err)) {
			t->state = DONE;
			curl_easy_cleanup(encl_take(t->curl, NULL));
			return 0;
		}
		url = encl_http_redact(t->get->urls[t->url]);
		encl_wrap(&t->err, "GET %s", url);
		return next_url(b, t, e);
	}
	if (t->sink_failed) { /* our side: another try would not help */
		*e = t->err;
		return -1;
	}
	describe(t, code, status);
	if (worth_another_try(code, status) && !t->too_large &&
	    t->attempt < ENCL_CURL_ATTEMPTS) {
		wait_before_next(b, t);
		return 0;
	}
	return next_url(b, t, e);
}

/* Starts what may start; *left counts what is not done, *wait_ms is how long
 * nothing more can start. */
static int
start_ready(struct batch *b, size_t *left, int *wait_ms, struct encl_err *e)
{
	uint64_t now = encl_clock_ms();

	*left = 0;
	*wait_ms = 1000;
	for (size_t i = 0; i < b->n; i++) {
		struct transfer *t = &b->v[i];

		if (t->state == DONE)
			continue;
		++*left;
		if (t->state != WAITING)
			continue;
		if (t->ready_ms > now) {
			if (t->ready_ms - now < (uint64_t)*wait_ms)
				*wait_ms = (int)(t->ready_ms - now);
		} else if (b->active < MAX_ACTIVE && start(b, t, e)) {
			return -1;
		}
	}
	return 0;
}

/* Takes what has ended; *any says whether something had. */
static int
finish_ended(struct batch *b, bool *any, struct encl_err *e)
{
	CURLMsg *m;
	int n;

	*any = false;
	while ((m = curl_multi_info_read(b->multi, &n))) {
		struct transfer *t;

		if (m->msg != CURLMSG_DONE)
			continue;
		*any = true;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		if (finish(b, t, m->data.result, e))
			return -1;
	}
	return 0;
}

static int
run(struct batch *b, struct encl_err *e)
{
	for (;;) {
		size_t left;
		bool ended;
		int wait_ms;
		int n;

		if (start_ready(b, &left, &wait_ms, e))
			return -1;
		if (!left)
			return 0;
		if (curl_multi_perform(b->multi, &n))
			return encl_fail(e, ENCL_NETWORK, "%s: libcurl failed", b->label);
		if (finish_ended(b, &ended, e))
			return -1;
		show_progress(b);
		if (!ended && curl_multi_poll(b->multi, NULL, 0, wait_ms, NULL))
			return encl_fail(e, ENCL_NETWORK, "%s: libcurl failed", b->label);
	}
}

static int
check_url(struct encl_env *env, const char *socket, const char *url, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_http_redact(url);

	if (!strncmp(url, "file:", 5))
		return 0;
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return encl_fail(e, ENCL_USAGE, "\"%s\" is not a http, https or file URL",
				 shown);
	if (env->offline && !socket)
		return encl_fail(e, ENCL_NETWORK,
				 "GET %s: not tried, because of --offline", shown);
	return 0;
}

static void
clear(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (!b->v[i].curl)
			continue;
		curl_multi_remove_handle(b->multi, b->v[i].curl);
		curl_easy_cleanup(b->v[i].curl);
	}
	free(b->v);
	curl_multi_cleanup(b->multi);
}

int
encl_http_get_all(struct encl_env *env, const char *label,
		  struct encl_http_get *const *gets, size_t n, struct encl_err *e)
{
	struct batch b = {.env = env, .label = label, .n = n};
	bool sizes = true;
	int rc;

	for (size_t i = 0; i < n; i++)
		for (size_t u = 0; u < gets[i]->n_urls; u++)
			if (check_url(env, gets[i]->socket, gets[i]->urls[u], e))
				return -1;
	encl_curl_init();
	b.multi = curl_multi_init();
	if (!b.multi)
		abort();
	curl_multi_setopt(b.multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_ACTIVE);
	b.v = encl_xcalloc(n, sizeof *b.v);
	for (size_t i = 0; i < n; i++) {
		b.v[i].get = gets[i];
		b.total += gets[i]->size;
		sizes = sizes && gets[i]->size;
	}
	if (!sizes)
		b.total = 0;
	rc = run(&b, e);
	if (!rc)
		encl_progress(env->log, label, received(&b), received(&b));
	clear(&b);
	return rc;
}

struct get_buf {
	struct encl_http_get get;
	struct encl_sink_buf sink;
	struct encl_buf *buf;
	const char *url;
};

static int
begin_buf(struct encl_http_get *get, struct encl_sink **sink, struct encl_err *e)
{
	struct get_buf *g = (struct get_buf *)get;

	(void)e;
	encl_buf_clear(g->buf);
	encl_sink_buf_init(&g->sink, g->buf, g->url);
	*sink = &g->sink.sink;
	return 0;
}

static int
end_buf(struct encl_http_get *get, struct encl_err *e)
{
	(void)get;
	(void)e;
	return 0;
}

int
encl_http_get_socket(struct encl_env *env, const char *socket, const char *url,
		     struct encl_buf *out, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_http_redact(url);
	struct get_buf g = {.buf = out, .url = url};
	struct encl_http_get *list[] = {&g.get};

	g.get.urls = &g.url;
	g.get.n_urls = 1;
	g.get.socket = socket;
	g.get.max = out->cap;
	g.get.begin = begin_buf;
	g.get.end = end_buf;
	return encl_http_get_all(env, shown, list, 1, e);
}

int
encl_http_get_buf(struct encl_env *env, const char *url, struct encl_buf *out,
		  struct encl_err *e)
{
	return encl_http_get_socket(env, NULL, url, out, e);
}
