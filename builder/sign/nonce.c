/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6979 3.2: K and V are moved on by HMAC; candidates that are not below
 * the order are thrown away.  Letters of steps as in the RFC.
 */
#include "sign/nonce.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

enum { ORDER_MAX = 66, INPUT_MAX = ENCL_DIGEST_MAX + 1 + 2 * ORDER_MAX };

static const EVP_MD *
md_of(enum encl_algo hash)
{
	return hash == ENCL_SHA256   ? EVP_sha256()
	       : hash == ENCL_SHA384 ? EVP_sha384()
				     : EVP_sha512();
}

/* out = HMAC_K(input); out may be n->k or n->v. */
static bool
mac(const struct encl_nonce *n, const uint8_t *input, size_t size, uint8_t *out)
{
	uint8_t result[EVP_MAX_MD_SIZE];
	bool ok =
		HMAC(md_of(n->hash), n->k, (int)n->hash_size, input, size, result, NULL);

	if (ok)
		memcpy(out, result, n->hash_size);
	OPENSSL_cleanse(result, sizeof result);
	return ok;
}

/* K = HMAC_K(V || tag || data), V = HMAC_K(V): steps d-e, f-g and h.3. */
static bool
step(struct encl_nonce *n, uint8_t tag, const uint8_t *data, size_t size)
{
	uint8_t input[INPUT_MAX];
	size_t at = n->hash_size;
	bool ok;

	memcpy(input, n->v, at);
	input[at++] = tag;
	if (size)
		memcpy(input + at, data, size);
	ok = mac(n, input, at + size, n->k) && mac(n, n->v, n->hash_size, n->v);
	OPENSSL_cleanse(input, sizeof input);
	return ok;
}

/* 2.3.2: the leftmost order_bits bits as a number. */
static bool
bits_to_int(const struct encl_nonce *n, const uint8_t *bits, size_t size, BIGNUM *out)
{
	if (!BN_bin2bn(bits, (int)size, out))
		return false;
	if (size * 8 > n->order_bits)
		return BN_rshift(out, out, (int)(size * 8 - n->order_bits)) == 1;
	return true;
}

/* 2.3.4: the digest modulo the order, in order_bytes bytes. */
static bool
bits_to_octets(const struct encl_nonce *n, const uint8_t *digest, const BIGNUM *order,
	       uint8_t *out, size_t order_bytes)
{
	BIGNUM *z = BN_new();
	bool ok = z && bits_to_int(n, digest, n->hash_size, z);

	if (ok && BN_cmp(z, order) >= 0)
		ok = BN_sub(z, z, order) == 1;
	ok = ok && BN_bn2binpad(z, out, (int)order_bytes) == (int)order_bytes;
	BN_free(z);
	return ok;
}

bool
encl_nonce_init(struct encl_nonce *n, enum encl_algo hash, const BIGNUM *order,
		const uint8_t *key, size_t order_bytes, const uint8_t *digest)
{
	uint8_t seed[2 * ORDER_MAX];
	bool ok;

	memset(n, 0, sizeof *n);
	n->hash = hash;
	n->hash_size = encl_digest_size(hash);
	n->order_bits = (size_t)BN_num_bits(order);
	if (order_bytes > ORDER_MAX)
		return false;
	memset(n->v, 1, n->hash_size);
	memcpy(seed, key, order_bytes);
	ok = bits_to_octets(n, digest, order, seed + order_bytes, order_bytes) &&
	     step(n, 0, seed, 2 * order_bytes) && step(n, 1, seed, 2 * order_bytes);
	OPENSSL_cleanse(seed, sizeof seed);
	return ok;
}

void
encl_nonce_clear(struct encl_nonce *n)
{
	OPENSSL_cleanse(n, sizeof *n);
}

static bool
candidate(struct encl_nonce *n, BIGNUM *k)
{
	uint8_t bits[2 * ENCL_DIGEST_MAX];
	size_t want = (n->order_bits + 7) / 8;
	size_t have = 0;
	bool ok = true;

	while (ok && have < want) {
		ok = mac(n, n->v, n->hash_size, n->v);
		memcpy(bits + have, n->v, n->hash_size);
		have += n->hash_size;
	}
	ok = ok && bits_to_int(n, bits, want, k);
	OPENSSL_cleanse(bits, sizeof bits);
	return ok;
}

bool
encl_nonce_next(struct encl_nonce *n, const BIGNUM *order, BIGNUM *k)
{
	do {
		if (n->drawn && !step(n, 0, NULL, 0))
			return false;
		n->drawn = true;
		if (!candidate(n, k))
			return false;
	} while (BN_is_zero(k) || BN_cmp(k, order) >= 0);
	return true;
}
