/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest for a verb. */
#include "manifests.h"

#include <stdio.h>

#include "base/err.h"

int
read_manifest(const char *file, struct encl_manifest **out, struct encl_err *e)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};

	if (!encl_manifest_read(file, out, &problems, e))
		return 0;
	for (size_t i = 0; i + 1 < problems.n; i++)
		fprintf(stderr, "enclavebuild: %s\n", problems.v[i]);
	if (!problems.n)
		return -1;
	return encl_fail(e, ENCL_USAGE, "%s", problems.v[problems.n - 1]);
}
