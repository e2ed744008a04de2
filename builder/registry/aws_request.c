/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to AWS.  SigV4 is libcurl's; region and service are always given
 * (it would take them from the wrong labels of the host).  It signs the headers
 * that are given too, so that the session token is part of what is signed.
 */
#include "registry/aws.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/curl.h"
#include "base/secret.h"

enum {
	MAX_BODY = 256 * 1024,
	NEAR_CONNECT_MS = 1000,
	NEAR_MS = 5000,
	FAR_MS = 60000,
};

void
encl_aws_reply_clear(struct encl_aws_reply *r)
{
	encl_secret_buf_clear(&r->body);
	memset(r, 0, sizeof *r);
}

ENCL_AUTO_PTR(CURL, curl_easy_cleanup);

static size_t
on_data(char *p, size_t size, size_t n, void *arg)
{
	struct encl_aws_reply *r = arg;

	encl_buf_add(&r->body, p, size * n);
	return r->body.over ? 0 : size * n;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct encl_aws_reply *r = arg;
	char date[64];
	time_t t;

	if (size * n > 5 && size * n < sizeof date && !strncasecmp(p, "date:", 5)) {
		memcpy(date, p + 5, size * n - 5);
		date[size * n - 5] = 0;
		t = curl_getdate(date, NULL);
		if (t > 0)
			r->skew_s = (int64_t)t - (int64_t)encl_now();
	}
	return size * n;
}

static void
sign(CURL *c, const struct encl_aws_request *q)
{
	encl_auto(encl_free) char *how =
		encl_xasprintf("aws:amz:%s:%s", q->region, q->service);

	curl_easy_setopt(c, CURLOPT_AWS_SIGV4, how);
	curl_easy_setopt(c, CURLOPT_USERNAME, q->identity->key_id);
	curl_easy_setopt(c, CURLOPT_PASSWORD, q->identity->secret);
}

static struct curl_slist *
list_headers(const struct encl_aws_request *q)
{
	struct curl_slist *list = NULL; /* no "Expect:": libcurl 7.88 would sign it */

	for (size_t i = 0; q->headers[i]; i++)
		list = curl_slist_append(list, q->headers[i]);
	if (q->identity && q->identity->session) {
		encl_auto(encl_secret_free) char *h =
			encl_xasprintf("X-Amz-Security-Token: %s", q->identity->session);

		list = curl_slist_append(list, h);
	}
	return list;
}

static void
wipe_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(list);
}
ENCL_AUTO_PTR(struct curl_slist, wipe_headers);

static CURLcode
send_once(const struct encl_aws_request *q, struct encl_aws_reply *r)
{
	encl_auto(wipe_headers) struct curl_slist *headers = list_headers(q);
	encl_auto(curl_easy_cleanup) CURL *c = curl_easy_init();
	char text[CURL_ERROR_SIZE] = "";
	CURLcode code;

	if (!c)
		abort();
	encl_aws_reply_clear(r);
	encl_secret_buf_init(&r->body, MAX_BODY);
	encl_curl_set_common(c);
	curl_easy_setopt(c, CURLOPT_URL, q->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	if (q->body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
	if (q->near) {
		curl_easy_setopt(c, CURLOPT_PROXY, "");
		curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)NEAR_CONNECT_MS);
	}
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, q->near ? (long)NEAR_MS : (long)FAR_MS);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
	if (q->identity)
		sign(c, q);
	code = curl_easy_perform(c);
	encl_curl_hide(text);
	if (code == CURLE_OK)
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &r->status);
	else if (r->body.over)
		snprintf(r->trouble, sizeof r->trouble,
			 "the answer is larger than %d bytes", MAX_BODY);
	else
		snprintf(r->trouble, sizeof r->trouble, "%s",
			 *text ? text : curl_easy_strerror(code));
	return code;
}

void
encl_aws_send(const struct encl_aws_request *q, struct encl_aws_reply *r)
{
	encl_curl_init();
	for (unsigned attempt = 1;; attempt++) {
		CURLcode code = send_once(q, r);
		bool again = code == CURLE_OK ? encl_curl_status_passes(r->status) ||
							strstr(encl_buf_text(&r->body),
							       "Throttling")
					      : encl_curl_error_passes(code);

		if (!again || q->near || attempt == ENCL_CURL_ATTEMPTS)
			return;
		usleep((useconds_t)encl_curl_delay_ms(attempt, 0) * 1000);
	}
}
