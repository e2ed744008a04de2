/* SPDX-License-Identifier: Apache-2.0 */
/* The host's part of `plan`: does what it asks for fit here? */
#ifndef ENCL_CMD_PLAN_HOST_H
#define ENCL_CMD_PLAN_HOST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * Adds "host": {"MiB", "CPUs", "node", "pages": [{"KiB", "count"}], "obstacles"} to
 * the plan where asked, or where the driver is there.
 */
int plan_host(json_t *plan, bool asked, struct encl_err *e) ENCL_MUST_CHECK;
void plan_host_print(const json_t *host);

#endif
