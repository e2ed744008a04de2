/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's apt sources, in both formats. */
#include "base/alloc.h"
#include "fuzz.h"
#include "sources/apt_config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int deb822 = 0; deb822 < 2; deb822++) {
		encl_auto(encl_apt_repos_clear) struct encl_apt_repos r = {.n = 0};
		encl_auto(encl_free) char *text = encl_xmemdup(data, size);
		struct encl_err e;

		(void)!encl_apt_parse(text, size, deb822, "fuzz", &r, &e);
	}
	return 0;
}
