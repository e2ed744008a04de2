/* SPDX-License-Identifier: Apache-2.0 */
/*
 * s = (z + r d) / k on OpenSSL's numbers and points.  What depends on the key
 * or the nonce is blinded by a random factor, or runs in constant time; the
 * result is the same whatever the factor was.
 */
#include "sign/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sign/nonce.h"
#include "sign/ssl.h"

static const struct encl_curve curves[] = {
	{"P-256", "prime256v1", NID_X9_62_prime256v1, ENCL_SHA256, "ES256", -7, 32},
	{"P-384", "secp384r1", NID_secp384r1, ENCL_SHA384, "ES384", -35, 48},
	{"P-521", "secp521r1", NID_secp521r1, ENCL_SHA512, "ES512", -36, 66},
};

const struct encl_curve *
encl_curve_of(const EVP_PKEY *key)
{
	char group[64];

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
		return NULL;
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (!strcmp(group, curves[i].group))
			return &curves[i];
	return NULL;
}

const struct encl_curve *
encl_curve_by_alg(int cose_alg)
{
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (curves[i].cose_alg == cose_alg)
			return &curves[i];
	return NULL;
}

int
encl_fail_ssl(struct encl_err *e, const char *fmt, ...)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return encl_fail(e, ENCL_SIGN, "%s%s%s", what, reason ? ": " : "",
			 reason ? reason : "");
}

/* All numbers of one signature; cleared whatever happens. */
struct work {
	BN_CTX *ctx;
	EC_GROUP *group;
	EC_POINT *point;
	const BIGNUM *order;
	BIGNUM *d, *k, *r, *s, *z, *blind, *t;
};

static void
work_clear(struct work *w)
{
	BN_clear_free(w->d);
	BN_clear_free(w->k);
	BN_clear_free(w->r);
	BN_clear_free(w->s);
	BN_clear_free(w->z);
	BN_clear_free(w->blind);
	BN_clear_free(w->t);
	EC_POINT_clear_free(w->point);
	EC_GROUP_free(w->group);
	BN_CTX_free(w->ctx);
	memset(w, 0, sizeof *w);
}
ENCL_AUTO_VAL(struct work, work_clear);

static bool
work_init(struct work *w, const struct encl_curve *curve, const EVP_PKEY *key)
{
	w->ctx = BN_CTX_secure_new();
	w->group = EC_GROUP_new_by_curve_name(curve->nid);
	w->k = BN_new();
	w->r = BN_new();
	w->s = BN_new();
	w->z = BN_new();
	w->blind = BN_new();
	w->t = BN_new();
	if (!w->ctx || !w->group || !w->k || !w->r || !w->s || !w->z || !w->blind ||
	    !w->t)
		return false;
	w->point = EC_POINT_new(w->group);
	w->order = EC_GROUP_get0_order(w->group);
	if (!w->point || EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &w->d) != 1)
		return false;
	BN_set_flags(w->d, BN_FLG_CONSTTIME);
	BN_set_flags(w->k, BN_FLG_CONSTTIME);
	BN_set_flags(w->t, BN_FLG_CONSTTIME);
	return !BN_is_zero(w->d) && BN_cmp(w->d, w->order) < 0;
}

/* The digest's leftmost bits; the hashes here are never longer than the order
 * in a way that is not a whole number of bytes. */
static bool
load_digest(struct work *w, const struct encl_digest *digest)
{
	size_t size = encl_digest_size(digest->algo);
	int extra = (int)size * 8 - BN_num_bits(w->order);

	return BN_bin2bn(digest->bytes, (int)size, w->z) &&
	       (extra <= 0 || BN_rshift(w->z, w->z, extra));
}

/* r = x(k G) mod n */
static bool
compute_r(struct work *w)
{
	return EC_POINT_mul(w->group, w->point, w->k, NULL, NULL, w->ctx) &&
	       EC_POINT_get_affine_coordinates(w->group, w->point, w->r, NULL, w->ctx) &&
	       BN_nnmod(w->r, w->r, w->order, w->ctx);
}

/* t = 1 / t mod n by Fermat: the order is prime, the exponent public. */
static bool
invert(struct work *w)
{
	BIGNUM *exponent = BN_dup(w->order);
	BN_MONT_CTX *mont = BN_MONT_CTX_new();
	bool ok = exponent && mont && BN_MONT_CTX_set(mont, w->order, w->ctx) &&
		  BN_sub_word(exponent, 2) &&
		  BN_mod_exp_mont_consttime(w->t, w->t, exponent, w->order, w->ctx, mont);

	BN_free(exponent);
	BN_MONT_CTX_free(mont);
	return ok;
}

/* s = (b z + r (b d)) / (b k) */
static bool
compute_s(struct work *w)
{
	if (!BN_priv_rand_range(w->blind, w->order) || BN_is_zero(w->blind))
		return false;
	return BN_mod_mul(w->t, w->k, w->blind, w->order, w->ctx) && invert(w) &&
	       BN_mod_mul(w->s, w->d, w->blind, w->order, w->ctx) &&
	       BN_mod_mul(w->s, w->s, w->r, w->order, w->ctx) &&
	       BN_mod_mul(w->z, w->z, w->blind, w->order, w->ctx) &&
	       BN_mod_add(w->s, w->s, w->z, w->order, w->ctx) &&
	       BN_mod_mul(w->s, w->s, w->t, w->order, w->ctx);
}

static bool
sign(struct work *w, const struct encl_curve *curve, const struct encl_digest *digest)
{
	encl_auto(encl_nonce_clear) struct encl_nonce nonce = {.drawn = false};
	uint8_t key[ENCL_ECDSA_MAX / 2];
	bool ok = BN_bn2binpad(w->d, key, (int)curve->width) == (int)curve->width &&
		  encl_nonce_init(&nonce, curve->hash, w->order, key, curve->width,
				  digest->bytes);

	OPENSSL_cleanse(key, sizeof key);
	do {
		ok = ok && encl_nonce_next(&nonce, w->order, w->k) &&
		     load_digest(w, digest) && compute_r(w) && compute_s(w);
	} while (ok && (BN_is_zero(w->r) || BN_is_zero(w->s)));
	return ok;
}

int
encl_ecdsa_sign(const struct encl_curve *curve, const EVP_PKEY *key,
		const struct encl_digest *digest, uint8_t out[ENCL_ECDSA_MAX],
		struct encl_err *e)
{
	encl_auto(work_clear) struct work w = {.ctx = NULL};
	int width = (int)curve->width;

	if (!work_init(&w, curve, key) || !sign(&w, curve, digest) ||
	    BN_bn2binpad(w.r, out, width) != width ||
	    BN_bn2binpad(w.s, out + width, width) != width)
		return encl_fail_ssl(e, "cannot sign with the %s key", curve->name);
	return 0;
}

int
encl_ecdsa_from_der(const struct encl_curve *curve, const uint8_t *der, size_t n,
		    const char *what, uint8_t out[ENCL_ECDSA_MAX], struct encl_err *e)
{
	const uint8_t *p = der;
	encl_auto(ECDSA_SIG_free) ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	int width = (int)curve->width;
	uint8_t *again = NULL;
	const BIGNUM *r, *s;
	bool strict;
	int m;

	ERR_clear_error();
	if (!sig)
		return encl_fail(e, ENCL_SIGN, "%s: not a DER ECDSA signature", what);
	m = i2d_ECDSA_SIG(sig, &again);
	strict = m > 0 && (size_t)m == n && !memcmp(again, der, n);
	OPENSSL_free(again);
	if (!strict)
		return encl_fail(e, ENCL_SIGN,
				 "%s: not a DER ECDSA signature: bytes behind it, or "
				 "another encoding",
				 what);
	ECDSA_SIG_get0(sig, &r, &s);
	if (BN_is_negative(r) || BN_is_negative(s) || BN_num_bytes(r) > width ||
	    BN_num_bytes(s) > width)
		return encl_fail(e, ENCL_SIGN,
				 "%s: r or s is no number of %s: the signature is of a "
				 "key on another curve",
				 what, curve->name);
	if (BN_bn2binpad(r, out, width) != width ||
	    BN_bn2binpad(s, out + width, width) != width)
		return encl_fail_ssl(e, "%s", what);
	return 0;
}

/* r and s in DER, as OpenSSL verifies it. */
static int
to_der(const uint8_t *rs, size_t width, uint8_t **der)
{
	encl_auto(ECDSA_SIG_free) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(rs, (int)width, NULL);
	BIGNUM *s = BN_bin2bn(rs + width, (int)width, NULL);

	if (!sig || !r || !s || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	return i2d_ECDSA_SIG(sig, der);
}

static const EVP_MD *
md_of(enum encl_algo hash)
{
	return hash == ENCL_SHA256   ? EVP_sha256()
	       : hash == ENCL_SHA384 ? EVP_sha384()
				     : EVP_sha512();
}

int
encl_ecdsa_sign_der(const struct encl_curve *curve, EVP_PKEY *key,
		    const struct encl_digest *digest, uint8_t *der, size_t *n,
		    struct encl_err *e)
{
	encl_auto(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, md_of(curve->hash)) != 1 ||
	    EVP_PKEY_sign(ctx, der, n, digest->bytes, encl_digest_size(digest->algo)) !=
		    1)
		return encl_fail_ssl(e, "cannot sign");
	return 0;
}

bool
encl_ecdsa_verify(const struct encl_curve *curve, EVP_PKEY *key,
		  const struct encl_digest *digest, const uint8_t *rs)
{
	encl_auto(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t *der = NULL;
	int n = to_der(rs, curve->width, &der);
	bool ok = ctx && n > 0 && EVP_PKEY_verify_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, md_of(curve->hash)) == 1 &&
		  EVP_PKEY_verify(ctx, der, (size_t)n, digest->bytes,
				  encl_digest_size(digest->algo)) == 1;

	OPENSSL_free(der);
	ERR_clear_error();
	return ok;
}
