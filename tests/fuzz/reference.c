/* SPDX-License-Identifier: Apache-2.0 */
/* A reference's text: what is taken is canonical, and its text is taken again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "fuzz.h"
#include "registry/reference.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_free) char *text = encl_xstrndup((const char *)data, size);
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	encl_auto(encl_reference_clear) struct encl_reference again = {0};
	encl_auto(encl_free) char *canonical = NULL;
	encl_auto(encl_free) char *second = NULL;
	struct encl_err e;

	if (encl_reference_parse(text, &r, &e))
		return 0;
	canonical = encl_reference_text(&r);
	if (encl_reference_parse(canonical, &again, &e))
		abort();
	second = encl_reference_text(&again);
	if (strcmp(canonical, second) != 0)
		abort();
	return 0;
}
