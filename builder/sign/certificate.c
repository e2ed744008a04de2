/* SPDX-License-Identifier: Apache-2.0 */
/* PEM to X.509, its use, and its fields as nitro-cli prints them. */
#include "sign/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "sign/ecdsa.h"
#include "sign/key.h"
#include "sign/ssl.h"

int
encl_certificate_parse(const char *pem, size_t n, const char *what, X509 **out,
		       struct encl_err *e)
{
	encl_auto(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	encl_auto(X509_free) X509 *cert = NULL;
	bool asked = false;

	ERR_clear_error();
	if (bio)
		cert = PEM_read_bio_X509(bio, NULL, encl_no_passphrase, &asked);
	if (!cert)
		return encl_fail_ssl(e, "%s: not a PEM certificate", what);
	/* forces decoding of the extensions and of the key */
	if (!X509_get0_pubkey(cert) || X509_get_extension_flags(cert) & EXFLAG_INVALID)
		return encl_fail_ssl(e, "%s: not a usable certificate", what);
	ERR_clear_error();
	*out = encl_take(cert, NULL);
	return 0;
}

/* "Jan  1 00:00:00 2020 GMT"; malloc'ed. */
static char *
time_text(const ASN1_TIME *t)
{
	encl_auto(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	if (bio && ASN1_TIME_print(bio, t) == 1)
		n = BIO_get_mem_data(bio, &p);
	return n > 0 ? encl_xstrndup(p, (size_t)n) : encl_xstrdup("invalid");
}

static int64_t
time_epoch(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static int
check_dates(const X509 *cert, uint64_t now, const char *what, struct encl_err *e)
{
	const ASN1_TIME *from = X509_get0_notBefore(cert);
	const ASN1_TIME *to = X509_get0_notAfter(cert);
	encl_auto(encl_free) char *from_text = time_text(from);
	encl_auto(encl_free) char *to_text = time_text(to);

	if (ASN1_TIME_check(from) != 1 || ASN1_TIME_check(to) != 1)
		return encl_fail(e, ENCL_SIGN, "%s: its dates cannot be read", what);
	if ((int64_t)now < time_epoch(from))
		return encl_fail(e, ENCL_SIGN, "%s: not valid before %s", what,
				 from_text);
	if ((int64_t)now > time_epoch(to))
		return encl_fail(
			e, ENCL_SIGN,
			"%s: expired on %s; an enclave signed with it would not start",
			what, to_text);
	return 0;
}

int
encl_certificate_check(const X509 *cert, uint64_t now, const char *what,
		       struct encl_err *e)
{
	X509 *c = (X509 *)(uintptr_t)cert; /* OpenSSL 3.0 lacks the const */

	if (!(X509_get_key_usage(c) & KU_DIGITAL_SIGNATURE))
		return encl_fail(e, ENCL_SIGN,
				 "%s: its key usage does not allow digital signatures",
				 what);
	return now ? check_dates(cert, now, what, e) : 0;
}

int
encl_certificate_pcr(const X509 *cert, struct encl_pcr *out, struct encl_err *e)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	struct encl_digest d;

	if (n <= 0)
		return encl_fail_ssl(e, "cannot encode the certificate");
	encl_digest_of(ENCL_SHA384, der, (size_t)n, &d);
	OPENSSL_free(der);
	encl_pcr_extend(&d, out);
	return 0;
}

/* {"commonName": …}: long names; of several values the last one counts. */
static char *
issuer_text(const X509 *cert)
{
	const X509_NAME *name = X509_get_issuer_name(cert);
	encl_auto(json_decref) json_t *v = json_object();
	char *text;

	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
		int nid = OBJ_obj2nid(object);
		unsigned char *value = NULL;
		char oid[128] = "";
		int n = ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry));

		if (nid == NID_undef)
			OBJ_obj2txt(oid, sizeof oid, object, 1);
		json_object_set_new(v, nid == NID_undef ? oid : OBJ_nid2ln(nid),
				    n < 0 ? json_null()
					  : json_stringn((char *)value, (size_t)n));
		OPENSSL_free(value);
	}
	text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
	return text ? text : encl_xstrdup("{}");
}

static char *
signature_text(const X509 *cert)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 65536};
	const ASN1_BIT_STRING *s;
	const X509_ALGOR *algorithm;

	X509_get0_signature(&s, &algorithm, cert);
	for (int i = 0; i < ASN1_STRING_length(s); i++)
		encl_buf_add_fmt(&b, "%s%02X", i ? ":" : "", ASN1_STRING_get0_data(s)[i]);
	return encl_xstrdup(encl_buf_text(&b));
}

int
encl_certificate_describe(const X509 *cert, struct encl_signature_info *out,
			  struct encl_err *e)
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *object;
	char oid[128] = "";
	int nid;

	if (encl_certificate_pcr(cert, &out->pcr8, e))
		return -1;
	X509_get0_signature(NULL, &algorithm, cert);
	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	nid = OBJ_obj2nid(object);
	if (nid == NID_undef)
		OBJ_obj2txt(oid, sizeof oid, object, 1);
	out->algorithm = encl_xstrdup(nid == NID_undef ? oid : OBJ_nid2ln(nid));
	out->issuer = issuer_text(cert);
	out->not_before = time_text(X509_get0_notBefore(cert));
	out->not_after = time_text(X509_get0_notAfter(cert));
	out->not_before_epoch = time_epoch(X509_get0_notBefore(cert));
	out->not_after_epoch = time_epoch(X509_get0_notAfter(cert));
	out->cert_signature = signature_text(cert);
	ERR_clear_error();
	return 0;
}
