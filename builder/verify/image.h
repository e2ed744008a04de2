/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be said of an image without anything else: structure, CRC, signature,
 * certificate, and that no two readers can see two images in it.
 */
#ifndef ENCL_VERIFY_IMAGE_H
#define ENCL_VERIFY_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sign/image.h"
#include "verify/checks.h"

struct encl_verify_options {
	uint64_t now;		/* for the certificate's dates */
	bool require_signature; /* an unsigned image fails */
	const char *chain; /* PEM file of CAs the certificate must lead to; or NULL */
	bool nitro_cli; /* names twice are taken as linuxkit writes them: folders only */
};

/*
 * Checks: "structure" (it was opened), "boundaries" (kernel, command line and
 * ramdisks are whole where they stand: bytes moved across a section's end are
 * told), "ramdisks" (no name twice, nothing after the trailer but zeros, no second
 * archive), "crc", "signature" (COSE, and it signs this PCR0), "certificate"
 * (dates, key usage), "certificate.chain".  state gets the measurements.
 * Fails only where the file cannot be read.
 */
int encl_verify_image(const struct encl_eif *eif, unsigned jobs,
		      const struct encl_verify_options *o, struct encl_image_state *state,
		      struct encl_checks *checks, struct encl_err *e) ENCL_MUST_CHECK;

#endif
