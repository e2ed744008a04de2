/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads of blobs (distribution-spec 1.1, "Pulling blobs"; RFC 9110 §14 for
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
