/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of pcr-history.jsonl out of images. */
#ifndef ENCL_CMD_HISTORY_H
#define ENCL_CMD_HISTORY_H

#include "cmd.h"

/* image: a file or a reference, which is verified first; of a file, what its
 * measurements file says besides.  Says what it did on stderr. */
int history_add(struct cli *cli, const char *history, const char *image,
		struct encl_err *e) ENCL_MUST_CHECK;

/* Before anything else is done: one that is broken is not gone on with. */
int history_ready(const char *history, struct encl_err *e) ENCL_MUST_CHECK;

#endif
