/* SPDX-License-Identifier: Apache-2.0 */
/* An image that an operand names: a file here, or a reference to one in a
 * registry, which comes into the cache. */
#ifndef ENCL_CMD_OPERAND_H
#define ENCL_CMD_OPERAND_H

#include <jansson.h>
#include <stdbool.h>

#include "cmd.h"
#include "eif/eif.h"
#include "registry/reference.h"

/* A reference, and neither a file that is here nor "….eif" without a tag. */
bool operand_is_reference(const char *text);

/* Where only a reference may stand: "b.eif" is a slip and nothing of Docker Hub's. */
int operand_reference(const char *text, struct encl_reference *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* As encl_eif_open; a reference's image is what its manifest says. */
int operand_open(struct cli *cli, const char *text, struct encl_eif *out,
		 struct encl_err *e) ENCL_MUST_CHECK;

/* With the measurements file beside it, or that refers to it; *measurements is
 * NULL where there is none that can be read. */
int operand_open_measured(struct cli *cli, const char *text, struct encl_eif *out,
			  json_t **measurements, struct encl_err *e) ENCL_MUST_CHECK;

/* --arch: ENCL_USAGE where it is none; *given is false without it. */
int operand_arch(const struct args *args, enum encl_arch *out, bool *given,
		 struct encl_err *e) ENCL_MUST_CHECK;

#endif
