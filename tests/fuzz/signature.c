/* SPDX-License-Identifier: Apache-2.0 */
/* A signature section: CBOR, COSE, PEM and X.509. */
#include "fuzz.h"

#include <stdlib.h>

#include "sign/sign.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	struct encl_err e;

	if (encl_signature_read(data, size, &info, &e) == 0 &&
	    (!info.issuer || !info.algorithm || !info.not_before || !info.not_after ||
	     !info.cert_signature))
		abort();
	return 0;
}
