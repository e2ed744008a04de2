/* SPDX-License-Identifier: Apache-2.0 */
/* What a push consists of: everything read and checked before a byte is sent. */
#ifndef ENCL_PUSH_BATCH_H
#define ENCL_PUSH_BATCH_H

#include "base/cleanup.h"
#include "base/env.h"
#include "push/artifact.h"
#include "push/evidence.h"
#include "push/push.h"

enum { ENCL_BATCH_TOP = -1 };

struct encl_batch_image {
	struct encl_eif eif;
	struct encl_artifact a;
	char *config;
	char *manifest;
	char digest[ENCL_DIGEST_TEXT]; /* of the manifest */
};

struct encl_batch_evidence {
	struct encl_evidence v;
	int subject; /* number of an image, or ENCL_BATCH_TOP */
	char *manifest;
};

struct encl_batch {
	struct encl_batch_image *images;
	size_t n_images;
	struct encl_batch_evidence *evidence;
	size_t n_evidence;
	const char *created; /* of the youngest image */
	char *index;	     /* NULL: there is one image */
	/* what the tag is put on */
	const char *top; /* its text: the index, or the image's manifest */
	const char *top_type;
	char top_digest[ENCL_DIGEST_TEXT];
};
void encl_batch_clear(struct encl_batch *b);
ENCL_AUTO_VAL(struct encl_batch, encl_batch_clear);

int encl_batch_read(struct encl_env *env, const struct encl_push *p,
		    struct encl_batch *out, struct encl_err *e) ENCL_MUST_CHECK;

/* The digest of the manifest that evidence is about. */
const char *encl_batch_subject(const struct encl_batch *b,
			       const struct encl_batch_evidence *v);

#endif
