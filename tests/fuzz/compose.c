/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Compose file: containers or problems, never a crash; what is
 * understood has a canonical form. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "manifest/compose.h"

static const char manifest[] =
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: '1'\n"
	"arch: x86_64\nboot: {kernel: {blobs: b}}\napp: {command: [a]}\ndocker:\n"
	"  engine: {packages: {distribution: debian, suite: s, install: [docker.io]}}\n"
	"  images: [{image: 'oci:r'}]\n";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_manifest_report_clear) struct encl_manifest_report r = {0};
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(json_decref) json_t *canonical = NULL;
	struct encl_err e = {.code = ENCL_OK};

	if (encl_manifest_parse(manifest, strlen(manifest), "fuzz", ".", &m, &problems,
				&e))
		abort();
	encl_manifest_compose_parse((const char *)data, size, "compose", m, &r);
	for (size_t i = 0; i < r.n; i++)
		if (!r.v[i].pos.file)
			abort();
	if (r.n)
		return 0;
	canonical = encl_manifest_canonical(m);
	if (!json_array_size(
		    json_object_get(json_object_get(canonical, "docker"), "containers")))
		abort();
	return 0;
}
