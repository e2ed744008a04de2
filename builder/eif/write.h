/* SPDX-License-Identifier: Apache-2.0 */
/* Writing with a header and an order of sections that are not ours. */
#ifndef ENCL_EIF_WRITE_H
#define ENCL_EIF_WRITE_H

#include "eif/eif.h"
#include "eif/format.h"

/* As encl_eif_write, but for what an existing image is allowed to have: flags
 * and defaults are taken from base, any order of sections, any command line. */
int encl_eif_write_as(int fd, const struct encl_eif_header *base,
		      const struct encl_eif_part *parts, size_t n_parts,
		      struct encl_eif_signer *signer, unsigned jobs,
		      struct encl_eif_result *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
