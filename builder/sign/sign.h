/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature section: CBOR [{signing_certificate, signature}] around a
 * COSE_Sign1 over {register_index: 0, register_value: PCR0}, byte for byte as
 * aws-nitro-enclaves-image-format writes it (docs/5-eif.md).  Nonces are
 * deterministic with key files (RFC 6979), so a signed image is reproducible.
 */
#ifndef ENCL_SIGN_SIGN_H
#define ENCL_SIGN_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "eif/eif.h"

/* A certificate with what signs for it; embeds struct encl_eif_signer. */
struct encl_key_signer;

/*
 * What signs.  All failures are ENCL_SIGN but where a comment says more: not a
 * P-256, P-384 or P-521 key, key and certificate do not belong together,
 * certificate not valid at `now` (0: the certificate's dates are not checked),
 * section over 32 KiB.  Whoever signed, each signature is verified with the
 * certificate's key before it is given out.
 */
struct encl_env;
struct encl_signer_request {
	const char *certificate; /* PEM file */
	/* One of: a PEM file, "arn:…:kms:…:key/…" or a "pkcs11:" URI, told apart by
	 * how they begin; and a file with a signature that was made elsewhere. */
	const char *key;
	const char *signature;
	uint64_t now;
};
/* KMS: ENCL_NETWORK too; PKCS#11: ENCL_HOST where its module or OpenSSL's engine is
 * not there.  env is borrowed, may be NULL. */
int encl_signer_open(struct encl_env *env, const struct encl_signer_request *q,
		     struct encl_key_signer **out, struct encl_err *e) ENCL_MUST_CHECK;
/* Of files alone. */
int encl_key_signer_open(const char *certificate, const char *key, uint64_t now,
			 struct encl_key_signer **out,
			 struct encl_err *e) ENCL_MUST_CHECK;
struct encl_eif_signer *encl_key_signer_base(struct encl_key_signer *s);
void encl_key_signer_free(struct encl_key_signer *s);
ENCL_AUTO_PTR(struct encl_key_signer, encl_key_signer_free);

/* What somebody else is to sign for a certificate. */
struct encl_to_sign {
	struct encl_buf bytes;	   /* COSE's Sig_structure */
	struct encl_digest digest; /* of it, as the curve wants: "ECDSA over this" */
	const char *alg;	   /* "ES384" */
	struct encl_pcr pcr8;
};
void encl_to_sign_clear(struct encl_to_sign *t);
ENCL_AUTO_VAL(struct encl_to_sign, encl_to_sign_clear);
int encl_to_sign(const char *certificate, uint64_t now, const struct encl_pcr *pcr0,
		 struct encl_to_sign *out, struct encl_err *e) ENCL_MUST_CHECK;

/* PCR8 of images signed with this PEM certificate file; ENCL_SIGN. */
int encl_certificate_pcr8(const char *path, struct encl_pcr *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* What a signature section says, after its COSE signature was checked against
 * the key of its own certificate. */
struct encl_signature_info {
	struct encl_pcr signed_pcr0;
	struct encl_pcr pcr8;
	bool signature_ok; /* COSE signature verifies */
	char *issuer;	   /* JSON object text, sorted by long name, as describe-eif */
	char *algorithm;   /* "ecdsa-with-SHA384" */
	char *not_before;  /* "Jan  1 00:00:00 2020 GMT" */
	char *not_after;
	char *cert_signature; /* upper-case hex joined by ':' */
	int64_t not_before_epoch, not_after_epoch;
};
void encl_signature_info_clear(struct encl_signature_info *i);
ENCL_AUTO_VAL(struct encl_signature_info, encl_signature_info_clear);

/* Strict: exactly the shape that the writer makes; anything else is ENCL_SIGN. */
int encl_signature_read(const uint8_t *section, size_t n, struct encl_signature_info *out,
			struct encl_err *e) ENCL_MUST_CHECK;

#endif
