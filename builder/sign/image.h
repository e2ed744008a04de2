/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an image is what it says: CRC, measurements, signature.  Looking
 * (encl_image_check) and insisting (encl_image_require) are two steps, so
 * that a damaged image can still be described.
 */
#ifndef ENCL_SIGN_IMAGE_H
#define ENCL_SIGN_IMAGE_H

#include "eif/eif.h"
#include "sign/sign.h"

struct encl_image_state {
	struct encl_measurements measurements; /* PCR8 where has_signature */
	uint32_t crc;			       /* of the bytes that are there */
	bool crc_ok;			       /* the header says the same */
	struct encl_digest sha256;
	bool is_signed;
	bool has_signature; /* the section could be read: signature is filled */
	struct encl_signature_info signature;
	bool signature_ok; /* it verifies and signs this image's PCR0 */
	char why[256];	   /* not signature_ok: why */
};
void encl_image_state_clear(struct encl_image_state *s);
ENCL_AUTO_VAL(struct encl_image_state, encl_image_state_clear);

/* One pass over the file; fails only where it cannot be read. */
int encl_image_check(const struct encl_eif *eif, unsigned jobs,
		     struct encl_image_state *out, struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_MISMATCH: CRC, or a signature that is not this image's.  ENCL_SIGN: a
 * signature section that cannot be read.  An unsigned image passes. */
int encl_image_require(const struct encl_eif *eif, const struct encl_image_state *s,
		       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * For who has just written path: opens it as a stranger would and compares
 * size, CRC field and, where want is signed, the signature with what was
 * written.  Reads headers and small sections only.
 */
int encl_image_reopen(const char *path, const struct encl_eif_result *want,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
