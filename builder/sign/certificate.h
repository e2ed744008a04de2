/* SPDX-License-Identifier: Apache-2.0 */
/* The first certificate of a PEM file, and what describe-eif shows of it. */
#ifndef ENCL_SIGN_CERTIFICATE_H
#define ENCL_SIGN_CERTIFICATE_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sign/sign.h"

/* what names it in errors, which are all ENCL_SIGN.  A passphrase is never
 * asked for.  The result is released with X509_free. */
int encl_certificate_parse(const char *pem, size_t n, const char *what, X509 **out,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* Usable for signing at `now` (0: dates are not looked at). */
int encl_certificate_check(const X509 *cert, uint64_t now, const char *what,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* Extend of the DER's digest. */
int encl_certificate_pcr(const X509 *cert, struct encl_pcr *out,
			 struct encl_err *e) ENCL_MUST_CHECK;
/* Fills issuer, algorithm, dates and the certificate's signature. */
int encl_certificate_describe(const X509 *cert, struct encl_signature_info *out,
			      struct encl_err *e) ENCL_MUST_CHECK;

#endif
