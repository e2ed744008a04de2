/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate and a backend as the image writer's signer. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "registry/kms.h"
#include "sign/backend.h"
#include "sign/certificate.h"
#include "sign/cose.h"
#include "sign/key.h"
#include "sign/sign.h"
#include "sign/signature.h"
#include "sign/ssl.h"

enum { PAYLOAD_MAX = 512, TO_SIGN_MAX = 1024 };

/* A certificate file as it goes into images. */
struct paper {
	X509 *cert;
	const struct encl_curve *curve;
	char *pem;
	size_t pem_size;
};

static void
paper_clear(struct paper *p)
{
	X509_free(p->cert);
	free(p->pem);
}
ENCL_AUTO_VAL(struct paper, paper_clear);

struct encl_key_signer {
	struct encl_eif_signer base; /* first: sign() gets its address */
	struct encl_backend *backend;
	struct paper paper;
};

/* Its key may still be of a kind that signs no image: curve is NULL then. */
static int
paper_read(struct paper *p, const char *path, struct encl_err *e)
{
	if (encl_certificate_read(path, &p->pem, &p->pem_size, e) ||
	    encl_certificate_parse(p->pem, p->pem_size, path, &p->cert, e))
		return -1;
	p->curve = encl_curve_of(X509_get0_pubkey(p->cert));
	return 0;
}

static int
check_curve(const struct paper *p, const char *path, struct encl_err *e)
{
	return p->curve ? 0
			: encl_fail(e, ENCL_SIGN,
				    "%s: its key is not on P-256, P-384 or P-521", path);
}

/* The signature section around r and s. */
static int
encode(const struct paper *p, const struct encl_buf *payload, const uint8_t *rs,
       uint8_t **out, size_t *n, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf cose = {.cap = 4096};
	encl_auto(encl_buf_clear) struct encl_buf section = {.cap = (size_t)4 *
								    ENCL_PEM_MAX};

	encl_cose_encode(p->curve, payload->data, payload->len, rs, &cose);
	encl_signature_encode(p->pem, p->pem_size, cose.data, cose.len, &section);
	if (section.len > ENCL_EIF_MAX_SIGNATURE)
		return encl_fail(
			e, ENCL_SIGN,
			"the signature section would have %zu bytes, %d are allowed: "
			"use a certificate file without its chain and comments",
			section.len, ENCL_EIF_MAX_SIGNATURE);
	*out = encl_buf_steal(&section, n);
	return 0;
}

static void
digest_of(const struct encl_curve *curve, const struct encl_buf *payload,
	  struct encl_buf *bytes, struct encl_digest *digest)
{
	encl_cose_to_sign(curve, payload->data, payload->len, bytes);
	encl_digest_of(curve->hash, bytes->data, bytes->len, digest);
}

static int
sign(struct encl_eif_signer *base, const struct encl_pcr *pcr0, uint8_t **out, size_t *n,
     struct encl_err *e)
{
	struct encl_key_signer *s = (struct encl_key_signer *)base;
	struct encl_backend *b = s->backend;
	const struct encl_curve *curve = s->paper.curve;
	encl_auto(encl_buf_clear) struct encl_buf payload = {.cap = PAYLOAD_MAX};
	encl_auto(encl_buf_clear) struct encl_buf bytes = {.cap = TO_SIGN_MAX};
	uint8_t rs[ENCL_ECDSA_MAX] = {0};
	struct encl_digest digest;

	encl_signature_payload(pcr0, &payload);
	digest_of(curve, &payload, &bytes, &digest);
	if (b->sign(b, curve, &digest, rs, e))
		return -1;
	if (!encl_ecdsa_verify(curve, X509_get0_pubkey(s->paper.cert), &digest, rs))
		return encl_fail(e, ENCL_SIGN,
				 "the signature of %s does not verify with the key of "
				 "the certificate: %s",
				 b->name, b->doubt);
	return encode(&s->paper, &payload, rs, out, n, e);
}

/* The size does not depend on what is signed by more than some bytes: nothing has
 * to be signed for this. */
static int
check_size(const struct paper *p, struct encl_err *e)
{
	static const struct encl_pcr any;
	static const uint8_t rs[ENCL_ECDSA_MAX];
	encl_auto(encl_buf_clear) struct encl_buf payload = {.cap = PAYLOAD_MAX};
	encl_auto(encl_free) uint8_t *section = NULL;
	size_t n;

	encl_signature_payload(&any, &payload);
	return encode(p, &payload, rs, &section, &n, e);
}

static bool
begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* It says why not. */
static bool
is_name_of_kms(const char *key)
{
	return encl_kms_is_name(key) && access(key, F_OK);
}

static int
open_backend(struct encl_env *env, const struct encl_signer_request *q,
	     const struct paper *p, struct encl_backend **out, struct encl_err *e)
{
	if (q->signature)
		return check_curve(p, q->certificate, e) ||
				       encl_backend_signature(q->signature, p->curve, out,
							      e)
			       ? -1
			       : 0;
	if (begins(q->key, "arn:") || is_name_of_kms(q->key))
		return encl_backend_kms(env, q->key, out, e);
	if (begins(q->key, "pkcs11:"))
		return encl_backend_pkcs11(q->key, out, e);
	return encl_backend_file(q->key, out, e);
}

static int
load(struct encl_key_signer *s, struct encl_env *env, const struct encl_signer_request *q,
     struct encl_err *e)
{
	if (paper_read(&s->paper, q->certificate, e) ||
	    open_backend(env, q, &s->paper, &s->backend, e))
		return -1;
	if (s->backend->public &&
	    X509_check_private_key(s->paper.cert, s->backend->public) != 1)
		return encl_fail_ssl(e, "%s does not belong to %s", q->certificate,
				     s->backend->name);
	if (check_curve(&s->paper, q->certificate, e) ||
	    encl_certificate_check(s->paper.cert, q->now, q->certificate, e) ||
	    check_size(&s->paper, e))
		return -1;
	return encl_certificate_pcr(s->paper.cert, &s->base.pcr8, e);
}

int
encl_signer_open(struct encl_env *env, const struct encl_signer_request *q,
		 struct encl_key_signer **out, struct encl_err *e)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *s =
		encl_xcalloc(1, sizeof *s);

	s->base.sign = sign;
	if (load(s, env, q, e))
		return -1;
	*out = encl_take(s, NULL);
	return 0;
}

int
encl_key_signer_open(const char *certificate, const char *key, uint64_t now,
		     struct encl_key_signer **out, struct encl_err *e)
{
	const struct encl_signer_request q = {
		.certificate = certificate, .key = key, .now = now};

	return encl_signer_open(NULL, &q, out, e);
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
	encl_backend_close(s->backend);
	paper_clear(&s->paper);
	free(s);
}

int
encl_certificate_pcr8(const char *path, struct encl_pcr *out, struct encl_err *e)
{
	encl_auto(paper_clear) struct paper p = {0};

	return paper_read(&p, path, e) ? -1 : encl_certificate_pcr(p.cert, out, e);
}

void
encl_to_sign_clear(struct encl_to_sign *t)
{
	encl_buf_clear(&t->bytes);
}

int
encl_to_sign(const char *certificate, uint64_t now, const struct encl_pcr *pcr0,
	     struct encl_to_sign *out, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf payload = {.cap = PAYLOAD_MAX};
	encl_auto(encl_to_sign_clear) struct encl_to_sign t = {
		.bytes = {.cap = TO_SIGN_MAX}};
	encl_auto(paper_clear) struct paper p = {0};

	if (paper_read(&p, certificate, e) || check_curve(&p, certificate, e) ||
	    encl_certificate_check(p.cert, now, certificate, e) || check_size(&p, e) ||
	    encl_certificate_pcr(p.cert, &t.pcr8, e))
		return -1;
	encl_signature_payload(pcr0, &payload);
	digest_of(p.curve, &payload, &t.bytes, &t.digest);
	t.alg = p.curve->alg;
	*out = encl_take(t, (struct encl_to_sign){0});
	return 0;
}
