/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reference to an enclave image into a file of the cache that is what its
 * manifest says.
 */
#ifndef ENCL_PUSH_PULL_H
#define ENCL_PUSH_PULL_H

#include "base/cleanup.h"
#include "base/env.h"
#include "eif/eif.h"
#include "push/received.h"
#include "registry/registry.h"
#include "sign/image.h"

struct encl_pulled {
	char *reference;		 /* as it was asked for */
	char manifest[ENCL_DIGEST_TEXT]; /* the image's, not an index's */
	struct encl_received received;
	int fd; /* of the image, in the cache; -1: not fetched */
};
void encl_pulled_clear(struct encl_pulled *p);
ENCL_AUTO_VAL(struct encl_pulled, encl_pulled_clear);

/* Manifest and config; arch NULL: the only one, else this machine's (told to
 * the log).  What is asked for by digest and in the cache is not asked again. */
int encl_pull_find(struct encl_env *env, struct encl_registry *r,
		   const struct encl_reference *where, const enum encl_arch *arch,
		   struct encl_pulled *out, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The image into the cache: parts by four threads, each fetched once for all
 * processes, from where the last attempt stopped, verified by digest; joined.
 * p->fd is it.
 */
int encl_pull_fetch(struct encl_env *env, struct encl_registry *r,
		    const struct encl_reference *where, struct encl_pulled *p,
		    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Opens fd (which stays the caller's) as an image, measures it and compares it
 * with what the registry said: ENCL_MISMATCH, or what encl_eif_open and
 * encl_image_require fail with.
 */
int encl_pull_check(const struct encl_pulled *p, int fd, unsigned jobs,
		    struct encl_eif *eif, struct encl_image_state *state,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* Everything that refers to the image, at most ENCL_PULL_REFERRERS of it
 * (ENCL_FAILED for more): fn with the artifact's type (""), its manifest's digest and
 * its first file of at most max bytes. */
enum { ENCL_PULL_REFERRERS = 64 };
int encl_pull_referrers(struct encl_env *env, struct encl_registry *r,
			const struct encl_reference *where, const struct encl_pulled *p,
			size_t max,
			int (*fn)(void *arg, const char *type, const char *digest,
				  const char *text, size_t n, struct encl_err *e),
			void *arg, struct encl_err *e) ENCL_MUST_CHECK;

/* A document that refers to the image: the first one of this artifact type with
 * one file of at most max bytes; *text is NULL where there is none. */
int encl_pull_referrer(struct encl_env *env, struct encl_registry *r,
		       const struct encl_reference *where, const struct encl_pulled *p,
		       const char *artifact_type, size_t max, char **text, size_t *n,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
