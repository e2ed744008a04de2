/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a registry says of an image: manifest, config and index from outside,
 * ours and those that `oras push` makes of an EIF.  What they say is only
 * what the image is compared with.
 */
#ifndef ENCL_PUSH_RECEIVED_H
#define ENCL_PUSH_RECEIVED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "eif/eif.h"
#include "push/artifact.h"
#include "sign/image.h"

enum {
	ENCL_RECEIVED_CONFIG_MAX = 4 << 20,
	ENCL_RECEIVED_PCRS = 4 /* 0, 1, 2, 8 */
};

struct encl_received {
	char *title;	 /* a file name that ends in ".eif" and is harmless; or NULL */
	bool has_config; /* one of ours; not read yet: config_read */
	bool config_read;
	struct encl_digest config;
	uint64_t config_size;
	struct encl_artifact_part *parts; /* offsets filled in */
	size_t n_parts;
	uint64_t size;	 /* of the image: the sum of parts */
	bool has_digest; /* of the whole: one part, or by the config */
	struct encl_digest sha256;
	bool has_arch;
	enum encl_arch arch;
	char *pcrs[ENCL_RECEIVED_PCRS]; /* 96 hex digits, or NULL: not told */
};
void encl_received_clear(struct encl_received *r);
ENCL_AUTO_VAL(struct encl_received, encl_received_clear);

/* All errors are ENCL_FAILED "WHAT: …", but ENCL_MISMATCH for two of its parts
 * that contradict each other. */
int encl_received_manifest(const json_t *doc, const char *what, struct encl_received *out,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* Adds what the config says to what is there. */
int encl_received_config(struct encl_received *r, const json_t *doc, const char *what,
			 struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The manifest to take out of an index.  wanted NULL: the only one, else that
 * of `host`.  ENCL_FAILED lists what there is.
 */
struct encl_received_choice {
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];
	enum encl_arch arch;
	bool only; /* there was no other */
};
int encl_received_choose(const json_t *index, const enum encl_arch *wanted,
			 enum encl_arch host, const char *what,
			 struct encl_received_choice *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_MISMATCH names what of the image is not as it was told. */
int encl_received_compare(const struct encl_received *r, const struct encl_eif *eif,
			  const struct encl_image_state *s, const char *what,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* "amd64", "arm64"; false for others. */
bool encl_received_arch(const char *oci, enum encl_arch *out);

#endif
