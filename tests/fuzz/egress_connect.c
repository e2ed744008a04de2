/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave asks of the parent's end of egress. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "launch/egress_internal.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_egress_request r = {.port = 0};
	int n = encl_egress_read((const char *)data, size, &r);

	if (n == 1 && (!r.port || r.port > 65535 || !r.host[0] || r.head > size ||
		       strlen(r.host) >= sizeof r.host))
		abort();
	return 0;
}
