/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECDSA with the deterministic nonce of RFC 6979, which OpenSSL 3.0 cannot be
 * asked for: the derivation is ours, the arithmetic OpenSSL's.
 */
#ifndef ENCL_SIGN_ECDSA_H
#define ENCL_SIGN_ECDSA_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

/* The curves of COSE (RFC 9053 2.1) with the hash that goes with each. */
struct encl_curve {
	const char *name;  /* "P-384" */
	const char *group; /* OpenSSL's name */
	int nid;
	enum encl_algo hash;
	const char *alg; /* COSE's name of both: "ES384" */
	int cose_alg;	 /* -35 */
	size_t width;	 /* bytes of r and of s */
};
enum { ENCL_ECDSA_MAX = 2 * 66 };

/* By the key's group; NULL: not an EC key, or another curve. */
const struct encl_curve *encl_curve_of(const EVP_PKEY *key);
/* By COSE's number; NULL: none of ours. */
const struct encl_curve *encl_curve_by_alg(int cose_alg);

/* r and s, each curve->width bytes, big-endian, over a digest of curve->hash.
 * All failures are ENCL_SIGN. */
int encl_ecdsa_sign(const struct encl_curve *curve, const EVP_PKEY *key,
		    const struct encl_digest *digest, uint8_t out[ENCL_ECDSA_MAX],
		    struct encl_err *e) ENCL_MUST_CHECK;

/* By whatever OpenSSL has for the key, with its own nonce: DER, of at most *n bytes. */
int encl_ecdsa_sign_der(const struct encl_curve *curve, EVP_PKEY *key,
			const struct encl_digest *digest, uint8_t *der, size_t *n,
			struct encl_err *e) ENCL_MUST_CHECK;

/* The same two numbers out of a DER ECDSA-Sig-Value, which is what KMS, tokens and
 * `openssl dgst` give; what names it in errors. */
int encl_ecdsa_from_der(const struct encl_curve *curve, const uint8_t *der, size_t n,
			const char *what, uint8_t out[ENCL_ECDSA_MAX],
			struct encl_err *e) ENCL_MUST_CHECK;

/* OpenSSL's own verification of such a signature. */
bool encl_ecdsa_verify(const struct encl_curve *curve, EVP_PKEY *key,
		       const struct encl_digest *digest, const uint8_t *rs);

/* ENCL_SIGN, with OpenSSL's reason and its queue emptied. */
int encl_fail_ssl(struct encl_err *e, const char *fmt, ...) ENCL_PRINTF(2, 3);

#endif
