/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS: a key's name, and the two requests that signing takes. */
#ifndef ENCL_REGISTRY_KMS_H
#define ENCL_REGISTRY_KMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "registry/aws.h"

enum { ENCL_KMS_DER_MAX = 1024 };

/* What "arn:PARTITION:kms:REGION:ACCOUNT:key/ID" says. */
struct encl_kms_arn {
	char region[40];
	char url[128]; /* of the service, no slash behind */
};
/* NULL, or why text is none: "is …", also for aliases and bare ids. */
const char *encl_kms_arn_parse(const char *text, struct encl_kms_arn *out);
/* Text that only KMS would understand: an alias, or an id without the rest. */
bool encl_kms_is_name(const char *text);

struct encl_kms; /* a key, and who asks for it */
/* Finds the identity; asks nothing of KMS.  ENCL_SIGN, ENCL_NETWORK. */
int encl_kms_open(const struct encl_env *env, const char *arn, struct encl_kms **out,
		  struct encl_err *e) ENCL_MUST_CHECK;
void encl_kms_free(struct encl_kms *k);
ENCL_AUTO_PTR(struct encl_kms, encl_kms_free);

/* GetPublicKey: the key's spec ("ECC_NIST_P384") and its SubjectPublicKeyInfo.
 * ENCL_SIGN: refused, or no key for signing; ENCL_NETWORK: no answer of KMS's. */
struct encl_kms_key {
	char *spec;
	struct encl_buf der;
};
void encl_kms_key_clear(struct encl_kms_key *k);
ENCL_AUTO_VAL(struct encl_kms_key, encl_kms_key_clear);
int encl_kms_get_public_key(struct encl_kms *k, struct encl_kms_key *out,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* Sign of a digest; algorithm is "ECDSA_SHA_384"; appends the DER signature. */
int encl_kms_sign(struct encl_kms *k, const char *algorithm, const uint8_t *digest,
		  size_t n, struct encl_buf *der, struct encl_err *e) ENCL_MUST_CHECK;

/* Their answers, for the tests. */
int encl_kms_read_key(const char *text, size_t n, const char *arn,
		      struct encl_kms_key *out, struct encl_err *e) ENCL_MUST_CHECK;
int encl_kms_read_signature(const char *text, size_t n, const char *arn,
			    const char *algorithm, struct encl_buf *der,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
