/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What signs a digest, apart from certificate and section.  Nothing that a
 * backend says is believed: its signature is verified with the certificate's
 * key, by one code for all of them (signer.c).
 */
#ifndef ENCL_SIGN_BACKEND_H
#define ENCL_SIGN_BACKEND_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sign/ecdsa.h"

struct encl_backend {
	/* r and s, each curve->width bytes, over a digest of curve->hash */
	int (*sign)(struct encl_backend *b, const struct encl_curve *curve,
		    const struct encl_digest *digest, uint8_t rs[ENCL_ECDSA_MAX],
		    struct encl_err *e);
	void (*close)(struct encl_backend *b); /* releases b too */
	EVP_PKEY *public;  /* what it says its key is; NULL: it cannot tell */
	char *name;	   /* for messages: "the key in x.key" */
	const char *doubt; /* why a signature of it might not verify */
};
void encl_backend_close(struct encl_backend *b); /* NULL is fine */
ENCL_AUTO_PTR(struct encl_backend, encl_backend_close);

/* A PEM file; nonces by RFC 6979. */
int encl_backend_file(const char *path, struct encl_backend **out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/*
 * A signature that was made elsewhere, as sign() returns it for whatever digest: DER
 * or r and s one after the other, as bytes or in base64.  The file is read at
 * once.  curve is that of the certificate.
 */
int encl_backend_signature(const char *path, const struct encl_curve *curve,
			   struct encl_backend **out, struct encl_err *e) ENCL_MUST_CHECK;
/* The file's content; what names it in errors. */
int encl_signature_file_parse(const uint8_t *p, size_t n, const struct encl_curve *curve,
			      const char *what, uint8_t rs[ENCL_ECDSA_MAX],
			      struct encl_err *e) ENCL_MUST_CHECK;

/* A key in AWS KMS by its ARN (kms.c). */
struct encl_env;
int encl_backend_kms(struct encl_env *env, const char *arn, struct encl_backend **out,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* A key in a PKCS#11 token by its URI (pkcs11.c). */
int encl_backend_pkcs11(const char *uri, struct encl_backend **out,
			struct encl_err *e) ENCL_MUST_CHECK;

#endif
