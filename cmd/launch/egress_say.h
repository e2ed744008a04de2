/* SPDX-License-Identifier: Apache-2.0 */
/* What the proxy of network.egress says: to clients, and on the console. */
#ifndef LAUNCH_EGRESS_SAY_H
#define LAUNCH_EGRESS_SAY_H

#include "launch/egress_rules.h"

enum { EGRESS_ANSWER = 2048 };

/* A whole answer of HTTP with a text of one line; the length. */
size_t egress_answer(int status, const char *const *parts, char out[EGRESS_ANSWER]);
#define egress_say_answer(status, out, ...)                                              \
	egress_answer(status, (const char *const[]){__VA_ARGS__, 0}, out)

/* The answer to a request that no rule allows, with the rule that is missing. */
size_t egress_answer_denied(const struct egress_target *t, const struct egress_rule *rule,
			    char out[EGRESS_ANSWER]);

/* Bytes of a client's as printable text: others are \xHH; cut where it is full. */
void egress_escape(const char *p, size_t n, char *out, size_t room);

/*
 * Lines about what was refused: 20 at once and one a second; of the others only
 * their number is told.
 */
void egress_log_denied(const struct egress_target *t, const struct egress_rule *rule);
void egress_log_refused(const char *head, size_t n, const char *why);

#endif
