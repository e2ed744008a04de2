/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaf, the bundle from its end to its second, and the one root that is trusted,
 * by OpenSSL; and what AWS's rules ask for beyond: key usages that are stated, the
 * chain as the bundle has it, P-384 and SHA-384 all through.  The bundle's first
 * certificate is whatever root the sender likes, and is not looked at.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "sign/certificate.h"
#include "sign/ecdsa.h"
#include "sign/ssl.h"
#include "verify/attestation_internal.h"

enum { BITS_192 = 4, P_384 = -35 }; /* OpenSSL's security level; COSE's ES384 */

ENCL_AUTO_PTR(X509_STORE, X509_STORE_free);
ENCL_AUTO_PTR(X509_STORE_CTX, X509_STORE_CTX_free);

/* All certificates, the leaf first, then as they sign it; the root last. */
struct chain {
	X509 *v[ENCL_ATTESTATION_CAS + 1];
	size_t n;
	STACK_OF(X509) * between; /* borrows */
};

static void
chain_clear(struct chain *c)
{
	for (size_t i = 0; i < c->n; i++)
		X509_free(c->v[i]);
	sk_X509_free(c->between);
	memset(c, 0, sizeof *c);
}
ENCL_AUTO_VAL(struct chain, chain_clear);

X509 *
encl_attestation_x509(const struct encl_span *der)
{
	const unsigned char *p = der->p;
	encl_auto(X509_free) X509 *x = d2i_X509(NULL, &p, (long)der->n);

	/* forces decoding of the extensions and of the key */
	if (!x || p != der->p + der->n || !X509_get0_pubkey(x) ||
	    X509_get_extension_flags(x) & EXFLAG_INVALID) {
		ERR_clear_error();
		return NULL;
	}
	ERR_clear_error();
	return encl_take(x, NULL);
}

void
encl_attestation_name(const X509_NAME *name, char out[ENCL_NAME_SHOWN])
{
	int n = X509_NAME_get_text_by_NID(name, NID_commonName, out, ENCL_NAME_SHOWN);

	if (n < 0)
		(void)snprintf(out, ENCL_NAME_SHOWN, "(no common name)");
	for (size_t i = 0; out[i]; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
}

void
encl_attestation_sha256(const struct encl_span *der, char out[ENCL_SHA256_HEX])
{
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, der->p, der->n, &d);
	encl_hex(d.bytes, 32, out);
}

/* ---- the root ---- */

static void
der_digest(const X509 *x, char out[ENCL_SHA256_HEX])
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	encl_attestation_sha256(&(struct encl_span){der, n > 0 ? (size_t)n : 0}, out);
	OPENSSL_free(der);
}

/* Of several, the first alone would be trusted, whatever was meant. */
static bool
holds_several(const char *pem, size_t n)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	const size_t skip = sizeof begin - 1;
	const char *first = memmem(pem, n, begin, skip);
	const char *rest = first ? first + skip : pem + n;

	return memmem(rest, n - (size_t)(rest - pem), begin, skip) != NULL;
}

static int
read_root(const struct encl_attestation_wish *w, X509 **out, struct encl_checks *checks,
	  struct encl_err *e)
{
	encl_auto(X509_free) X509 *root = NULL;
	const char *name = w->root ? w->root_name : "AWS Nitro Enclaves Root-G1";
	char digest[ENCL_SHA256_HEX];

	if (encl_certificate_parse(w->root ? w->root : encl_nitro_root_pem,
				   w->root ? w->root_size : strlen(encl_nitro_root_pem),
				   name, &root, e)) {
		e->code = ENCL_USAGE;
		return -1;
	}
	if (w->root && holds_several(w->root, w->root_size))
		return encl_fail(
			e, ENCL_USAGE,
			"%s: holds several certificates; give the one CA to trust", name);
	der_digest(root, digest);
	if (!w->root && strcmp(digest, encl_nitro_root_sha256) != 0)
		return encl_fail(e, ENCL_FAILED, "%s: this tool's copy is not AWS's",
				 name);
	(void)encl_checks_add(checks, "root", ENCL_CHECK_NOTE, "%s, SHA-256 %s", name,
			      digest);
	*out = encl_take(root, NULL);
	return 0;
}

/* ---- the chain ---- */

/* The leaf, and the bundle from its end to its second certificate. */
static bool
load(const struct encl_attestation *a, struct chain *c, struct encl_checks *checks)
{
	c->v[0] = encl_attestation_x509(&a->certificate);
	if (!c->v[0]) {
		(void)encl_checks_add(checks, "chain", ENCL_CHECK_FAIL,
				      "its certificate cannot be read");
		return false;
	}
	c->n = 1;
	for (size_t i = a->n_cabundle; i-- > 1; c->n++) {
		c->v[c->n] = encl_attestation_x509(&a->cabundle[i]);
		if (!c->v[c->n]) {
			(void)encl_checks_add(checks, "chain", ENCL_CHECK_FAIL,
					      "cabundle[%zu] cannot be read", i);
			return false;
		}
	}
	c->between = sk_X509_new_null();
	for (size_t i = 1; c->between && i < c->n; i++)
		if (!sk_X509_push(c->between, c->v[i]))
			return false;
	return c->between != NULL;
}

static const char *
why_not_openssl(const struct chain *c, X509_STORE *store, X509_STORE_CTX *ctx, int *depth)
{
	X509_VERIFY_PARAM *param;

	if (X509_STORE_add_cert(store, c->v[c->n - 1]) != 1 ||
	    X509_STORE_CTX_init(ctx, store, c->v[0], c->between) != 1)
		return "OpenSSL cannot look at it";
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME |
						   X509_V_FLAG_CHECK_SS_SIGNATURE);
	X509_VERIFY_PARAM_set_auth_level(param, BITS_192);
	X509_VERIFY_PARAM_set_depth(param, ENCL_ATTESTATION_CAS);
	if (X509_verify_cert(ctx) == 1)
		return NULL;
	*depth = X509_STORE_CTX_get_error_depth(ctx);
	return X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
}

/* Has OpenSSL gone the way that the bundle says? */
static bool
is_as_bundled(const struct chain *c, X509_STORE_CTX *ctx)
{
	STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);

	if ((size_t)sk_X509_num(built) != c->n)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (X509_cmp(sk_X509_value(built, (int)i), c->v[i]) != 0)
			return false;
	return true;
}

static const char *
why_not_usage(X509 *x, bool leaf)
{
	uint32_t flags = X509_get_extension_flags(x);
	uint32_t usage = X509_get_key_usage(x);
	const struct encl_curve *curve = encl_curve_of(X509_get0_pubkey(x));

	if (!curve || curve->cose_alg != P_384)
		return "its key is not on P-384";
	if (!(flags & EXFLAG_KUSAGE))
		return "has no key usage";
	if (leaf)
		return flags & EXFLAG_CA ? "is a CA's"
		       : !(usage & KU_DIGITAL_SIGNATURE)
			       ? "its key usage does not allow digital signatures"
			       : NULL;
	if (!(flags & EXFLAG_BCONS) || !(flags & EXFLAG_CA))
		return "is not a CA's";
	return usage & KU_KEY_CERT_SIGN
		       ? NULL
		       : "its key usage does not allow to sign certificates";
}

static bool
check_usage(const struct chain *c, struct encl_checks *checks)
{
	char name[ENCL_NAME_SHOWN];

	for (size_t i = 0; i < c->n; i++) {
		const char *why = why_not_usage(c->v[i], i == 0);

		if (!why)
			continue;
		encl_attestation_name(X509_get_subject_name(c->v[i]), name);
		(void)encl_checks_add(checks, "chain", ENCL_CHECK_FAIL, "%s: %s", name,
				      why);
		return false;
	}
	return true;
}

static void
check_chain(const struct chain *c, struct encl_checks *checks)
{
	encl_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	encl_auto(X509_STORE_CTX_free) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	char name[ENCL_NAME_SHOWN];
	const char *why;
	int depth = 0;

	if (!check_usage(c, checks))
		return;
	why = store && ctx ? why_not_openssl(c, store, ctx, &depth) : "no memory";
	if (why) {
		size_t at = depth > 0 && (size_t)depth < c->n ? (size_t)depth : 0;

		encl_attestation_name(X509_get_subject_name(c->v[at]), name);
		(void)encl_checks_add(checks, "chain", ENCL_CHECK_FAIL, "%s: %s", name,
				      why);
	} else if (!is_as_bundled(c, ctx)) {
		(void)encl_checks_add(
			checks, "chain", ENCL_CHECK_FAIL,
			"cabundle holds what is not on the way to the root");
	} else {
		encl_attestation_name(X509_get_subject_name(c->v[0]), name);
		(void)encl_checks_add(checks, "chain", ENCL_CHECK_PASS,
				      "%zu certificates from %s to the root", c->n, name);
	}
	ERR_clear_error();
}

int
encl_attestation_check_chain(const struct encl_attestation *a,
			     const struct encl_attestation_wish *w,
			     struct encl_checks *checks, X509 **leaf, struct encl_err *e)
{
	encl_auto(chain_clear) struct chain c = {.n = 0};
	encl_auto(X509_free) X509 *root = NULL;
	uint64_t made = a->timestamp / 1000;

	*leaf = NULL;
	if (read_root(w, &root, checks, e))
		return -1;
	if (load(a, &c, checks)) {
		c.v[c.n++] = encl_take(root, NULL);
		check_chain(&c, checks);
		encl_attestation_check_dates(c.v, c.n, made,
					     w->at_timestamp ? made : w->at, checks);
	}
	if (c.n && X509_up_ref(c.v[0]))
		*leaf = c.v[0];
	return 0;
}
