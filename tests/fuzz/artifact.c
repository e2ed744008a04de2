/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON document read as manifest, config and index of an enclave image. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "push/received.h"

static void
check(const struct encl_received *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_parts; i++) {
		if (r->parts[i].offset != sum || !r->parts[i].size)
			abort();
		sum += r->parts[i].size;
	}
	if (sum != r->size || !r->n_parts)
		abort();
	if (r->title && (strchr(r->title, '/') || *r->title == '.' || *r->title == '-' ||
			 strcmp(r->title + strlen(r->title) - 4, ".eif") != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	static const enum encl_arch arm = ENCL_ARCH_AARCH64;
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_received_choice c;
	struct encl_err e;

	if (encl_json_parse((const char *)data, size, "fuzz", &doc, &e))
		return 0;
	if (!encl_received_manifest(doc, "fuzz", &r, &e)) {
		check(&r);
		(void)!encl_received_config(&r, doc, "fuzz", &e);
	}
	(void)!encl_received_config(&r, json_object_get(doc, "own"), "fuzz", &e);
	if (!encl_received_choose(doc, NULL, ENCL_ARCH_X86_64, "fuzz", &c, &e) &&
	    strncmp(c.text, "sha", 3) != 0)
		abort();
	if (!encl_received_choose(doc, &arm, ENCL_ARCH_X86_64, "fuzz", &c, &e) &&
	    c.arch != arm)
		abort();
	return 0;
}
