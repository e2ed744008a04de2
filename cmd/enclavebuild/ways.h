/* SPDX-License-Identifier: Apache-2.0 */
/* Which ports `run` publishes: what -p says, or what the image offers. */
#ifndef ENCL_CMD_WAYS_H
#define ENCL_CMD_WAYS_H

#include <jansson.h>

#include "cmd.h"
#include "eif/eif.h"
#include "launch/publish.h"

struct ways {
	struct encl_way *v;
	size_t n;
	bool asked;    /* by -p */
	char **texts;  /* that v refers to */
	json_t *about; /* of the image; v refers to it too */
};
void ways_clear(struct ways *w);
ENCL_AUTO_VAL(struct ways, ways_clear);

/*
 * What enclavebuild wrote into the image's metadata, or an empty object.  It is
 * not measured, so its numbers are checked and it decides nothing else.
 */
json_t *image_about(const struct encl_eif *eif);

/*
 * ports: Resources.Ports of the measurements file, or NULL.  ENCL_USAGE where
 * -p cannot be understood or names what the image does not have.
 */
int ways_choose(const struct args *args, const struct encl_eif *eif, const json_t *ports,
		struct encl_log *log, struct ways *out,
		struct encl_err *e) ENCL_MUST_CHECK;

json_t *ways_json(const struct encl_way *v, size_t n);

#endif
