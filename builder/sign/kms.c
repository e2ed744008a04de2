/* SPDX-License-Identifier: Apache-2.0 */
/* The backend that is a key in AWS KMS, which never leaves it. */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "registry/kms.h"
#include "sign/backend.h"
#include "sign/ssl.h"

struct kms {
	struct encl_backend base; /* first */
	struct encl_kms *key;
};

static const struct {
	const char *curve;
	const char *spec;
	const char *algorithm;
} specs[] = {
	{"P-256", "ECC_NIST_P256", "ECDSA_SHA_256"},
	{"P-384", "ECC_NIST_P384", "ECDSA_SHA_384"},
	{"P-521", "ECC_NIST_P521", "ECDSA_SHA_512"},
};

static size_t
spec_of(const struct encl_curve *curve)
{
	size_t i = 0;

	while (strcmp(specs[i].curve, curve->name) != 0)
		i++;
	return i;
}

static int
sign(struct encl_backend *base, const struct encl_curve *curve,
     const struct encl_digest *digest, uint8_t rs[ENCL_ECDSA_MAX], struct encl_err *e)
{
	struct kms *k = (struct kms *)base;
	encl_auto(encl_buf_clear) struct encl_buf der = {.cap = ENCL_KMS_DER_MAX};

	if (encl_kms_sign(k->key, specs[spec_of(curve)].algorithm, digest->bytes,
			  encl_digest_size(digest->algo), &der, e))
		return -1;
	return encl_ecdsa_from_der(curve, der.data, der.len, base->name, rs, e);
}

static void
close_kms(struct encl_backend *base)
{
	struct kms *k = (struct kms *)base;

	encl_kms_free(k->key);
	EVP_PKEY_free(base->public);
	free(base->name);
	free(k);
}

static int
load(struct kms *k, struct encl_err *e)
{
	encl_auto(encl_kms_key_clear) struct encl_kms_key got = {0};
	const struct encl_curve *curve;
	const uint8_t *p;

	if (encl_kms_get_public_key(k->key, &got, e))
		return -1;
	p = got.der.data;
	k->base.public = d2i_PUBKEY(NULL, &p, (long)got.der.len);
	ERR_clear_error();
	curve = k->base.public ? encl_curve_of(k->base.public) : NULL;
	if (!curve || p != got.der.data + got.der.len ||
	    strcmp(specs[spec_of(curve)].spec, got.spec) != 0)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: answer: \"PublicKey\" is not a key of %s",
				 k->base.name, got.spec);
	return 0;
}

int
encl_backend_kms(struct encl_env *env, const char *arn, struct encl_backend **out,
		 struct encl_err *e)
{
	struct kms *k = encl_xcalloc(1, sizeof *k);
	encl_auto(encl_backend_close) struct encl_backend *b = &k->base;

	b->sign = sign;
	b->close = close_kms;
	b->name = encl_xstrdup(arn);
	b->doubt = "KMS signed something else, or with another key";
	if (encl_kms_open(env, arn, &k->key, e) || load(k, e))
		return -1;
	*out = encl_take(b, NULL);
	return 0;
}
