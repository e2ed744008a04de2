/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's reader of /.enclave/config. */
#include "../../cmd/launch/base64.c"
#include "../../cmd/launch/config.c"
#include "../../cmd/launch/config_attest.c"
#include "../../cmd/launch/config_unit.c"
#include "../../cmd/launch/egress_rules.c"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct config c;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	config_parse(text, size, &c);
	config_clear(&c);
	free(text);
	return 0;
}
