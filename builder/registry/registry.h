/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of registries (distribution-spec 1.1) over libcurl.
 *
 * One struct encl_registry serves one run of the tool: it keeps connections,
 * credentials and tokens of every host that it meets, and may be used by
 * several threads at once.  Credentials go to the host (scheme, name and port)
 * that they are for and to no other, whatever redirects say.
 */
#ifndef ENCL_REGISTRY_REGISTRY_H
#define ENCL_REGISTRY_REGISTRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "base/json.h"
#include "base/stream.h"
#include "registry/reference.h"

struct encl_credentials;
struct encl_registry;

struct encl_registry_options {
	const char *auth_file; /* NULL: the usual ones (credentials.h) */
	/* `login`: these, for whatever host, instead of looking for some; borrowed
	 * for the client's life.  NULL: encl_credentials_find */
	const struct encl_credentials *credentials;
	const char *ca_file;   /* PEM, besides the system's; or NULL */
	const char *certs_dir; /* NULL: /etc/docker/certs.d; HOST/{*.crt,*.cert,*.key} */
	bool plain_http;       /* http also where the host is not loopback */
	bool trace;	       /* each request to env->log, secrets left out */
};
/* options NULL: all defaults.  env is borrowed for the client's life. */
int encl_registry_open(struct encl_env *env, const struct encl_registry_options *options,
		       struct encl_registry **out, struct encl_err *e) ENCL_MUST_CHECK;
void encl_registry_free(struct encl_registry *r);
ENCL_AUTO_PTR(struct encl_registry, encl_registry_free);

/* ---- one exchange (call.c) ---- */

enum encl_registry_access { ENCL_REGISTRY_PULL, ENCL_REGISTRY_PUSH /* pull,push */ };

struct encl_registry_reply {
	long status;
	char *content_type; /* without parameters; or NULL */
	char *location;	    /* absolute; or NULL */
	char *digest;	    /* Docker-Content-Digest; or NULL */
	char *subject;	    /* OCI-Subject; or NULL */
	char *filters;	    /* OCI-Filters-Applied; or NULL */
	char *next;	    /* of Link: rel=next, absolute; or NULL */
	char *etag;	    /* or NULL */
	uint64_t length;    /* of the body as announced; UINT64_MAX: unknown */
	bool has_range;	    /* Content-Range: */
	uint64_t first, last, total;
	uint64_t got;	      /* bytes of the body that came */
	uint64_t wait_s;      /* Retry-After, or 0; right also on failure */
	struct encl_buf body; /* without a sink */
};
void encl_registry_reply_clear(struct encl_registry_reply *r);
ENCL_AUTO_VAL(struct encl_registry_reply, encl_registry_reply_clear);

struct encl_registry_call {
	const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
	const struct encl_reference *where; /* host and repository */
	enum encl_registry_access access;
	const char *from; /* a second repository that is read (mount); or NULL */
	const char *path; /* below /v2/REPOSITORY/, query included: "blobs/sha256:…";
			   * "" asks for /v2/ itself */
	const char *url;  /* instead of path: a Location that the registry gave */
	const char *accept;
	const char *content_type;
	const char *if_match;
	uint64_t offset; /* of a GET: "Range: bytes=OFFSET-"; 0: all */
	/* The body sent: size bytes at data, or at fd_offset of fd (data NULL). */
	const void *data;
	int fd;
	uint64_t fd_offset;
	uint64_t size;
	/* The body received: to sink where the status is 200 or 206 (sink NULL:
	 * to reply.body); more than max bytes are an error; sink NULL and max 0:
	 * what comes is dropped.  begin (or NULL) is
	 * called with arg and the head of the answer (status, length, range; its
	 * body is to come) before the sink's first byte, once each time that
	 * bytes are about to flow; its failure ends the call. */
	int (*begin)(void *arg, const struct encl_registry_reply *reply,
		     struct encl_err *e);
	struct encl_sink *sink;
	uint64_t max;
	/* Status codes from 300 that are an answer and no error; ends in 0. */
	const long *also;
	bool once; /* not tried again (but for authorisation): an upload's body */
	const atomic_bool *stop; /* once true, it ends in an error; or NULL */
	/* Called as bytes go either way; may be NULL. */
	void (*progress)(void *arg, uint64_t sent, uint64_t received);
	void *arg;
};
/*
 * Sends it with what authorisation the host wants, follows redirects (GET and
 * HEAD only, at most ten, without credentials to another host), and tries again
 * what failed on the way or was answered with 408, 429 or 5xx (Retry-After is
 * kept, up to a minute) as long as the sink has got no byte.  ENCL_NETWORK "METHOD URL:
 * HTTP status N: CODE: message (what to do)"; *broken (may be NULL) is then whether the
 * connection failed or the server was in trouble, so that going on from where it stopped
 * can help.  reply->got is right in every case.
 */
int encl_registry_call(struct encl_registry *r, const struct encl_registry_call *call,
		       struct encl_registry_reply *reply, bool *broken,
		       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The uploads that are open, for cancel_all (uploads.c).  struct encl_registry
 * has one; this (client.c) returns it.
 */
struct encl_registry_uploads {
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	unsigned open;
	atomic_bool ended; /* none is begun any more */
};
struct encl_registry_uploads *encl_registry_uploads(struct encl_registry *r);
/* What it was opened with (client.c). */
struct encl_env *encl_registry_env(struct encl_registry *r);

/* ---- manifests (manifests.c) ---- */

#define ENCL_MEDIA_OCI_MANIFEST	   "application/vnd.oci.image.manifest.v1+json"
#define ENCL_MEDIA_OCI_INDEX	   "application/vnd.oci.image.index.v1+json"
#define ENCL_MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define ENCL_MEDIA_DOCKER_LIST	   "application/vnd.docker.distribution.manifest.list.v2+json"
#define ENCL_MEDIA_OCI_EMPTY	   "application/vnd.oci.empty.v1+json"

enum { ENCL_REGISTRY_MANIFEST_MAX = 4 * 1024 * 1024 };

struct encl_registry_manifest {
	char *text; /* its bytes, NUL behind */
	size_t n;
	char *media_type;
	struct encl_digest
		digest; /* of text: verified where it was asked for by digest */
};
void encl_registry_manifest_clear(struct encl_registry_manifest *m);
ENCL_AUTO_VAL(struct encl_registry_manifest, encl_registry_manifest_clear);

/* version: a digest or tag.  found NULL: a missing one is an error. */
int encl_registry_manifest_get(struct encl_registry *r,
			       const struct encl_reference *where, const char *version,
			       struct encl_registry_manifest *out, bool *found,
			       struct encl_err *e) ENCL_MUST_CHECK;
/* Puts it unless the same is there (a tag that stands is left alone where it
 * has this digest: immutable tags).  *sent says whether it was put; *subject
 * (both may be NULL) whether the registry answered OCI-Subject, with its digest. */
int encl_registry_manifest_put(struct encl_registry *r,
			       const struct encl_reference *where, const char *version,
			       const char *media_type, const char *text, size_t n,
			       bool *sent, bool *subject,
			       struct encl_err *e) ENCL_MUST_CHECK;

/* ---- blobs (blobs.c) ---- */

struct encl_registry_blob {
	struct encl_digest digest;
	uint64_t size;
	const char *label; /* of its progress; NULL: none */
};

/*
 * Fetches a blob from byte *done on into sink, going on after each cut (Range,
 * exact Content-Range) until all size bytes came.  A server that ignores Range
 * is told by restart() (which drops what was written; *done is 0 then).  The
 * bytes are not hashed here: the caller's sink does.  *done is how far it got
 * also on failure.
 */
struct encl_registry_fetch {
	struct encl_registry_blob blob;
	struct encl_sink *sink;
	uint64_t done;
	int (*restart)(struct encl_registry_fetch *f, struct encl_err *e);
	uint64_t received; /* over the wire in all attempts */
};
int encl_registry_blob_get(struct encl_registry *r, const struct encl_reference *where,
			   struct encl_registry_fetch *f,
			   struct encl_err *e) ENCL_MUST_CHECK;

enum encl_registry_outcome { ENCL_BLOB_THERE, ENCL_BLOB_MOUNTED, ENCL_BLOB_SENT };
/* (uploads.c)  HEAD, then a mount from the repository `from` (or NULL) of the same host,
 * then POST and one PUT of size bytes at offset of fd; begun again as a whole
 * where it was cut.  A signal's end cancels the upload (cancel_all). */
int encl_registry_blob_put(struct encl_registry *r, const struct encl_reference *where,
			   const struct encl_registry_blob *blob, int fd, uint64_t offset,
			   const char *from, enum encl_registry_outcome *outcome,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* Ends every upload that is open, each by the thread that it is of, which DELETEs
 * it; waits for them, 10 s at most.  For the end by a signal, from a thread that
 * waits for it (not from a handler). */
void encl_registry_cancel_all(struct encl_registry *r);

/* ---- referrers (referrers.c) ---- */

/* The descriptors whose subject is this digest (an array, new reference);
 * artifact_type NULL: all.  API, else the tag "sha256-<hex>", else none. */
int encl_registry_referrers(struct encl_registry *r, const struct encl_reference *where,
			    const char *digest, const char *artifact_type, json_t **out,
			    struct encl_err *e) ENCL_MUST_CHECK;
/* Puts a manifest that has a subject, and keeps the tag up where the registry
 * has no referrers API. */
int encl_registry_referrer_put(struct encl_registry *r,
			       const struct encl_reference *where, const char *subject,
			       const char *text, size_t n, bool *sent,
			       struct encl_err *e) ENCL_MUST_CHECK;

#endif
