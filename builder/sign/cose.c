/* SPDX-License-Identifier: Apache-2.0 */
/*
 * [protected {1: alg}, {}, payload, r || s] over
 * ["Signature1", protected, empty, payload] (RFC 9052 4.2, 4.4).
 */
#include "sign/cose.h"

#include <string.h>

#include "sign/cbor.h"

enum { MAX_COSE = 1024 }; /* the payload has 145 bytes at most, r and s 132 */

/* {1: alg}; the three numbers of ours are negative and have one or two bytes. */
static void
add_protected(struct encl_buf *b, const struct encl_curve *curve)
{
	enum { NEGATIVE = 0x20 }; /* major type 1 */
	struct encl_buf map;
	uint8_t *head;

	encl_buf_init(&map, 16);
	encl_cbor_add_map(&map, 1);
	encl_cbor_add_uint(&map, 1);
	encl_cbor_add_uint(&map, (uint64_t)(-1 - curve->cose_alg));
	head = map.data + 2;
	*head |= NEGATIVE;
	encl_cbor_add_bytes(b, map.data, map.len);
	encl_buf_clear(&map);
}

void
encl_cose_to_sign(const struct encl_curve *curve, const uint8_t *payload, size_t n,
		  struct encl_buf *out)
{
	encl_cbor_add_array(out, 4);
	encl_cbor_add_text(out, "Signature1");
	add_protected(out, curve);
	encl_cbor_add_bytes(out, "", 0);
	encl_cbor_add_bytes(out, payload, n);
}

void
encl_cose_encode(const struct encl_curve *curve, const uint8_t *payload, size_t n,
		 const uint8_t *rs, struct encl_buf *out)
{
	encl_cbor_add_array(out, 4);
	add_protected(out, curve);
	encl_cbor_add_map(out, 0);
	encl_cbor_add_bytes(out, payload, n);
	encl_cbor_add_bytes(out, rs, 2 * curve->width);
}

/* The one curve whose protected header these bytes are. */
static const struct encl_curve *
curve_by_protected(const uint8_t *p, size_t n)
{
	static const int algs[] = {-7, -35, -36};

	for (size_t i = 0; p && i < sizeof algs / sizeof *algs; i++) {
		encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 16};
		const struct encl_curve *curve = encl_curve_by_alg(algs[i]);

		add_protected(&b, curve);
		if (n + 1 == b.len && !memcmp(b.data + 1, p, n))
			return curve;
	}
	return NULL;
}

int
encl_cose_read(const uint8_t *p, size_t n, struct encl_cose *out, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf again = {.cap = MAX_COSE};
	struct encl_cose c = {.curve = NULL};
	const uint8_t *protected;
	size_t protected_size, rs_size;
	struct encl_cbor r;

	encl_cbor_init(&r, p, n);
	encl_cbor_want_array(&r, 4);
	protected = encl_cbor_bytes(&r, &protected_size);
	encl_cbor_want_map(&r, 0);
	c.payload = encl_cbor_bytes(&r, &c.payload_size);
	c.rs = encl_cbor_bytes(&r, &rs_size);
	if (!encl_cbor_done(&r))
		return encl_fail(e, ENCL_SIGN, "signature: not a COSE_Sign1");
	c.curve = curve_by_protected(protected, protected_size);
	if (!c.curve)
		return encl_fail(e, ENCL_SIGN,
				 "signature: its algorithm is not ES256, ES384 or ES512");
	if (rs_size != 2 * c.curve->width)
		return encl_fail(e, ENCL_SIGN,
				 "signature: %zu bytes of r and s; %s has %zu", rs_size,
				 c.curve->name, 2 * c.curve->width);
	encl_cose_encode(c.curve, c.payload, c.payload_size, c.rs, &again);
	if (again.over || again.len != n || memcmp(again.data, p, n) != 0)
		return encl_fail(e, ENCL_SIGN, "signature: not in CBOR's shortest form");
	*out = c;
	return 0;
}

bool
encl_cose_verify(const struct encl_cose *c, EVP_PKEY *key)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = MAX_COSE};
	struct encl_digest digest;

	if (encl_curve_of(key) != c->curve)
		return false;
	encl_cose_to_sign(c->curve, c->payload, c->payload_size, &b);
	encl_digest_of(c->curve->hash, b.data, b.len, &digest);
	return encl_ecdsa_verify(c->curve, key, &digest, c->rs);
}
