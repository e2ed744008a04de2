/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the attestation API; what of one is not enough, more cannot undo. */
#include <stdlib.h>

#include "../../cmd/launch/attest_request.c"
#include "../../cmd/launch/base64.c"
#include "../../cmd/launch/http_head.c"
#include "../../cmd/launch/json.c"
#include "fuzz.h"

static void
check(const struct nsm_bytes *b, const uint8_t *at, size_t most)
{
	if (b->p && (b->p != at || !b->n || b->n > most))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct attest_request r;
	const char *why;
	char *text;
	int status;

	if (size > ATTEST_REQUEST_MAX)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	status = attest_request_parse(text, size, &r, &why);
	if (!status != !why && status != 200)
		abort();
	if (status == 200) {
		check(&r.ask.nonce, r.nonce, sizeof r.nonce);
		check(&r.ask.user_data, r.user_data, sizeof r.user_data);
		check(&r.ask.public_key, r.public_key, sizeof r.public_key);
	}
	/* read piece by piece it is refused, or taken, no earlier than whole */
	if (status == 200 && size > 1) {
		char kept = text[size - 1];

		text[size - 1] = 0;
		if (attest_request_parse(text, size - 1, &r, &why))
			abort();
		text[size - 1] = kept;
	}
	free(text);
	return 0;
}
