/* SPDX-License-Identifier: Apache-2.0 */
/* COSE_Sign1 (RFC 9052), untagged, with the algorithm as its only header. */
#ifndef ENCL_SIGN_COSE_H
#define ENCL_SIGN_COSE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "sign/ecdsa.h"

/* Appends the Sig_structure of a payload: the bytes whose digest is signed. */
void encl_cose_to_sign(const struct encl_curve *curve, const uint8_t *payload, size_t n,
		       struct encl_buf *out);
/* Appends the COSE_Sign1 with the signature r and s. */
void encl_cose_encode(const struct encl_curve *curve, const uint8_t *payload, size_t n,
		      const uint8_t *rs, struct encl_buf *out);

/* The parts of a COSE_Sign1, borrowed from its bytes. */
struct encl_cose {
	const struct encl_curve *curve;
	const uint8_t *payload;
	size_t payload_size;
	const uint8_t *rs; /* 2 * curve->width bytes */
};
/* Exactly what encl_cose_encode makes; anything else is ENCL_SIGN. */
int encl_cose_read(const uint8_t *p, size_t n, struct encl_cose *out,
		   struct encl_err *e) ENCL_MUST_CHECK;
/* False also where key is on another curve than the header says. */
bool encl_cose_verify(const struct encl_cose *c, EVP_PKEY *key);

#endif
