/* SPDX-License-Identifier: Apache-2.0 */
/* What was checked, told: the same way by `verify`, `attest` and `policy`. */
#ifndef ENCL_CMD_VERDICT_H
#define ENCL_CMD_VERDICT_H

#include <jansson.h>

#include "cmd.h"
#include "verify/checks.h"

/* One more check, "comparison", that fails, where none compares ("nothing to compare
 * with: give HINT") or those that do say nothing of what it is. */
void verdict_need_comparison(struct encl_checks *checks, const char *hint);

/* One line a check: ok, BAD, or -- for what decides nothing. */
void verdict_lines(const struct encl_checks *checks);

/*
 * One line a check, then the verdict; with --json {members of more (or NULL; it is
 * taken), "Verdict": "pass"|"fail", "Checks": […]}.  ENCL_MISMATCH "WHAT: CHECK: WHY
 * (and N more)" of the first that failed.
 */
int verdict_report(struct cli *cli, const char *what, const struct encl_checks *checks,
		   json_t *more, struct encl_err *e) ENCL_MUST_CHECK;

#endif
