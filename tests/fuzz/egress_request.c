/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the proxy in the enclave; what it passes on is read again alike. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/egress_request.c"
#include "../../cmd/launch/egress_rules.c"
#include "../../cmd/launch/http_head.c"
#pragma GCC diagnostic pop
#include "fuzz.h"

/* The one spelling of a destination has to be a spelling of itself. */
static void
check_target(const struct egress_target *t)
{
	struct egress_target again;

	if (egress_target_parse(t->authority, strlen(t->authority), 0, &again) ||
	    strcmp(again.authority, t->authority) != 0 ||
	    again.is_address != t->is_address || again.v4 != t->v4)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char rule_text[] = "host a*.example.com 80,443-8443";
	struct egress_rule rule;
	const struct egress_rule *near;
	struct egress_request r;
	const char *why;
	size_t n = http_head_end((const char *)data, size);

	if (!n || egress_request_parse((const char *)data, n, &r, &why))
		return 0;
	check_target(&r.target);
	if (!egress_rule_parse(rule_text, &rule))
		abort();
	egress_match(&rule, 1, &r.target, &near);
	if (r.head && http_head_end(r.head, r.n_head) != r.n_head)
		abort();
	free(r.head);
	return 0;
}
