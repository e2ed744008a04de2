/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads of blobs (distribution-spec 1.1, "Pushing blobs", "Mounting a blob"):
 * one PUT in a session, which is never taken up again but begun anew.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/registry.h"

enum {
	FIRST_DELAY_MS = 100,
	MAX_UPLOADS = 4, /* of one blob */
	REPLY_MAX = 64 * 1024
};

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
