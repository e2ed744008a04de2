/* SPDX-License-Identifier: Apache-2.0 */
/* The map that is signed: one function a field. */
#include <ctype.h>
#include <string.h>

#include "sign/cbor.h"
#include "verify/attestation_internal.h"

enum { CERTIFICATE_MAX = 1024, PUBLIC_KEY_MAX = 1024 };

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

struct reading {
	struct encl_cbor c;
	struct encl_attestation *a;
};

static int
fail_field(struct encl_err *e, const char *field, const char *why)
{
	return encl_fail(e, ENCL_FAILED, "not an attestation document: %s: %s", field,
			 why);
}

static int
read_bytes(struct reading *r, const char *field, size_t min, size_t max,
	   struct encl_span *out, struct encl_err *e)
{
	struct encl_span s;

	s.p = encl_cbor_bytes(&r->c, &s.n);
	if (!r->c.ok || !s.p)
		return fail_field(e, field, "not a byte string");
	if (min == max && s.n != min)
		return encl_fail(e, ENCL_FAILED,
				 "not an attestation document: %s: %zu bytes, not %zu",
				 field, s.n, min);
	if (s.n < min || s.n > max)
		return encl_fail(e, ENCL_FAILED,
				 "not an attestation document: %s: %zu bytes, not %zu "
				 "to %zu",
				 field, s.n, min, max);
	*out = s;
	return 0;
}

static int
read_optional(struct reading *r, const char *field, size_t min, size_t max,
	      struct encl_span *out, struct encl_err *e)
{
	if (encl_cbor_take_null(&r->c))
		return 0;
	return read_bytes(r, field, min, max, out, e);
}

static int
read_module(struct reading *r, struct encl_err *e)
{
	size_t n;
	const uint8_t *p = encl_cbor_text(&r->c, &n);

	if (!r->c.ok)
		return fail_field(e, "module_id", "not a text");
	if (!n || n > ENCL_ATTESTATION_MODULE)
		return fail_field(e, "module_id", n ? "longer than 256 bytes" : "empty");
	for (size_t i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return fail_field(e, "module_id", "holds what cannot be shown");
	memcpy(r->a->module, p, n);
	r->a->module[n] = 0;
	return 0;
}

static int
read_digest(struct reading *r, struct encl_err *e)
{
	size_t n;
	const uint8_t *p = encl_cbor_text(&r->c, &n);

	if (!r->c.ok || n != 6 || memcmp(p, "SHA384", 6) != 0)
		return fail_field(e, "digest", "not \"SHA384\"");
	return 0;
}

static int
read_timestamp(struct reading *r, struct encl_err *e)
{
	const uint64_t last = 253402300799999; /* of the year 9999 */

	r->a->timestamp = encl_cbor_uint(&r->c);
	if (!r->c.ok || !r->a->timestamp || r->a->timestamp > last)
		return fail_field(e, "timestamp", "not a time in milliseconds");
	return 0;
}

/* More of a map or an array of n; an open one ends with a break. */
static bool
more(struct encl_cbor *c, size_t n, size_t i)
{
	return n == ENCL_CBOR_OPEN ? !encl_cbor_take_break(c) : i < n;
}

static int
read_pcr(struct reading *r, struct encl_err *e)
{
	struct encl_attestation *a = r->a;
	uint64_t index = encl_cbor_uint(&r->c);
	struct encl_span s = {NULL, 0};

	if (!r->c.ok || index >= ENCL_PCRS)
		return fail_field(e, "pcrs", "an index is not a number from 0 to 31");
	if (a->has >> index & 1)
		return fail_field(e, "pcrs", "an index is there twice");
	if (read_bytes(r, "pcrs", ENCL_PCR_SIZE, ENCL_PCR_SIZE, &s, e) || !s.p)
		return -1;
	memcpy(a->pcrs[index].bytes, s.p, ENCL_PCR_SIZE);
	a->has |= 1U << index;
	return 0;
}

static int
read_pcrs(struct reading *r, struct encl_err *e)
{
	size_t n = encl_cbor_map(&r->c);

	if (!r->c.ok)
		return fail_field(e, "pcrs", "not a map");
	for (size_t i = 0; more(&r->c, n, i); i++)
		if (read_pcr(r, e))
			return -1;
	return r->a->has ? 0 : fail_field(e, "pcrs", "empty");
}

static int
read_cabundle(struct reading *r, struct encl_err *e)
{
	size_t n = encl_cbor_array(&r->c);

	if (!r->c.ok)
		return fail_field(e, "cabundle", "not an array");
	for (size_t i = 0; more(&r->c, n, i); i++) {
		if (i == ENCL_ATTESTATION_CAS)
			return fail_field(e, "cabundle", "more than 16 certificates");
		if (read_bytes(r, "cabundle", 1, CERTIFICATE_MAX, &r->a->cabundle[i], e))
			return -1;
		r->a->n_cabundle++;
	}
	return r->a->n_cabundle ? 0 : fail_field(e, "cabundle", "empty");
}

static int
read_certificate(struct reading *r, struct encl_err *e)
{
	return read_bytes(r, "certificate", 1, CERTIFICATE_MAX, &r->a->certificate, e);
}

static int
read_public_key(struct reading *r, struct encl_err *e)
{
	return read_optional(r, "public_key", 1, PUBLIC_KEY_MAX, &r->a->public_key, e);
}

/* AWS's text says 512 bytes here and 1024 there, and its hypervisors have taken
 * more: no reason to refuse what it signs. */
static int
read_user_data(struct reading *r, struct encl_err *e)
{
	return read_optional(r, "user_data", 0, ENCL_ATTESTATION_FIELD, &r->a->user_data,
			     e);
}

static int
read_nonce(struct reading *r, struct encl_err *e)
{
	return read_optional(r, "nonce", 0, ENCL_ATTESTATION_FIELD, &r->a->nonce, e);
}

static const struct field {
	const char *name;
	bool required;
	int (*read)(struct reading *r, struct encl_err *e);
} fields[] = {
	{"module_id", true, read_module},
	{"digest", true, read_digest},
	{"timestamp", true, read_timestamp},
	{"pcrs", true, read_pcrs},
	{"certificate", true, read_certificate},
	{"cabundle", true, read_cabundle},
	{"public_key", false, read_public_key},
	{"user_data", false, read_user_data},
	{"nonce", false, read_nonce},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const struct field *
find_field(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (strlen(fields[i].name) == n && !memcmp(fields[i].name, p, n))
			return &fields[i];
	return NULL;
}

static int
fail_unknown(const uint8_t *p, size_t n, struct encl_err *e)
{
	char shown[33];
	size_t i;

	for (i = 0; i < n && i < sizeof shown - 1; i++)
		shown[i] = isprint(p[i]) && p[i] < 0x7f ? (char)p[i] : '?';
	shown[i] = 0;
	return encl_fail(e, ENCL_FAILED,
			 "not an attestation document: \"%s\" is no field of one", shown);
}

static int
read_fields(struct reading *r, unsigned *seen, struct encl_err *e)
{
	size_t n = encl_cbor_map(&r->c);

	if (!r->c.ok)
		return fail_cbor(&r->c, "its payload is not a map", e);
	for (size_t i = 0; more(&r->c, n, i); i++) {
		size_t n_key;
		const uint8_t *key = encl_cbor_text(&r->c, &n_key);
		const struct field *f = r->c.ok ? find_field(key, n_key) : NULL;

		if (!r->c.ok)
			return fail_cbor(&r->c, "a key of its payload is not a text", e);
		if (!f)
			return fail_unknown(key, n_key, e);
		if (*seen >> (f - fields) & 1)
			return fail_field(e, f->name, "is there twice");
		*seen |= 1U << (f - fields);
		if (f->read(r, e))
			return r->c.ended ? fail(e, "it ends too early") : -1;
	}
	return 0;
}

int
encl_attestation_read_fields(struct encl_attestation *a, struct encl_err *e)
{
	struct reading r = {.a = a};
	unsigned seen = 0;

	encl_cbor_init(&r.c, a->payload.p, a->payload.n);
	if (read_fields(&r, &seen, e))
		return -1;
	if (!encl_cbor_done(&r.c))
		return fail(e, "something follows the map in its payload");
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].required && !(seen >> i & 1))
			return fail_field(e, fields[i].name, "is missing");
	return 0;
}
