/* SPDX-License-Identifier: Apache-2.0 */
/* What was checked, told: the same way by `verify`, `attest` and `policy`. */
#ifndef ENCL_CMD_VERDICT_H
#define ENCL_CMD_VERDICT_H

#include <jansson.h>

#include "cmd.h"
#include "verify/checks.h"

/* Where no check compares: one more, "comparison", that fails with "nothing to
 * compare with: HINT". */
void verdict_need_comparison(struct encl_checks *checks, const char *hint);

/*
 * One line a check, then the verdict; with --json {members of more (or NULL; it is
 * taken), "Verdict": "pass"|"fail", "Checks": […]}.  ENCL_MISMATCH "WHAT: CHECK: WHY"
 * of the first that failed.
 */
int verdict_report(struct cli *cli, const char *what, const struct encl_checks *checks,
		   json_t *more, struct encl_err *e) ENCL_MUST_CHECK;

#endif
