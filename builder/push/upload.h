/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that a registry is to have, sent by a few threads. */
#ifndef ENCL_PUSH_UPLOAD_H
#define ENCL_PUSH_UPLOAD_H

#include <jansson.h>

#include "registry/registry.h"

struct encl_upload {
	struct encl_digest digest;
	uint64_t size;
	int fd; /* borrowed; -1: the bytes are at data */
	uint64_t offset;
	const void *data;
	char *label;
	enum encl_registry_outcome outcome; /* when it is done */
};

struct encl_uploads {
	struct encl_upload *v;
	size_t n;
};
void encl_uploads_clear(struct encl_uploads *u);
ENCL_AUTO_VAL(struct encl_uploads, encl_uploads_clear);

/* Adds one; the same digest is kept once. */
void encl_uploads_add(struct encl_uploads *u, const struct encl_upload *upload,
		      const char *label);

/* From number `from` on, by at most `threads`; the first failure ends it. */
int encl_uploads_send(struct encl_registry *r, const struct encl_reference *where,
		      struct encl_uploads *u, size_t from, const char *mount_from,
		      unsigned threads, struct encl_err *e) ENCL_MUST_CHECK;

/* [{"Digest", "Size", "Outcome"}]; *sent: the bytes that went over the wire. */
json_t *encl_uploads_json(const struct encl_uploads *u, uint64_t *sent);

#endif
