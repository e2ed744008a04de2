/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM to chain by OpenSSL's X509_verify_cert at a stated time.  Nitro itself looks
 * at the first certificate only, for its key and its dates.
 */
#include "verify/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/stream.h"
#include "sign/key.h"
#include "sign/sign.h"
#include "sign/signature.h"
#include "sign/ssl.h"

enum { CHAIN_FILE_MAX = 4 << 20, CHAIN_DEPTH = 8, CERTIFICATES_MAX = 1024 };

ENCL_AUTO_PTR(X509_STORE, X509_STORE_free);
ENCL_AUTO_PTR(X509_STORE_CTX, X509_STORE_CTX_free);

typedef STACK_OF(X509) certificates;

static void
free_certificates(certificates *c)
{
	sk_X509_pop_free(c, X509_free);
}
ENCL_AUTO_PTR(certificates, free_certificates);

/* All certificates of a PEM text; text that is none between them is passed over, as
 * by whoever else reads PEM. */
static certificates *
read_all(const char *pem, size_t n)
{
	encl_auto(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	certificates *all = sk_X509_new_null();
	X509 *cert;
	bool asked = false;

	while (bio && all && sk_X509_num(all) < CERTIFICATES_MAX &&
	       (cert = PEM_read_bio_X509(bio, NULL, encl_no_passphrase, &asked)))
		if (!sk_X509_push(all, cert))
			X509_free(cert);
	ERR_clear_error();
	return all;
}

static void
check_dates(const struct encl_signature_info *i, uint64_t now, struct encl_checks *checks)
{
	if ((int64_t)now < i->not_before_epoch)
		encl_checks_add(checks, "certificate.dates", ENCL_CHECK_FAIL,
				"not valid before %s", i->not_before);
	else if ((int64_t)now > i->not_after_epoch)
		encl_checks_add(checks, "certificate.dates", ENCL_CHECK_FAIL,
				"expired on %s; an enclave signed with it does not start",
				i->not_after);
	else
		encl_checks_add(checks, "certificate.dates", ENCL_CHECK_PASS,
				"valid from %s to %s", i->not_before, i->not_after);
}

static void
check_usage(X509 *cert, struct encl_checks *checks)
{
	uint32_t usage = X509_get_key_usage(cert);

	if (usage == UINT32_MAX)
		encl_checks_add(checks, "certificate.usage", ENCL_CHECK_PASS,
				"sets no limits to what its key is used for");
	else if (usage & KU_DIGITAL_SIGNATURE)
		encl_checks_add(checks, "certificate.usage", ENCL_CHECK_PASS,
				"its key may be used for digital signatures");
	else
		encl_checks_add(checks, "certificate.usage", ENCL_CHECK_FAIL,
				"its key usage does not allow digital signatures");
}

static int
read_anchors(const char *path, certificates **out, char digest[ENCL_DIGEST_TEXT],
	     struct encl_err *e)
{
	struct encl_digest d;
	encl_auto(encl_free) char *text = NULL;
	encl_auto(free_certificates) certificates *all = NULL;
	size_t n;

	if (encl_read_file(path, CHAIN_FILE_MAX, &text, &n, e)) {
		e->code = ENCL_USAGE;
		return -1;
	}
	all = read_all(text, n);
	if (!all || !sk_X509_num(all))
		return encl_fail(e, ENCL_USAGE, "%s: has no PEM certificate", path);
	encl_digest_of(ENCL_SHA256, text, n, &d);
	encl_digest_format(&d, digest);
	*out = encl_take(all, NULL);
	return 0;
}

/* NULL: own[0] leads to one of anchors at this time. */
static const char *
chain_error(certificates *own, const certificates *anchors, uint64_t now)
{
	encl_auto(X509_STORE_free) X509_STORE *store = X509_STORE_new();
	encl_auto(X509_STORE_CTX_free) X509_STORE_CTX *c = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;
	int rc;

	if (!store || !c)
		return "OpenSSL does not start";
	for (int i = 0; i < sk_X509_num(anchors); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(anchors, i)))
			return "OpenSSL does not take a certificate of it";
	if (!X509_STORE_CTX_init(c, store, sk_X509_value(own, 0), own))
		return "OpenSSL does not start";
	p = X509_STORE_CTX_get0_param(c);
	X509_VERIFY_PARAM_set_time(p, (time_t)now);
	X509_VERIFY_PARAM_set_depth(p, CHAIN_DEPTH);
	/* who gives an intermediate certificate means that one */
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_PARTIAL_CHAIN);
	rc = X509_verify_cert(c);
	ERR_clear_error();
	return rc == 1 ? NULL
		       : X509_verify_cert_error_string(X509_STORE_CTX_get_error(c));
}

static int
check_chain(certificates *own, uint64_t now, const char *path, struct encl_checks *checks,
	    struct encl_err *e)
{
	encl_auto(free_certificates) certificates *anchors = NULL;
	struct encl_check *check;
	char digest[ENCL_DIGEST_TEXT];
	const char *why;

	if (read_anchors(path, &anchors, digest, e))
		return -1;
	why = chain_error(own, anchors, now);
	check = why ? encl_checks_add(checks, "certificate.chain", ENCL_CHECK_FAIL,
				      "does not lead to %s: %s", path, why)
		    : encl_checks_add(checks, "certificate.chain", ENCL_CHECK_PASS,
				      "leads to %s", path);
	check->source = encl_xstrdup(path);
	check->expected = encl_xstrdup(digest); /* of the file */
	check->compares = true;
	return 0;
}

int
encl_verify_certificate(const struct encl_eif *eif, uint64_t now, const char *chain,
			struct encl_checks *checks, struct encl_err *e)
{
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	encl_auto(encl_buf_clear) struct encl_buf pem = {.cap = ENCL_EIF_MAX_SIGNATURE};
	encl_auto(free_certificates) certificates *own = NULL;

	if (encl_signature_read(eif->signature, eif->signature_size, &info, e) ||
	    encl_signature_pem(eif->signature, eif->signature_size, &pem, e))
		return -1;
	own = read_all(encl_buf_text(&pem), pem.len);
	if (!own || !sk_X509_num(own))
		return encl_fail(e, ENCL_SIGN, "%s: no certificate", eif->path);
	check_dates(&info, now, checks);
	check_usage(sk_X509_value(own, 0), checks);
	return chain ? check_chain(own, now, chain, checks, e) : 0;
}
