/* SPDX-License-Identifier: Apache-2.0 */
/* IAM's patterns; a history that is written.  Policies themselves: tests/cli/750. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "test.h"
#include "verify/history.h"
#include "verify/policy_internal.h"

TEST(verify_policy_patterns)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
		{"kms:Decrypt", "kms:Decrypt", true},
		{"KMS:decrypt", "kms:Decrypt", true},
		{"kms:*", "kms:Decrypt", true},
		{"*", "", true},
		{"*:D*t", "kms:Decrypt", true},
		{"*:D*d", "kms:Decrypt", false},
		{"kms:?ecrypt", "kms:Decrypt", true},
		{"kms:Decrypt?", "kms:Decrypt", false},
		{"", "kms:Decrypt", false},
		{"kms:Decrypt", "", false},
		{"a*a*a", "aa", false},
		{"a*a*a", "aaa", true},
		{"**b", "aab", true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_INT(rows[i].match, encl_policy_matches(rows[i].pattern, rows[i].text));
}

/* As long as the product of both at worst, not more. */
TEST(verify_policy_pattern_is_not_a_bomb)
{
	char pattern[401];
	char text[4001];

	for (size_t i = 0; i < 400; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[399] = 'b';
	pattern[400] = 0;
	memset(text, 'a', 4000);
	text[4000] = 0;
	CHECK(!encl_policy_matches(pattern, text));
}

static void
append(const char *path, int n, bool want)
{
	encl_auto(json_decref) json_t *v = json_pack("{s:i}", "N", n);
	struct encl_history h;
	bool added;

	OK(encl_history_append(path, v, &added, &h, &e));
	EQ_INT(want, added);
}

TEST(verify_history_grows)
{
	const char *path = test_path("h.jsonl");
	encl_auto(encl_free) char *text = NULL;
	struct encl_history h;
	char head[ENCL_DIGEST_TEXT];
	size_t n;

	append(path, 1, true);
	append(path, 1, false);
	append(path, 2, true);
	append(path, 1, true);
	OK(encl_read_file(path, 4096, &text, &n, &e));
	/* by sha256sum */
	EQ_STR("{\"N\":1,\"Previous\":null}\n"
	       "{\"N\":2,\"Previous\":\"sha256:"
	       "8e50b7858c2fd4c54e0a118036aa6371a55f58a7e34c68dfe48e7b7cb65aeec9\"}\n"
	       "{\"N\":1,\"Previous\":\"sha256:"
	       "4548505267ed0d8dc83bcb8fabb175cbe86286426334bf7c3a5a184ddcf38863\"}\n",
	       text);
	OK(encl_history_check(path, &h, &e));
	encl_digest_format(&h.head, head);
	EQ_INT(3, h.n);
	EQ_STR("sha256:4cd6aa5f1a4eba54d0cf3799ef34748e1b42d71f2cc024783da37b1250fd139d",
	       head);
}
