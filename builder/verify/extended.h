/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that an image's launch extends and locks before anything starts
 * (attestation; documents have locked ones only), as its config says it, which PCR2
 * covers: PCR = SHA384(PCR || SHA384(content)), from 48 zero bytes on.
 */
#ifndef ENCL_VERIFY_EXTENDED_H
#define ENCL_VERIFY_EXTENDED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "eif/eif.h"
#include "verify/expect.h"

struct encl_extended {
	bool has[ENCL_PCRS]; /* 16 to 31 */
	struct encl_pcr v[ENCL_PCRS];
};

/* ENCL_FAILED where the text is no config of launch, or extends what it cannot. */
int encl_extended_of_config(const char *text, size_t n, struct encl_extended *out,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* None where no ramdisk has a config of launch (an image of others).  ENCL_FAILED
 * where a ramdisk cannot be read, or there are two. */
int encl_extended_of_image(const struct encl_eif *eif, struct encl_extended *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* {"PCR16": …}, new reference; NULL where there are none. */
json_t *encl_extended_json(const struct encl_extended *x);

/* Adds the image's to r, which refers to x, where one of them is expected. */
void encl_extended_registers(const struct encl_eif *eif,
			     const struct encl_expectations *expected,
			     struct encl_extended *x, struct encl_registers *r);
/* Adds them to what is expected. */
void encl_extended_expect(const struct encl_extended *x, struct encl_expectations *out,
			  const char *source);

#endif
