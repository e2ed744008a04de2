/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave says on its status channel, in pieces of changing size. */
#include "launch/status.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_status s;

	encl_status_init(&s);
	for (size_t at = 0, n = 1; at < size; n = n % 7 + 1) {
		size_t used;
		size_t part = n < size - at ? n : size - at;

		if (encl_status_feed(&s, (const char *)data + at, part, &used) ==
		    ENCL_STATUS_BROKEN)
			break;
		at += used;
	}
	encl_status_clear(&s);
	return 0;
}
