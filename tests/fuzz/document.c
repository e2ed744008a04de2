/* SPDX-License-Identifier: Apache-2.0 */
/* An attestation document: CBOR in COSE. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "launch/document.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_document d;
	struct encl_err e;

	if (encl_document_read(data, size, &d, &e) == 0 &&
	    (d.n_nonce > sizeof d.nonce || strlen(d.module) >= sizeof d.module))
		abort();
	return 0;
}
