/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allow-list of network.egress: what a destination is in its one spelling,
 * and which rule has it.  A name is only ever matched by its text; what is an
 * address in whatever spelling is only ever matched as one.
 */
#ifndef LAUNCH_EGRESS_RULES_H
#define LAUNCH_EGRESS_RULES_H

#include "launch/config.h"

enum { EGRESS_NAME = 253, EGRESS_AUTHORITY = EGRESS_NAME + 10 };

struct egress_target {
	char host[EGRESS_NAME + 1]; /* lower case, without a final dot; or digits */
	bool is_address, v4;
	uint8_t address[16]; /* IPv4 in the first four bytes */
	unsigned port;
	char authority[EGRESS_AUTHORITY]; /* "HOST:PORT", "[ADDRESS]:PORT" */
};

/*
 * "HOST:PORT", and where standard is not 0 also "HOST", whose port that is.
 * NULL, or a constant that says what is wrong.
 */
const char *egress_target_parse(const char *text, size_t n, unsigned standard,
				struct egress_target *out);

/* "host PATTERN PORTS" or "cidr NETWORK PORTS"; text is changed and referred to. */
bool egress_rule_parse(char *text, struct egress_rule *out);

enum egress_verdict { EGRESS_ALLOWED, EGRESS_NO_RULE, EGRESS_NO_PORT };

/* *rule: of EGRESS_NO_PORT, the first one that has the host but not the port. */
enum egress_verdict egress_match(const struct egress_rule *rules, size_t n,
				 const struct egress_target *t,
				 const struct egress_rule **rule);

#endif
