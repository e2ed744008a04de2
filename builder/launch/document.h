/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attestation document says, unverified: enough to see whether the enclave
 * that answers is the image that was started.  Who relies on a document verifies its
 * signature and certificates; whoever runs the enclave gains nothing by that.
 */
#ifndef ENCL_LAUNCH_DOCUMENT_H
#define ENCL_LAUNCH_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { ENCL_DOCUMENT_MAX = 24576, ENCL_DOCUMENT_PCR = 48 };

struct encl_document {
	char module[128]; /* module_id; what is not printable is '?' */
	uint8_t pcr0[ENCL_DOCUMENT_PCR];
	bool debug; /* all of PCR0 is zero */
	uint8_t nonce[512];
	size_t n_nonce;
};

/*
 * COSE_Sign1 (RFC 9052 §4.2) with the payload of AWS's "Attestation process"; at
 * most ENCL_DOCUMENT_MAX bytes.  ENCL_FAILED: it is none.
 */
int encl_document_read(const uint8_t *p, size_t n, struct encl_document *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* base64 (RFC 4648 §4) to bytes; the same for its errors. */
int encl_document_decode(const char *base64, struct encl_document *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

#endif
