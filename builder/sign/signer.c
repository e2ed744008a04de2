/* SPDX-License-Identifier: Apache-2.0 */
/* A key file and its certificate as the image writer's signer. */
#include <stdlib.h>

#include "base/alloc.h"
#include "sign/certificate.h"
#include "sign/cose.h"
#include "sign/key.h"
#include "sign/sign.h"
#include "sign/signature.h"
#include "sign/ssl.h"

struct encl_key_signer {
	struct encl_eif_signer base; /* first: sign() gets its address */
	EVP_PKEY *key;
	char *pem; /* the certificate file */
	size_t pem_size;
};

static int
sign(struct encl_eif_signer *base, const struct encl_pcr *pcr0, uint8_t **out, size_t *n,
     struct encl_err *e)
{
	struct encl_key_signer *s = (struct encl_key_signer *)base;
	encl_auto(encl_buf_clear) struct encl_buf payload = {.cap = 1024};
	encl_auto(encl_buf_clear) struct encl_buf cose = {.cap = 4096};
	encl_auto(encl_buf_clear) struct encl_buf section = {.cap = (size_t)4 *
								    ENCL_PEM_MAX};

	encl_signature_payload(pcr0, &payload);
	if (encl_cose_sign(s->key, payload.data, payload.len, &cose, e))
		return -1;
	encl_signature_encode(s->pem, s->pem_size, cose.data, cose.len, &section);
	if (section.len > ENCL_EIF_MAX_SIGNATURE)
		return encl_fail(
			e, ENCL_SIGN,
			"the signature section would have %zu bytes, %d are allowed: "
			"use a certificate file without its chain and comments",
			section.len, ENCL_EIF_MAX_SIGNATURE);
	*out = encl_buf_steal(&section, n);
	return 0;
}

static int
load(struct encl_key_signer *s, const char *certificate, const char *key, uint64_t now,
     struct encl_err *e)
{
	encl_auto(X509_free) X509 *cert = NULL;

	if (encl_certificate_read(certificate, &s->pem, &s->pem_size, e) ||
	    encl_certificate_parse(s->pem, s->pem_size, certificate, &cert, e) ||
	    encl_key_read(key, &s->key, e))
		return -1;
	if (X509_check_private_key(cert, s->key) != 1)
		return encl_fail_ssl(e, "%s does not belong to the key in %s",
				     certificate, key);
	if (encl_certificate_check(cert, now, certificate, e))
		return -1;
	return encl_certificate_pcr(cert, &s->base.pcr8, e);
}

/* The size does not depend on what is signed by more than some bytes: try. */
static int
check_size(struct encl_key_signer *s, struct encl_err *e)
{
	static const struct encl_pcr any;
	encl_auto(encl_free) uint8_t *section = NULL;
	size_t n;

	return sign(&s->base, &any, &section, &n, e);
}

int
encl_key_signer_open(const char *certificate, const char *key, uint64_t now,
		     struct encl_key_signer **out, struct encl_err *e)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *s =
		encl_xcalloc(1, sizeof *s);

	s->base.sign = sign;
	if (load(s, certificate, key, now, e) || check_size(s, e))
		return -1;
	*out = encl_take(s, NULL);
	return 0;
}

struct encl_eif_signer *
encl_key_signer_base(struct encl_key_signer *s)
{
	return &s->base;
}

void
encl_key_signer_free(struct encl_key_signer *s)
{
	if (!s)
		return;
	EVP_PKEY_free(s->key);
	free(s->pem);
	free(s);
}

int
encl_certificate_pcr8(const char *path, struct encl_pcr *out, struct encl_err *e)
{
	encl_auto(encl_free) char *pem = NULL;
	encl_auto(X509_free) X509 *cert = NULL;
	size_t n;

	if (encl_certificate_read(path, &pem, &n, e) ||
	    encl_certificate_parse(pem, n, path, &cert, e))
		return -1;
	return encl_certificate_pcr(cert, out, e);
}
