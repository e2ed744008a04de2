/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl calls while a request goes out and its answer comes in. */
#include "registry/transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/reply.h"

enum {
	HEADERS_MAX = 256 * 1024,
	DROPPED_MAX = 1024 * 1024, /* of a body that nobody wants */
	WARNINGS_MAX = 32
};

static void
warn_once(struct encl_transfer *t, const char *value)
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
take_field(struct encl_transfer *t, const char *name, const char *value)
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

size_t
encl_transfer_on_header(char *p, size_t size, size_t count, void *arg)
{
	struct encl_transfer *t = arg;
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
drop(struct encl_transfer *t, size_t n)
{
	t->dropped += n;
	if (t->dropped <= DROPPED_MAX)
		return n;
	t->enough = true;
	return 0;
}

static size_t
too_large(struct encl_transfer *t)
{
	t->a->ours = true;
	encl_fail(&t->a->err, ENCL_NETWORK, "the answer is larger than %" PRIu64 " bytes",
		  t->q->call->max);
	return 0;
}

static void
tell(struct encl_transfer *t)
{
	const struct encl_registry_call *call = t->q->call;

	if (call->progress)
		call->progress(call->arg, t->position, t->q->reply->got);
}

static size_t
to_caller(struct encl_transfer *t, const char *p, size_t n)
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

size_t
encl_transfer_on_body(char *p, size_t size, size_t count, void *arg)
{
	struct encl_transfer *t = arg;
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

size_t
encl_transfer_on_send(char *p, size_t size, size_t count, void *arg)
{
	struct encl_transfer *t = arg;
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

int
encl_transfer_on_seek(void *arg, curl_off_t offset, int origin)
{
	struct encl_transfer *t = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->q->call->size)
		return CURL_SEEKFUNC_FAIL;
	t->position = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

int
encl_transfer_on_progress(void *arg, curl_off_t down, curl_off_t downloaded,
			  curl_off_t up, curl_off_t uploaded)
{
	const struct encl_transfer *t = arg;

	(void)down;
	(void)downloaded;
	(void)up;
	(void)uploaded;
	return atomic_load(t->q->call->stop);
}
