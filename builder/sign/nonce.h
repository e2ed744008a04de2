/* SPDX-License-Identifier: Apache-2.0 */
/* The HMAC generator of RFC 6979 3.2. */
#ifndef ENCL_SIGN_NONCE_H
#define ENCL_SIGN_NONCE_H

#include <openssl/bn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"

/* Secret: cleared with encl_nonce_clear. */
struct encl_nonce {
	enum encl_algo hash;
	size_t hash_size;
	size_t order_bits;
	uint8_t k[ENCL_DIGEST_MAX];
	uint8_t v[ENCL_DIGEST_MAX];
	bool drawn;
};

/* Seeded by the private key (order_bytes big-endian bytes) and the digest.
 * False: OpenSSL failed. */
bool encl_nonce_init(struct encl_nonce *n, enum encl_algo hash, const BIGNUM *order,
		     const uint8_t *key, size_t order_bytes, const uint8_t *digest);
void encl_nonce_clear(struct encl_nonce *n);
ENCL_AUTO_VAL(struct encl_nonce, encl_nonce_clear);

/* The next candidate in 1..order-1 into k. */
bool encl_nonce_next(struct encl_nonce *n, const BIGNUM *order, BIGNUM *k);

#endif
