/* SPDX-License-Identifier: Apache-2.0 */
/* The signed text of an InRelease, gpgv's status lines, and armored keys. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "fuzz.h"
#include "sources/openpgp.h"
#include "sources/release.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct encl_apt_repo repo = {.suite = "test", .check_valid_until = true};
	encl_auto(encl_release_clear) struct encl_release r = {.repo = &repo};
	encl_auto(encl_buf_clear) struct encl_buf keys = {.cap = 1 << 20};
	struct encl_strings signers;
	struct encl_digest d;
	struct encl_err e;
	uint64_t n;
	bool found;

	r.arena = encl_arena_new();
	r.text = encl_xstrndup((const char *)data, size);
	r.n = size;
	while (r.n && !r.text[r.n - 1]) /* a text: its length is strlen's */
		r.n--;
	for (size_t i = 0; i < r.n; i++)
		if (!r.text[i])
			r.n = i;
	(void)!encl_openpgp_judge(r.text, "status", &repo, r.arena, &signers, &e);
	(void)!encl_openpgp_dearmor(r.text, r.n, "keys", &keys, &e);
	if (!encl_release_parse(&r, 1000000000, &e))
		(void)!encl_release_file(&r, "main/binary-amd64/Packages.xz", &d, &n,
					 &found, &e);
	return 0;
}
