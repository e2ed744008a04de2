/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of blobs (distribution-spec 1.1, "Pushing blobs", "Mounting a blob"):
 * one PUT in a session, which is never taken up again but begun anew.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/registry.h"

enum {
	FIRST_DELAY_MS = 100,
	MAX_UPLOADS = 4, /* of one blob */
	CANCEL_S = 10,
	SETTLE_MS = 200,
	REPLY_MAX = 64 * 1024
};

/* Counts one more that is open, unless they are to end. */
static int
enter(struct encl_registry_uploads *all, struct encl_err *e)
{
	bool ended;

	pthread_mutex_lock(&all->lock);
	ended = atomic_load(&all->ended);
	all->open += !ended;
	pthread_mutex_unlock(&all->lock);
	return ended ? encl_fail(e, ENCL_NETWORK, "the upload was cancelled") : 0;
}

static void
leave(struct encl_registry_uploads *all)
{
	pthread_mutex_lock(&all->lock);
	all->open--;
	pthread_cond_broadcast(&all->fewer);
	pthread_mutex_unlock(&all->lock);
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
	const struct timespec until = {.tv_sec = (time_t)encl_now() + CANCEL_S};

	pthread_mutex_lock(&all->lock);
	atomic_store(&all->ended, true);
	while (all->open && !pthread_cond_timedwait(&all->fewer, &all->lock, &until))
		;
	pthread_mutex_unlock(&all->lock);
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
		.stop = &encl_registry_uploads(r)->ended,
		.progress = tell,
		.arg = &s,
	};

	return encl_registry_call(r, &call, &reply, broken, e);
}

/* What was begun is ended or taken back, whatever happens meanwhile. */
static int
send_begun(struct encl_registry *r, const struct encl_reference *where,
	   const struct encl_registry_blob *blob, int fd, uint64_t offset,
	   const char *location, bool *broken, struct encl_err *e)
{
	const atomic_bool *ended = &encl_registry_uploads(r)->ended;

	if (!send_body(r, where, blob, fd, offset, location, broken, e))
		return 0;
	/* a registry that has not seen yet that the PUT is over may refuse */
	if (atomic_load(ended))
		encl_clock_sleep(SETTLE_MS);
	/* also where it is begun again: that is another session */
	cancel(r, where, location);
	return -1;
}

/* From the POST on; *again where the PUT was cut. */
static int
upload(struct encl_registry *r, const struct encl_reference *where,
       const struct encl_registry_blob *blob, int fd, uint64_t offset, const char *from,
       enum encl_registry_outcome *outcome, bool *again, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	struct encl_registry_uploads *all = encl_registry_uploads(r);
	char text[ENCL_DIGEST_TEXT];
	int rc;

	*again = false;
	encl_digest_format(&blob->digest, text);
	if (enter(all, e))
		return -1;
	rc = begin_upload(r, where, text, from, &reply, e);
	*outcome = ENCL_BLOB_MOUNTED;
	if (!rc && reply.status != 201) {
		*outcome = ENCL_BLOB_SENT;
		rc = send_begun(r, where, blob, fd, offset, reply.location, again, e);
	}
	leave(all);
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
