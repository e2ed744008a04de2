/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a KMS key policy let an enclave with these registers use the key, because of
 * its attestation?  Of IAM's language only what bears on that is evaluated; what is
 * not understood fails.  Who the caller is, is not looked at.
 */
#ifndef ENCL_VERIFY_POLICY_H
#define ENCL_VERIFY_POLICY_H

#include <jansson.h>

#include "base/err.h"
#include "verify/checks.h"
#include "verify/expect.h"

/*
 * policy: a policy, one statement, or what `aws kms get-key-policy` prints.  Checks,
 * all with source: "policy" (compares: a statement allows action to these registers,
 * and none denies it), "policy.debug" (one that enclaves in debug mode satisfy),
 * "policy.unattested" (notes: statements that allow without asking for an
 * attestation).  r: what is NULL is not known.  ENCL_FAILED: it is no policy.
 */
int encl_policy_check(const json_t *policy, const char *action,
		      const struct encl_registers *r, const char *source,
		      struct encl_checks *checks, struct encl_err *e) ENCL_MUST_CHECK;

/* The operations that take an attestation; ends with NULL. */
extern const char *const encl_policy_actions[];

#endif
