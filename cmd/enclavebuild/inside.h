/* SPDX-License-Identifier: Apache-2.0 */
/* What exec and attach share: a session with an enclave that runs here. */
#ifndef ENCL_CMD_INSIDE_H
#define ENCL_CMD_INSIDE_H

#include "cmd.h"
#include "launch/exec.h"

/* To its end; cli->exit_code is the program's, or the unit's. */
int inside_run(struct cli *cli, const char *name, const struct encl_exec_request *r,
	       struct encl_err *e) ENCL_MUST_CHECK;

#endif
