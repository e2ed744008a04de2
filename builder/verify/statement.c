/* SPDX-License-Identifier: Apache-2.0 */
/* Checks to a verification summary; keys in the specification's order. */
#include "verify/statement.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"

/* Keys that are not the specification's are URIs, as in-toto asks for. */
#define OWN "https://enclavebuild.dev/verify/v1"

/* "…Z", the form that in-toto's timestamps have. */
static json_t *
time_json(uint64_t epoch)
{
	char text[32];

	encl_format_time(epoch, text);
	memcpy(strchr(text, '+'), "Z", 2);
	return json_string(text);
}

static json_t *
digest_json(const struct encl_digest *d)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	return json_pack("{s:s}", "sha256", strchr(text, ':') + 1);
}

/* What the image was held against, whatever came of it. */
static json_t *
policy_json(const struct encl_checks *checks)
{
	json_t *list = json_array();
	encl_auto(encl_free) char *text = NULL;
	struct encl_digest digest;

	for (size_t i = 0; i < checks->n; i++) {
		const struct encl_check *c = &checks->v[i];

		if (c->compares && c->expected)
			json_array_append_new(
				list, json_pack("{s:s, s:o}", "check", c->name,
						"expected", encl_json_text(c->expected)));
	}
	text = encl_json_compact(list);
	json_decref(list);
	encl_digest_of(ENCL_SHA256, text, strlen(text), &digest);
	return json_pack("{s:s, s:o}", "uri", OWN "/policy", "digest",
			 digest_json(&digest));
}

json_t *
encl_verify_statement(const struct encl_statement *s)
{
	bool passed = encl_checks_passed(s->checks) && encl_checks_compared(s->checks);
	json_t *predicate = json_pack(
		"{s:{s:s}, s:o, s:o, s:o, s:O, s:s, s:[s], s:s, s:{s:s, s:o}}",
		"verifier", "id", s->verifier, "timeVerified", time_json(s->time),
		"resourceUri", encl_json_text(s->uri), "policy", policy_json(s->checks),
		"inputAttestations", s->inputs, "verificationResult",
		passed ? "PASSED" : "FAILED", "verifiedLevels",
		passed ? "SLSA_BUILD_LEVEL_UNEVALUATED" : "FAILED", "slsaVersion", "1.0",
		OWN, "version", ENCL_VERSION, "checks", encl_checks_json(s->checks));

	return json_pack("{s:s, s:[{s:o, s:o}], s:s, s:o}", "_type",
			 "https://in-toto.io/Statement/v1", "subject", "name",
			 encl_json_text(s->name), "digest", digest_json(&s->sha256),
			 "predicateType", "https://slsa.dev/verification_summary/v1",
			 "predicate", predicate);
}
