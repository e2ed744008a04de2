/* SPDX-License-Identifier: Apache-2.0 */
/* What an enclave is compared with: a PCR0, wherever it stands. */
#ifndef ENCL_CMD_AGAINST_H
#define ENCL_CMD_AGAINST_H

#include "cmd.h"

enum { PCR0_TEXT = 97 };

/*
 * 96 hex digits; an image (NAME.eif, or a reference); a measurements file (.json);
 * or a manifest or its lock, whose NAME.measurements.json has to be of them:
 * ENCL_MISMATCH.
 */
int against_read(struct cli *cli, const char *text, char pcr0[PCR0_TEXT],
		 struct encl_err *e) ENCL_MUST_CHECK;

#endif
