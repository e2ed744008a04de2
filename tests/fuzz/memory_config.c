/* SPDX-License-Identifier: Apache-2.0 */
/* The estimate's reader of /.enclave/config, which may be anybody's. */
#include "launch/memory.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_memory_need need = {0};
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	(void)encl_memory_of_config(text, size, &need);
	free(text);
	return 0;
}
