/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-verbs of `policy`. */
#ifndef ENCL_CMD_POLICY_H
#define ENCL_CMD_POLICY_H

#include "cmd.h"

int policy_kms(struct cli *cli, const struct args *args,
	       struct encl_err *e) ENCL_MUST_CHECK;

#endif
