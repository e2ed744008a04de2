/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel configuration, and a table: the input's lines are both. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "sources/kernel_config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct encl_kernel_files k = {.config = text};
	struct encl_manifest m = {.file = "m"};
	struct encl_err e;
	int failed = 0;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	failed += encl_kernel_config_read(text, size, "config", ENCL_ARCH_X86_64, "6.1.0",
					  &e);
	failed += encl_kernel_check(&k, &m, &e);
	failed += encl_kernel_check_table(text, &k, &m, &e);
	free(text);
	(void)failed;
	return 0;
}
