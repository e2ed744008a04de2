/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request by libcurl's blocking interface.  Redirects, credentials
 * and repetition are decided above: libcurl is told to do none of them.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/log.h"
#include "registry/internal.h"
#include "registry/reply.h"

enum {
	HEADERS_MAX = 256 * 1024,
	DROPPED_MAX = 1024 * 1024, /* of a body that nobody wants */
	BODY_STALL_S = 300,	   /* a store may think long about a large blob */
	PROBE_TIMEOUT_S = 5,
	WARNINGS_MAX = 32
};

struct transfer {
	struct encl_registry *r;
	const struct encl_request *q;
	struct encl_answer *a;
	CURL *curl;
	bool secure;
	uint64_t header_bytes;
	uint64_t position; /* in the body that is sent */
	uint64_t dropped;
	bool enough; /* we ended the transfer; what came will do */
	struct encl_buf line;
};

void
encl_answer_clear(struct encl_answer *a)
{
	free(a->url);
	encl_challenge_clear(&a->asked);
	encl_buf_clear(&a->trouble);
	memset(a, 0, sizeof *a);
}

static void
warn_once(struct transfer *t, const char *value)
{
	encl_auto(encl_free) char *text = encl_warning_text(value);
	encl_auto(encl_free) char *shown = NULL;
	struct encl_registry *r = t->r;
	bool told = false;

	if (!text)
		return;
	shown = encl_printable(text, strlen(text));
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n_warnings; i++)
		told = told || !strcmp(r->warnings[i], shown);
	told = told || r->n_warnings == WARNINGS_MAX;
	if (!told) {
		r->warnings = encl_xrealloc(r->warnings, r->n_warnings + 1,
					    sizeof *r->warnings);
		r->warnings[r->n_warnings++] = encl_xstrdup(shown);
	}
	pthread_mutex_unlock(&r->lock);
	if (!told)
		encl_warn(r->env->log, "%s: the registry warns: %s", t->q->home->host,
			  shown);
}

static void
take_field(struct transfer *t, const char *name, const char *value)
{
	struct encl_answer *a = t->a;
	time_t date;

	if (!strcasecmp(name, "WWW-Authenticate")) {
		encl_challenge_read(value, &a->asked);
	} else if (!strcasecmp(name, "Date")) {
		date = curl_getdate(value, NULL);
		if (date > 0)
			a->skew_s = (int64_t)date - (int64_t)encl_now();
	} else if (!strcasecmp(name, "Warning")) {
		warn_once(t, value);
	} else {
		encl_reply_field(t->q->reply, t->q->url, name, value);
	}
}

static size_t
on_header(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count;
	encl_auto(encl_free) char *line = encl_xstrndup(p, n);
	char *colon;

	t->header_bytes += n;
	if (t->header_bytes > HEADERS_MAX) {
		t->a->ours = true;
		encl_fail(&t->a->err, ENCL_NETWORK, "the answer's header is too large");
		return 0;
	}
	if (!strncmp(line, "HTTP/", 5)) { /* the next answer, behind a 100 */
		encl_reply_restart(t->q->reply);
		encl_challenge_clear(&t->a->asked);
		return n;
	}
	colon = strchr(line, ':');
	if (!colon)
		return n;
	*colon++ = 0;
	colon += strspn(colon, " \t");
	colon[strcspn(colon, "\r\n")] = 0;
	for (size_t i = strlen(colon); i && (colon[i - 1] == ' ' || colon[i - 1] == '\t');
	     i--)
		colon[i - 1] = 0;
	take_field(t, line, colon);
	return n;
}

static size_t
drop(struct transfer *t, size_t n)
{
	t->dropped += n;
	if (t->dropped <= DROPPED_MAX)
		return n;
	t->enough = true;
	return 0;
}

static size_t
too_large(struct transfer *t)
{
	t->a->ours = true;
	encl_fail(&t->a->err, ENCL_NETWORK, "the answer is larger than %" PRIu64 " bytes",
		  t->q->call->max);
	return 0;
}

static void
tell(struct transfer *t)
{
	const struct encl_registry_call *call = t->q->call;

	if (call->progress)
		call->progress(call->arg, t->position, t->q->reply->got);
}

static size_t
to_caller(struct transfer *t, const char *p, size_t n)
{
	const struct encl_registry_call *call = t->q->call;
	struct encl_registry_reply *reply = t->q->reply;

	if (n > call->max - reply->got ||
	    (reply->length != UINT64_MAX && reply->length > call->max))
		return too_large(t);
	if (!reply->got && call->sink && call->begin &&
	    call->begin(call->arg, reply, &t->a->err)) {
		t->a->ours = true;
		t->a->of_sink = true;
		return 0;
	}
	if (call->sink && encl_sink_write(call->sink, p, n, &t->a->err)) {
		t->a->ours = true;
		t->a->of_sink = true;
		return 0;
	}
	if (!call->sink)
		encl_buf_add(&reply->body, p, n);
	reply->got += n;
	tell(t);
	return n;
}

static bool
is_answer(const struct encl_registry_call *call, long status)
{
	if (status < 300)
		return true;
	for (const long *s = call->also; s && *s; s++)
		if (*s == status)
			return true;
	return false;
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	const struct encl_registry_call *call = t->q->call;
	size_t n = size * count;
	size_t room;
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	t->q->reply->status = status;
	if (status == 200 || status == 206) {
		if (call->sink || call->max)
			return to_caller(t, p, n);
		return drop(t, n);
	}
	if (status < 300 && call->max && !call->sink)
		return to_caller(t, p, n);
	if (status < 300 || is_answer(call, status))
		return drop(t, n);
	room = t->a->trouble.cap - t->a->trouble.len;
	encl_buf_add(&t->a->trouble, p, n < room ? n : room);
	return n <= room ? n : drop(t, n);
}

static size_t
on_send(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	const struct encl_registry_call *call = t->q->call;
	uint64_t left = call->size - t->position;
	size_t n = size * count;
	ssize_t got;

	if (n > left)
		n = (size_t)left;
	if (call->data || !n) {
		if (n)
			memcpy(p, (const char *)call->data + t->position, n);
	} else {
		do
			got = pread(call->fd, p, n,
				    (off_t)(call->fd_offset + t->position));
		while (got < 0 && errno == EINTR);
		if (got <= 0) {
			t->a->ours = true;
			if (got < 0)
				encl_fail_sys(&t->a->err, ENCL_FAILED, "read");
			else
				encl_fail(&t->a->err, ENCL_FAILED,
					  "the file became shorter while it was sent");
			return CURL_READFUNC_ABORT;
		}
		n = (size_t)got;
	}
	t->position += n;
	tell(t);
	return n;
}

static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->q->call->size)
		return CURL_SEEKFUNC_FAIL;
	t->position = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool
has_body(const char *method)
{
	return !strcmp(method, "PUT") || !strcmp(method, "POST") ||
	       !strcmp(method, "PATCH");
}

static struct curl_slist *
add(struct curl_slist *list, const char *name, const char *value)
{
	encl_auto(encl_free) char *line = NULL;
	struct curl_slist *longer;

	if (!value)
		return list;
	line = encl_xasprintf("%s: %s", name, value);
	longer = curl_slist_append(list, line);
	if (!longer)
		abort();
	explicit_bzero(line, strlen(line));
	return longer;
}

static struct curl_slist *
headers(const struct encl_request *q, bool home)
{
	const struct encl_registry_call *call = q->call;
	struct curl_slist *list = NULL;
	char range[64];

	list = add(list, "Accept", call->accept ? call->accept : "*/*");
	if (has_body(q->method))
		list = add(list, "Content-Type",
			   call->content_type ? call->content_type
					      : "application/octet-stream");
	list = add(list, "If-Match", call->if_match);
	if (call->offset) {
		snprintf(range, sizeof range, "bytes=%" PRIu64 "-", call->offset);
		list = add(list, "Range", range);
	}
	if (home)
		list = add(list, "Authorization", q->authorization);
	return list;
}

static void
set_method(struct transfer *t)
{
	const char *method = t->q->method;
	CURL *c = t->curl;

	if (!strcmp(method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
		return;
	}
	if (!has_body(method)) {
		if (strcmp(method, "GET") != 0)
			curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
		return;
	}
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->q->call->size);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(c, CURLOPT_READDATA, t);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)BODY_STALL_S);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
}

static void
set_options(struct transfer *t, const struct encl_origin *o)
{
	CURL *c = t->curl;

	encl_curl_set_common(c);
	curl_easy_setopt(c, CURLOPT_SHARE, t->r->share);
	curl_easy_setopt(c, CURLOPT_URL, t->q->url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->a->text);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (encl_place_of(o->host) == ENCL_PLACE_LOOPBACK)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (t->q->probing)
		curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)PROBE_TIMEOUT_S);
	set_method(t);
}

static struct encl_handle *
take_handle(struct encl_registry *r, const char *origin)
{
	struct encl_handle *h = NULL;

	pthread_mutex_lock(&r->lock);
	for (struct encl_handle **p = &r->idle; *p; p = &(*p)->next) {
		if (strcmp((*p)->origin, origin) != 0)
			continue;
		h = *p;
		*p = h->next;
		break;
	}
	pthread_mutex_unlock(&r->lock);
	if (h)
		return h;
	h = encl_xcalloc(1, sizeof *h);
	h->origin = encl_xstrdup(origin);
	h->curl = curl_easy_init();
	if (!h->curl)
		abort();
	return h;
}

static void
give_handle(struct encl_registry *r, struct encl_handle *h)
{
	curl_easy_reset(h->curl);
	pthread_mutex_lock(&r->lock);
	h->next = r->idle;
	r->idle = h;
	pthread_mutex_unlock(&r->lock);
}

static void
wipe_list(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

static void
trace(struct transfer *t, bool authorized, uint64_t began)
{
	const struct encl_request *q = t->q;
	const struct encl_registry_reply *p = q->reply;
	encl_auto(encl_free) char *url = encl_http_redact(q->url);

	if (!t->r->trace)
		return;
	encl_debug(t->r->env->log,
		   "%s %s (%s, %" PRIu64 " bytes sent): %s%ld %s, %" PRIu64 " bytes, "
		   "%" PRIu64 " ms",
		   q->method, url,
		   !authorized				     ? "anonymous"
		   : !strncmp(q->authorization, "Basic ", 6) ? "password left out"
							     : "token left out",
		   t->position, t->a->code ? t->a->text : "", p->status,
		   p->content_type ? p->content_type : "-",
		   p->got + t->a->trouble.len + t->dropped, encl_clock_ms() - began);
}

static void
perform(struct transfer *t, const struct encl_origin *o, bool home)
{
	encl_auto(encl_free) char *origin =
		encl_xasprintf("%s://%s:%u", o->scheme, o->host, o->port);
	struct encl_handle *h = take_handle(t->r, origin);
	struct curl_slist *list = headers(t->q, home);
	uint64_t began = encl_clock_ms();
	curl_off_t after = 0;

	t->curl = h->curl;
	set_options(t, o);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, list);
	if (encl_tls_set(t->r, t->curl, o, &t->a->err)) {
		t->a->ours = true;
	} else {
		t->a->code = curl_easy_perform(t->curl);
		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->q->reply->status);
		curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &after);
		t->a->retry_after_s = after > 0 ? (uint64_t)after : 0;
	}
	if (t->enough && t->a->code == CURLE_WRITE_ERROR)
		t->a->code = CURLE_OK;
	if (!t->a->ours && t->a->code && !t->a->text[0])
		snprintf(t->a->text, sizeof t->a->text, "%s",
			 curl_easy_strerror(t->a->code));
	trace(t, home && t->q->authorization, began);
	give_handle(t->r, h);
	wipe_list(list);
}

void
encl_transport(struct encl_registry *r, const struct encl_request *q,
	       struct encl_answer *a)
{
	encl_auto(encl_origin_clear) struct encl_origin o = {0};
	struct transfer t = {.r = r, .q = q, .a = a};

	encl_answer_clear(a);
	encl_buf_init(&a->trouble, ENCL_REGISTRY_TROUBLE_MAX);
	encl_reply_restart(q->reply);
	q->reply->status = 0;
	a->url = encl_xstrdup(q->url);
	if (encl_origin_of(q->url, &o, &a->err)) {
		a->ours = true;
		return;
	}
	a->elsewhere = !encl_origin_equal(&o, q->home);
	perform(&t, &o, !a->elsewhere);
}
