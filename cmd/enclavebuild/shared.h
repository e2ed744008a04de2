/* SPDX-License-Identifier: Apache-2.0 */
/* Which folders `run` shares: what --exchange says of what the image offers. */
#ifndef ENCL_CMD_SHARED_H
#define ENCL_CMD_SHARED_H

#include <jansson.h>

#include "base/cleanup.h"
#include "cmd.h"
#include "launch/folders.h"

struct shared {
	struct encl_folder *v;
	size_t n;
};
void shared_clear(struct shared *s);
ENCL_AUTO_VAL(struct shared, shared_clear);

/* about: image_about(), which has to live as long.  ENCL_USAGE where --exchange
 * names what the image does not have. */
int shared_choose(const struct args *args, const json_t *about, struct shared *out,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
