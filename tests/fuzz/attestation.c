/* SPDX-License-Identifier: Apache-2.0 */
/* An attestation document in any of its forms: read, checked, shown. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/json.h"
#include "verify/attestation.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = ENCL_ATTESTATION_MAX};
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	encl_auto(json_decref) json_t *v = NULL;
	const struct encl_attestation_wish wish = {
		.at = 1767474000, .aged = true, .max_age = 3600};
	struct encl_attestation a;
	struct encl_err e;

	if (encl_attestation_unwrap(data, size, &b, &e) ||
	    encl_attestation_read(b.data, b.len, &a, &e))
		return 0;
	if (!a.has || !a.n_cabundle || a.n_cabundle > ENCL_ATTESTATION_CAS ||
	    a.nonce.n > ENCL_ATTESTATION_FIELD || !a.timestamp)
		abort();
	v = encl_attestation_json(&a);
	if (!json_is_object(v) || encl_attestation_check(&a, &wish, &checks, &e))
		abort();
	return 0;
}
