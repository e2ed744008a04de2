/* SPDX-License-Identifier: Apache-2.0 */
/* A KMS key policy, evaluated; the first 48 bytes are PCR0. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "verify/policy.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	encl_auto(json_decref) json_t *policy = NULL;
	struct encl_registers r = {{NULL}};
	struct encl_pcr pcr0;
	struct encl_err e;
	bool compared;

	if (size < sizeof pcr0 ||
	    encl_json_parse((const char *)data + sizeof pcr0, size - sizeof pcr0,
			    "policy", &policy, &e))
		return 0;
	memcpy(&pcr0, data, sizeof pcr0);
	r.v[0] = &pcr0;
	if (encl_policy_check(policy, encl_policy_actions[0], &r, "policy", &checks, &e))
		return 0;
	compared = encl_checks_compared(&checks);
	if (!compared && encl_checks_passed(&checks))
		abort();
	return 0;
}
