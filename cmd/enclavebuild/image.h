/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that look at images share. */
#ifndef ENCL_CMD_IMAGE_H
#define ENCL_CMD_IMAGE_H

#include "cmd.h"
#include "eif/eif.h"

/* {"Measurements": …} with --json, else "PCR0 hex" lines. */
void report_measurements(const struct cli *cli, const struct encl_measurements *m);
/* {"PCR16": …} as lines, the names so wide at least; NULL: none. */
void report_extended(const json_t *extended, int width);
/* Bytes from outside for a terminal: control, non-ASCII and backslash as \xHH;
 * malloc'ed. */
char *printable(const char *text);

#endif
