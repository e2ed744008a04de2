/* SPDX-License-Identifier: Apache-2.0 */
/* The console of an enclave, in pieces of changing size. */
#include "launch/console.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_console c = {.n = 0};

	for (size_t at = 0, n = 1; at < size; at += n, n = n % 7 + 1) {
		if (n > size - at)
			n = size - at;
		encl_console_feed(&c, (const char *)data + at, n);
	}
	return 0;
}
