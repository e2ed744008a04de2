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

/* Signs payload and appends the COSE_Sign1; ENCL_SIGN.  The signature was
 * verified with OpenSSL before it is given out. */
int encl_cose_sign(EVP_PKEY *key, const uint8_t *payload, size_t n, struct encl_buf *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* The parts of a COSE_Sign1, borrowed from its bytes. */
struct encl_cose {
	const struct encl_curve *curve;
	const uint8_t *payload;
	size_t payload_size;
	const uint8_t *rs; /* 2 * curve->width bytes */
};
/* Exactly what encl_cose_sign makes; anything else is ENCL_SIGN. */
int encl_cose_read(const uint8_t *p, size_t n, struct encl_cose *out,
		   struct encl_err *e) ENCL_MUST_CHECK;
/* False also where key is on another curve than the header says. */
bool encl_cose_verify(const struct encl_cose *c, EVP_PKEY *key);

#endif
