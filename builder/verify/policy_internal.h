/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of one statement. */
#ifndef ENCL_VERIFY_POLICY_INTERNAL_H
#define ENCL_VERIFY_POLICY_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "verify/expect.h"

/* With three values: what cannot be evaluated is neither. */
enum encl_truth { ENCL_NO, ENCL_YES, ENCL_UNKNOWN };

struct encl_policy_condition {
	enum encl_truth holds; /* for the registers */
	bool asks;	       /* for values of PCR0, or PCR8, or PCR1 and PCR2 */
	uint32_t pinned;       /* bit n: for values of PCRn */
	char why[256];	       /* not ENCL_YES: the first reason */
};

/* A statement's Condition (NULL: none, which holds). */
void encl_policy_condition_evaluate(const json_t *condition,
				    const struct encl_registers *r,
				    struct encl_policy_condition *out);

/* IAM's * and ?, letters of either case. */
bool encl_policy_matches(const char *pattern, const char *text);

#endif
