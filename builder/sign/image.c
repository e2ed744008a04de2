/* SPDX-License-Identifier: Apache-2.0 */
/* An opened image against its own CRC and signature. */
#include "sign/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
encl_image_state_clear(struct encl_image_state *s)
{
	encl_signature_info_clear(&s->signature);
	memset(s, 0, sizeof *s);
}

static bool
same_pcr(const struct encl_pcr *a, const struct encl_pcr *b)
{
	return !memcmp(a->bytes, b->bytes, ENCL_PCR_SIZE);
}

/* Why a readable signature is not one of pcr0; NULL: it is. */
static const char *
objection(const struct encl_signature_info *i, const struct encl_pcr *pcr0)
{
	if (!i->signature_ok)
		return "signature: does not verify with the key of its certificate";
	if (!same_pcr(&i->signed_pcr0, pcr0))
		return "signature: is of another image (PCR0 differs)";
	return NULL;
}

static void
check_signature(const struct encl_eif *eif, struct encl_image_state *s)
{
	struct encl_err e = {.code = ENCL_OK};
	const char *why;

	s->is_signed = true;
	if (encl_signature_read(eif->signature, eif->signature_size, &s->signature, &e)) {
		snprintf(s->why, sizeof s->why, "%.255s", e.msg);
		return;
	}
	s->has_signature = true;
	s->measurements.has_pcr8 = true;
	s->measurements.pcr8 = s->signature.pcr8;
	why = objection(&s->signature, &s->measurements.pcr0);
	s->signature_ok = !why;
	if (why)
		snprintf(s->why, sizeof s->why, "%s", why);
}

int
encl_image_check(const struct encl_eif *eif, unsigned jobs, struct encl_image_state *out,
		 struct encl_err *e)
{
	struct encl_image_state s = {.crc = 0};

	if (encl_eif_measure(eif, jobs, &s.measurements, &s.crc, &s.sha256, e))
		return -1;
	s.crc_ok = s.crc == eif->crc;
	if (eif->signature)
		check_signature(eif, &s);
	*out = s;
	return 0;
}

int
encl_image_require(const struct encl_eif *eif, const struct encl_image_state *s,
		   struct encl_err *e)
{
	if (!s->crc_ok)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: its bytes have the CRC-32 %08" PRIx32
				 ", the header says %08" PRIx32 ": the file is damaged",
				 eif->path, s->crc, eif->crc);
	if (s->is_signed && !s->signature_ok)
		return encl_fail(e, s->has_signature ? ENCL_MISMATCH : ENCL_SIGN,
				 "%s: %s", eif->path, s->why);
	return 0;
}

static int
compare(const struct encl_eif *eif, const struct encl_eif_result *want,
	struct encl_err *e)
{
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	const char *why;

	if (eif->size != want->size || eif->crc != want->crc ||
	    (eif->signature != NULL) != want->measurements.has_pcr8)
		return encl_fail(e, ENCL_FAILED, "is not what was written");
	if (!eif->signature)
		return 0;
	if (encl_signature_read(eif->signature, eif->signature_size, &info, e))
		return -1;
	why = objection(&info, &want->measurements.pcr0);
	if (!why && !same_pcr(&info.pcr8, &want->measurements.pcr8))
		why = "signature: its certificate is not the one that was given";
	return why ? encl_fail(e, ENCL_SIGN, "%s", why) : 0;
}

int
encl_image_reopen(const char *path, const struct encl_eif_result *want,
		  struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};

	if (encl_eif_open(path, &eif, e))
		return -1;
	return compare(&eif, want, e) ? encl_wrap(e, "%s", path) : 0;
}
