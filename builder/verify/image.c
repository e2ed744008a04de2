/* SPDX-License-Identifier: Apache-2.0 */
/* An opened image to checks that need nothing from elsewhere but CAs and a time. */
#include "verify/image.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "verify/boundary.h"
#include "verify/certificate.h"

static void
check_crc(const struct encl_eif *eif, const struct encl_image_state *s,
	  struct encl_checks *checks)
{
	if (s->crc_ok)
		encl_checks_add(checks, "crc", ENCL_CHECK_PASS, "CRC-32 %08" PRIx32,
				s->crc);
	else
		encl_checks_add(checks, "crc", ENCL_CHECK_FAIL,
				"the bytes have %08" PRIx32 ", the header says %08" PRIx32
				": the file is damaged",
				s->crc, eif->crc);
}

static int
check_signature(const struct encl_eif *eif, const struct encl_verify_options *o,
		const struct encl_image_state *s, struct encl_checks *checks,
		struct encl_err *e)
{
	if (!s->is_signed) {
		encl_checks_add(checks, "signature",
				o->require_signature || o->chain ? ENCL_CHECK_FAIL
								 : ENCL_CHECK_NOTE,
				"the image is not signed");
		return 0;
	}
	if (s->signature_ok)
		encl_checks_add(checks, "signature", ENCL_CHECK_PASS,
				"verifies, and signs this PCR0");
	else
		encl_checks_add(checks, "signature", ENCL_CHECK_FAIL, "%s", s->why);
	if (!s->has_signature)
		return 0;
	return encl_verify_certificate(eif, o->now, o->chain, checks, e);
}

int
encl_verify_image(const struct encl_eif *eif, unsigned jobs,
		  const struct encl_verify_options *o, struct encl_image_state *state,
		  struct encl_checks *checks, struct encl_err *e)
{
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	encl_checks_add(checks, "structure", ENCL_CHECK_PASS,
			"EIF version %u, %zu sections; header, table and file agree",
			eif->version, eif->n_sections);
	encl_verify_boundaries(eif, checks);
	encl_verify_ramdisks(eif, o->nitro_cli, checks);
	if (encl_image_check(eif, jobs, &s, e))
		return -1;
	check_crc(eif, &s, checks);
	if (check_signature(eif, o, &s, checks, e))
		return -1;
	*state = encl_take(s, (struct encl_image_state){.crc = 0});
	return 0;
}
