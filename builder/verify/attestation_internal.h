/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of an attestation document's certificates. */
#ifndef ENCL_VERIFY_ATTESTATION_INTERNAL_H
#define ENCL_VERIFY_ATTESTATION_INTERNAL_H

#include <openssl/x509.h>

#include "base/cleanup.h"
#include "verify/attestation.h"

enum { ENCL_NAME_SHOWN = 256, ENCL_SHA256_HEX = 65, ENCL_TIME_SHOWN = 24 };

/* DER and nothing behind it; NULL: it is none.  Released with X509_free. */
X509 *encl_attestation_x509(const struct encl_span *der);
/* Printable, the common name where there is one. */
void encl_attestation_name(const X509_NAME *name, char out[ENCL_NAME_SHOWN]);
void encl_attestation_sha256(const struct encl_span *der, char out[ENCL_SHA256_HEX]);
/* "2026-01-03T20:40:25Z" */
void encl_attestation_time(uint64_t epoch, char out[ENCL_TIME_SHOWN]);
/* Seconds since the epoch; false: none that can be read, or before it. */
bool encl_attestation_epoch(const ASN1_TIME *t, uint64_t *out);

/* Checks "root", "chain", "dates".  *leaf is NULL where it cannot be read. */
int encl_attestation_check_chain(const struct encl_attestation *a,
				 const struct encl_attestation_wish *w,
				 struct encl_checks *checks, X509 **leaf,
				 struct encl_err *e) ENCL_MUST_CHECK;

/* Check "dates": all of the chain (the leaf first) were valid at `at`, and the leaf
 * when the document was made. */
void encl_attestation_check_dates(X509 *const *v, size_t n, uint64_t made, uint64_t at,
				  struct encl_checks *checks);

/* The fields of a->payload into the rest of it; as encl_attestation_read. */
int encl_attestation_read_fields(struct encl_attestation *a,
				 struct encl_err *e) ENCL_MUST_CHECK;

#endif
