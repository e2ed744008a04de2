/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include "test.h"

/* For SPDX alone: no reference is by SHA-1. */
TEST(base_digest_sha1)
{
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	encl_digest_of(ENCL_SHA1, "abc", 3, &d);
	encl_digest_format(&d, text);
	EQ_STR("sha1:a9993e364706816aba3e25717850c26c9cd0d89d", text);
	EQ_INT(false, encl_digest_parse(text, &d));
}
