/* SPDX-License-Identifier: Apache-2.0 */
/* The library's events and progress on stderr. */
#ifndef ENCL_CMD_PROGRESS_H
#define ENCL_CMD_PROGRESS_H

#include "cmd.h"

void progress_init(struct cli *cli);
void progress_end(void);

#endif
