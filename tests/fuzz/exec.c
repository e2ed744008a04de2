/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of debug.exec from either side, and the requests in them; the first
 * byte says whose they are. */
#include "launch/exec.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_exec_reader r = {.of_parent = size && data[0] & 1};

	for (size_t at = 1, n = 1; at < size && !r.broken; n = n % 7 + 1) {
		const uint8_t *body;
		size_t used, length;
		size_t part = n < size - at ? n : size - at;
		int type = encl_exec_feed(&r, data + at, part, &used, &body, &length);
		struct encl_exec_request request;

		at += used;
		if (type == ENCL_EXEC_REQUEST &&
		    !encl_exec_request_read(body, length, &request))
			encl_exec_request_clear(&request);
	}
	encl_exec_reader_clear(&r);
	return 0;
}
