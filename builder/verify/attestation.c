/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COSE_Sign1 (RFC 9052 §4.2) around a map, by libcbor's streaming decoder: nothing
 * is copied and nothing allocated, so a document of lies costs its own length.
 */
#include "verify/attestation.h"

#include <string.h>

#include "sign/cbor.h"
#include "verify/attestation_internal.h"

enum { COSE_SIGN1 = 0xd2, RS = 96 };

static int
fail(struct encl_err *e, const char *why)
{
	return encl_fail(e, ENCL_FAILED, "not an attestation document: %s", why);
}

/* Either it ended too early, or what is wrong. */
static int
fail_cbor(const struct encl_cbor *c, const char *why, struct encl_err *e)
{
	return fail(e, c->ended ? "it ends too early" : why);
}

int
encl_attestation_read(const uint8_t *p, size_t n, struct encl_attestation *out,
		      struct encl_err *e)
{
	static const uint8_t es384[] = {0xa1, 0x01, 0x38, 0x22}; /* {1: -35} */
	struct encl_attestation a = {.timestamp = 0};
	const uint8_t *protected;
	size_t n_protected, n_rs;
	struct encl_cbor c;

	if (!n || n > ENCL_ATTESTATION_MAX)
		return fail(e, n ? "longer than 24576 bytes" : "empty");
	/* Tag 18 in one byte; libcbor's streaming decoder knows no such tag. */
	encl_cbor_init(&c, p + (p[0] == COSE_SIGN1), n - (p[0] == COSE_SIGN1));
	encl_cbor_want_array(&c, 4);
	protected = encl_cbor_bytes(&c, &n_protected);
	if (!c.ok)
		return fail_cbor(&c, "no COSE_Sign1", e);
	if (n_protected != sizeof es384 || memcmp(protected, es384, n_protected) != 0)
		return fail(e, "its signature's algorithm is not ES384");
	encl_cbor_want_map(&c, 0);
	if (!c.ok)
		return fail_cbor(&c, "it has unprotected headers", e);
	a.payload.p = encl_cbor_bytes(&c, &a.payload.n);
	a.rs = encl_cbor_bytes(&c, &n_rs);
	if (!c.ok)
		return fail_cbor(&c, "no COSE_Sign1", e);
	if (!a.payload.n || a.payload.n > ENCL_ATTESTATION_PAYLOAD)
		return fail(e, "its payload has not 1 to 16384 bytes");
	if (n_rs != RS)
		return fail(e, "its signature has not 96 bytes");
	if (!encl_cbor_done(&c))
		return fail(e, "something follows it");
	if (encl_attestation_read_fields(&a, e))
		return -1;
	*out = a;
	return 0;
}

bool
encl_attestation_is_debug(const struct encl_attestation *a)
{
	static const struct encl_pcr zero;

	for (unsigned i = 0; i <= 2; i++)
		if (a->has >> i & 1 && !memcmp(&a->pcrs[i], &zero, sizeof zero))
			return true;
	return false;
}

void
encl_attestation_registers(const struct encl_attestation *a, struct encl_registers *out)
{
	for (unsigned i = 0; i < ENCL_PCRS; i++)
		out->v[i] = a->has >> i & 1 ? &a->pcrs[i] : NULL;
}
