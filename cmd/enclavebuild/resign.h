/* SPDX-License-Identifier: Apache-2.0 */
/* An image with another signature, or none: for sign and attach. */
#ifndef ENCL_CMD_RESIGN_H
#define ENCL_CMD_RESIGN_H

#include <stdbool.h>

#include "cmd.h"
#include "eif/eif.h"

struct encl_key_signer;

struct resign {
	const char *image;
	const char *output;		/* NULL: image is replaced */
	struct encl_key_signer *signer; /* NULL: the signature is taken away */
	bool attach; /* signer holds a signature that was made elsewhere: it is tried
			before anything is written, and a measurements file beside image
			gives one beside output */
};
/* ENCL_USAGE where --output is a key, a certificate or a signature that is read; the
 * image itself is fine. */
int resign_output(const struct args *a, struct encl_err *e) ENCL_MUST_CHECK;
/* Written beside output, read back and verified, then named; or nothing is there. */
int resign(struct cli *cli, const struct resign *how, struct encl_eif_result *out,
	   struct encl_err *e) ENCL_MUST_CHECK;

#endif
