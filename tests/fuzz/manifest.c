/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a manifest: valid or with problems, never a crash; what is
 * valid has a canonical form. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/json.h"
#include "manifest/manifest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(json_decref) json_t *canonical = NULL;
	struct encl_err e = {.code = ENCL_OK};

	if (encl_manifest_parse((const char *)data, size, "fuzz", ".", &m, &problems,
				&e)) {
		if (!problems.n || problems.n > problems.total || e.code != ENCL_USAGE)
			abort();
		return 0;
	}
	canonical = encl_manifest_canonical(m);
	if (problems.n || !json_array_size(json_object_get(canonical, "rootfs")))
		abort();
	return 0;
}
