/* SPDX-License-Identifier: Apache-2.0 */
/* The signature section's own CBOR, apart from who signs. */
#ifndef ENCL_SIGN_SIGNATURE_H
#define ENCL_SIGN_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "eif/eif.h"

/* {register_index: 0, register_value: PCR0}: what is signed. */
void encl_signature_payload(const struct encl_pcr *pcr0, struct encl_buf *out);
/* [{signing_certificate: PEM file, signature: COSE_Sign1}] */
void encl_signature_encode(const void *pem, size_t pem_size, const void *cose,
			   size_t cose_size, struct encl_buf *out);
/* The PEM file in a section that encl_signature_read takes. */
int encl_signature_pem(const uint8_t *section, size_t n, struct encl_buf *pem,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
