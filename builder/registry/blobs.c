/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs of a registry (distribution-spec 1.1, "Pulling blobs"; RFC 9110 §14 for
 * ranges).  A download is as many exchanges as it takes; each goes on where the
 * one before was cut.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/registry.h"

enum {
	MAX_IDLE = 5,	      /* cuts in a row that brought next to nothing */
	PROGRESS = 64 * 1024, /* bytes that make a cut no idle one */
	FIRST_DELAY_MS = 100,
	MAX_RESTARTS = 3, /* by servers that ignore the range */
	MAX_UPLOADS = 4,  /* of one blob */
	REPLY_MAX = 64 * 1024
};

/* One exchange of a download. */
struct attempt {
	struct encl_sink sink;
	struct encl_registry_fetch *f;
	const char *what;
	struct encl_log *log;
	unsigned restarts;
	bool other_range; /* than was asked for: from the start, then */
};

static int
wrong_size(const struct attempt *a, uint64_t size, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED,
			 "%s: the registry has %" PRIu64
			 " bytes of it, its descriptor says %" PRIu64,
			 a->what, size, a->f->blob.size);
}

/* From the start, where the registry cannot go on from the middle. */
static int
begin_anew(struct attempt *a, struct encl_err *e)
{
	if (++a->restarts > MAX_RESTARTS)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: the connection breaks, and the registry cannot go "
				 "on from byte %" PRIu64,
				 a->what, a->f->done);
	a->f->done = 0;
	return a->f->restart(a->f, e);
}

/* 206 must be the very rest; 200 is all of it from the start. */
static int
begin(void *arg, const struct encl_registry_reply *reply, struct encl_err *e)
{
	struct attempt *a = arg;
	struct encl_registry_fetch *f = a->f;
	bool partial = reply->status == 206;

	if (partial && (!reply->has_range || reply->total != f->blob.size ||
			reply->first != f->done || reply->last + 1 != f->blob.size)) {
		a->other_range = f->done > 0;
		return encl_fail(e, ENCL_NETWORK,
				 "%s: the answer is not the range that was asked for",
				 a->what);
	}
	if (!partial && f->done && begin_anew(a, e))
		return -1;
	if (reply->length != UINT64_MAX && reply->length != f->blob.size - f->done)
		return wrong_size(a, f->done + reply->length, e);
	return 0;
}

static int
take(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct attempt *a = (struct attempt *)sink;
	struct encl_registry_fetch *f = a->f;

	if (n > f->blob.size - f->done)
		return encl_fail(e, ENCL_FAILED,
				 "%s: is larger than the %" PRIu64
				 " bytes that its descriptor says",
				 a->what, f->blob.size);
	if (encl_sink_write(f->sink, p, n, e))
		return -1;
	f->done += n;
	if (f->blob.label && f->done < f->blob.size)
		encl_progress(a->log, f->blob.label, f->done, f->blob.size);
	return 0;
}

/* *again: it was cut, or ended before its end, and more can be had. */
static int
fetch(struct encl_registry *r, const struct encl_reference *where, struct attempt *a,
      bool *again, struct encl_err *e)
{
	static const long unsatisfiable[] = {416, 0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	struct encl_registry_fetch *f = a->f;
	char text[ENCL_DIGEST_TEXT];
	int rc;

	encl_digest_format(&f->blob.digest, text);
	encl_auto(encl_free) char *path = encl_xasprintf("blobs/%s", text);
	const struct encl_registry_call call = {
		.method = "GET",
		.where = where,
		.path = path,
		.offset = f->done,
		.fd = -1,
		.begin = begin,
		.arg = a,
		.sink = &a->sink,
		.max = UINT64_MAX, /* begin and take know better */
		.also = f->done ? unsatisfiable : NULL,
	};

	*again = false;
	a->other_range = false;
	rc = encl_registry_call(r, &call, &reply, again, e);
	f->received += reply.got;
	if ((rc && a->other_range) || reply.status == 416)
		return begin_anew(a, e);
	if (rc)
		return -1;
	if (f->done == f->blob.size)
		return 0;
	*again = true;
	return encl_fail(e, ENCL_NETWORK,
			 "%s: the answer ended after %" PRIu64 " of %" PRIu64 " bytes",
			 a->what, f->done, f->blob.size);
}

int
encl_registry_blob_get(struct encl_registry *r, const struct encl_reference *where,
		       struct encl_registry_fetch *f, struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];
	unsigned idle = 0;

	encl_digest_format(&f->blob.digest, text);
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s/%s: blob %s", where->host, where->repository, text);
	struct attempt a = {
		.sink = {take}, .f = f, .what = what, .log = encl_registry_env(r)->log};

	while (f->done < f->blob.size) {
		uint64_t before = f->received;
		uint64_t got;
		bool again;

		if (!fetch(r, where, &a, &again, e))
			continue;
		/* what brought nothing at all was tried again by the call itself */
		got = f->received - before;
		idle = got > PROGRESS ? 0 : idle + 1;
		if (!again || !got || idle > MAX_IDLE)
			return -1;
		encl_debug(a.log, "%s; going on from byte %" PRIu64, e->msg, f->done);
		if (idle)
			encl_clock_sleep((uint64_t)FIRST_DELAY_MS << idle);
	}
	if (f->blob.label)
		encl_progress(a.log, f->blob.label, f->blob.size, f->blob.size);
	return 0;
}

/* ---- uploads ---- */

struct encl_registry_upload {
	struct encl_registry_upload *next;
	const struct encl_reference *where;
	char *url;
};

static void
remember(struct encl_registry *r, struct encl_registry_upload *u)
{
	struct encl_registry_uploads *all = encl_registry_uploads(r);

	pthread_mutex_lock(&all->lock);
	u->next = all->first;
	all->first = u;
	pthread_mutex_unlock(&all->lock);
}

static void
forget(struct encl_registry *r, struct encl_registry_upload *u)
{
	struct encl_registry_uploads *all = encl_registry_uploads(r);
	struct encl_registry_upload **p = &all->first;

	pthread_mutex_lock(&all->lock);
	while (*p && *p != u)
		p = &(*p)->next;
	if (*p)
		*p = u->next;
	pthread_mutex_unlock(&all->lock);
	encl_free_at(&u->url);
}

/* Best effort: not every registry can, and none has to. */
static void
cancel(struct encl_registry *r, const struct encl_reference *where, const char *url)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	const struct encl_registry_call call = {
		.method = "DELETE",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.url = url,
		.fd = -1,
		.max = REPLY_MAX,
		.once = true,
	};
	struct encl_err ignored;

	if (encl_registry_call(r, &call, &reply, NULL, &ignored))
		encl_debug(encl_registry_env(r)->log, "%s", ignored.msg);
}

void
encl_registry_cancel_all(struct encl_registry *r)
{
	struct encl_registry_uploads *all = encl_registry_uploads(r);

	for (;;) {
		encl_auto(encl_reference_clear) struct encl_reference where = {0};
		encl_auto(encl_free) char *url = NULL;
		struct encl_registry_upload *u;
		struct encl_err ignored;

		/* whoever uploads may end at any moment: a copy is safe */
		pthread_mutex_lock(&all->lock);
		u = all->first;
		if (u) {
			all->first = u->next;
			url = encl_xstrdup(u->url);
			if (encl_reference_copy(u->where, &where, &ignored))
				encl_free_at(&url);
		}
		pthread_mutex_unlock(&all->lock);
		if (!u)
			return;
		if (url)
			cancel(r, &where, url);
	}
}

/* A registry that has it elsewhere may say so; any trouble with that is none. */
static int
begin_upload(struct encl_registry *r, const struct encl_reference *where,
	     const char *digest, const char *from, struct encl_registry_reply *reply,
	     struct encl_err *e)
{
	encl_auto(encl_free) char *mount =
		from ? encl_xasprintf("blobs/uploads/?mount=%s&from=%s", digest, from)
		     : NULL;
	struct encl_registry_call call = {
		.method = "POST",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.from = from,
		.path = mount,
		.fd = -1,
		.max = REPLY_MAX,
	};

	if (from && !encl_registry_call(r, &call, reply, NULL, e) &&
	    (reply->status == 201 || reply->location))
		return 0;
	encl_registry_reply_clear(reply);
	call.from = NULL;
	call.path = "blobs/uploads/";
	if (encl_registry_call(r, &call, reply, NULL, e))
		return -1;
	if (!reply->location)
		return encl_fail(e, ENCL_NETWORK,
				 "POST %s/%s: the registry does not say where to upload "
				 "to (no Location)",
				 where->host, where->repository);
	return 0;
}

struct sending {
	struct encl_log *log;
	const struct encl_registry_blob *blob;
};

static void
tell(void *arg, uint64_t sent, uint64_t received)
{
	const struct sending *s = arg;

	(void)received;
	if (s->blob->label && sent < s->blob->size)
		encl_progress(s->log, s->blob->label, sent, s->blob->size);
}

/* The one PUT of all bytes. */
static int
send_body(struct encl_registry *r, const struct encl_reference *where,
	  const struct encl_registry_blob *blob, int fd, uint64_t offset,
	  const char *location, bool *broken, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	struct sending s = {encl_registry_env(r)->log, blob};
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(&blob->digest, text);
	encl_auto(encl_free) char *url = encl_xasprintf(
		"%s%sdigest=%s", location, strchr(location, '?') ? "&" : "?", text);
	const struct encl_registry_call call = {
		.method = "PUT",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.url = url,
		.content_type = "application/octet-stream",
		.fd = fd,
		.fd_offset = offset,
		.size = blob->size,
		.max = REPLY_MAX,
		.once = true,
		.progress = tell,
		.arg = &s,
	};

	return encl_registry_call(r, &call, &reply, broken, e);
}

/* From the POST on; *again where the PUT was cut. */
static int
upload(struct encl_registry *r, const struct encl_reference *where,
       const struct encl_registry_blob *blob, int fd, uint64_t offset, const char *from,
       enum encl_registry_outcome *outcome, bool *again, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	struct encl_registry_upload u = {.where = where};
	char text[ENCL_DIGEST_TEXT];
	int rc;

	*again = false;
	encl_digest_format(&blob->digest, text);
	if (begin_upload(r, where, text, from, &reply, e))
		return -1;
	if (reply.status == 201) {
		*outcome = ENCL_BLOB_MOUNTED;
		return 0;
	}
	u.url = encl_xstrdup(reply.location);
	remember(r, &u);
	rc = send_body(r, where, blob, fd, offset, reply.location, again, e);
	if (rc) /* where it is begun again, too: that is another session */
		cancel(r, where, reply.location);
	forget(r, &u);
	*outcome = ENCL_BLOB_SENT;
	return rc;
}

static int
is_there(struct encl_registry *r, const struct encl_reference *where,
	 const struct encl_registry_blob *blob, bool *there, struct encl_err *e)
{
	static const long missing[] = {404, 0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(&blob->digest, text);
	encl_auto(encl_free) char *path = encl_xasprintf("blobs/%s", text);
	const struct encl_registry_call call = {
		.method = "HEAD",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.path = path,
		.also = missing,
		.fd = -1,
	};

	if (encl_registry_call(r, &call, &reply, NULL, e))
		return -1;
	*there = reply.status != 404;
	return 0;
}

int
encl_registry_blob_put(struct encl_registry *r, const struct encl_reference *where,
		       const struct encl_registry_blob *blob, int fd, uint64_t offset,
		       const char *from, enum encl_registry_outcome *outcome,
		       struct encl_err *e)
{
	struct encl_log *log = encl_registry_env(r)->log;
	bool there;
	bool again;

	if (is_there(r, where, blob, &there, e))
		return -1;
	*outcome = ENCL_BLOB_THERE;
	for (unsigned n = 1; !there; n++) {
		if (!upload(r, where, blob, fd, offset, from, outcome, &again, e))
			break;
		if (!again || n == MAX_UPLOADS)
			return -1;
		encl_debug(log, "%s; sending it again", e->msg);
		encl_clock_sleep((uint64_t)FIRST_DELAY_MS << n);
		/* it may have arrived although the answer did not */
		if (is_there(r, where, blob, &there, e))
			return -1;
		*outcome = ENCL_BLOB_SENT;
	}
	if (blob->label)
		encl_progress(log, blob->label, blob->size, blob->size);
	return 0;
}
