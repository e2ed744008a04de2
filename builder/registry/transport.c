/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request by libcurl's blocking interface.  Redirects, credentials
 * and repetition are decided above: libcurl is told to do none of them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/log.h"
#include "registry/internal.h"
#include "registry/reply.h"
#include "registry/transfer.h"

enum {
	BODY_STALL_S = 300, /* a store may think long about a large blob */
	SMALL_S = 300,	    /* for all of what is no blob */
	PROBE_TIMEOUT_S = 5,
	SEND_BUFFER = 256 * 1024
};

void
encl_answer_clear(struct encl_answer *a)
{
	free(a->url);
	encl_challenge_clear(&a->asked);
	encl_buf_clear(&a->trouble);
	memset(a, 0, sizeof *a);
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
set_method(struct encl_transfer *t)
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
	curl_easy_setopt(c, CURLOPT_READFUNCTION, encl_transfer_on_send);
	curl_easy_setopt(c, CURLOPT_READDATA, t);
	curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, encl_transfer_on_seek);
	curl_easy_setopt(c, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)BODY_STALL_S);
	curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BUFFER);
}

static void
set_options(struct encl_transfer *t, const struct encl_origin *o)
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
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, encl_transfer_on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, encl_transfer_on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (t->q->call->stop) {
		curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, encl_transfer_on_progress);
		curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
	}
	if (encl_place_of(o->host) == ENCL_PLACE_LOOPBACK)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (!t->q->call->sink && (!t->q->call->size || t->q->call->data))
		curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)SMALL_S);
	if (t->q->probing)
		curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)PROBE_TIMEOUT_S);
	set_method(t);
}

static void
wipe_list(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

static void
trace(struct encl_transfer *t, bool authorized, uint64_t began)
{
	const struct encl_request *q = t->q;
	const struct encl_registry_reply *p = q->reply;
	encl_auto(encl_free) char *url = encl_http_redact(q->url);

	if (!t->r->trace)
		return;
	encl_debug(t->r->env->log,
		   "%s %s (%s, %" PRIu64 " bytes sent): %s%s%ld %s, %" PRIu64 " bytes, "
		   "%" PRIu64 " ms",
		   q->method, url,
		   !authorized				     ? "anonymous"
		   : !strncmp(q->authorization, "Basic ", 6) ? "password left out"
							     : "token left out",
		   t->position, t->a->code ? t->a->text : "", t->a->code ? ", " : "",
		   p->status, p->content_type ? p->content_type : "-",
		   p->got + t->a->trouble.len + t->dropped, encl_clock_ms() - began);
}

static void
perform(struct encl_transfer *t, const struct encl_origin *o, bool home)
{
	encl_auto(encl_free) char *origin =
		encl_xasprintf("%s://%s:%u", o->scheme, o->host, o->port);
	struct encl_handle *h = encl_handle_take(t->r, origin);
	struct curl_slist *list = headers(t->q, home);
	uint64_t began = encl_clock_ms();
	curl_off_t after = 0;
	curl_off_t secured = 0; /* when TLS was agreed on */

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
		curl_easy_getinfo(t->curl, CURLINFO_HTTP_CONNECTCODE,
				  &t->a->proxy_status);
		curl_easy_getinfo(t->curl, CURLINFO_APPCONNECT_TIME_T, &secured);
		t->a->no_tls = !secured && (t->a->code == CURLE_SSL_CONNECT_ERROR ||
					    t->a->code == CURLE_OPERATION_TIMEDOUT);
	}
	if (t->enough && t->a->code == CURLE_WRITE_ERROR)
		t->a->code = CURLE_OK;
	if (!t->a->ours && t->a->code && !t->a->text[0])
		snprintf(t->a->text, sizeof t->a->text, "%s",
			 curl_easy_strerror(t->a->code));
	encl_curl_hide(t->a->text);
	trace(t, home && t->q->authorization, began);
	encl_handle_give(t->r, h);
	wipe_list(list);
}

void
encl_transport(struct encl_registry *r, const struct encl_request *q,
	       struct encl_answer *a)
{
	encl_auto(encl_origin_clear) struct encl_origin o = {0};
	struct encl_transfer t = {.r = r, .q = q, .a = a};

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
