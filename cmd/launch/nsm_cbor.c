/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of the Nitro Secure Module that launch needs, in CBOR (RFC 8949),
 * definite lengths only:
 *
 *	{"Attestation": {"user_data": bytes or null, "nonce": …, "public_key": …}}
 *	{"ExtendPCR": {"index": n, "data": bytes}}
 *	{"LockPCR": {"index": n}}
 *	{"DescribePCR": {"index": n}}
 *
 *	{"Attestation": {"document": bytes}}
 *	{"ExtendPCR": {"data": bytes}}
 *	"LockPCR"
 *	{"DescribePCR": {"lock": boolean, "data": bytes}}
 *	{"Error": "InvalidArgument"}
 */
#include <string.h>

#include "launch/nsm.h"

enum { NUMBER = 0, BYTES = 2, TEXT = 3, MAP = 5, FALSE = 0xf4, TRUE, NOTHING };

/* ---- requests ---- */

static size_t
put_head(uint8_t *out, unsigned major, size_t n)
{
	const unsigned size = n < 24 ? 0 : n < 256 ? 1 : 2;

	out[0] = (uint8_t)(major << 5 | (size ? 23 + size : n));
	if (size == 2)
		out[1] = (uint8_t)(n >> 8);
	if (size)
		out[size] = (uint8_t)n;
	return 1 + size;
}

static size_t
put_text(uint8_t *out, const char *text)
{
	size_t n = strlen(text);
	size_t head = put_head(out, TEXT, n);

	memcpy(out + head, text, n);
	return head + n;
}

static size_t
put_bytes(uint8_t *out, const char *key, struct nsm_bytes bytes)
{
	size_t at = put_text(out, key);

	if (!bytes.p) {
		out[at] = NOTHING;
		return at + 1;
	}
	at += put_head(out + at, BYTES, bytes.n);
	if (bytes.n)
		memcpy(out + at, bytes.p, bytes.n);
	return at + bytes.n;
}

/* {name: {… of so many keys */
static size_t
put_begin(uint8_t *out, const char *name, size_t keys)
{
	size_t at = put_head(out, MAP, 1);

	at += put_text(out + at, name);
	return at + put_head(out + at, MAP, keys);
}

static size_t
put_index(uint8_t *out, unsigned pcr)
{
	size_t at = put_text(out, "index");

	return at + put_head(out + at, NUMBER, pcr);
}

size_t
nsm_request(const struct nsm_attestation *ask, uint8_t out[NSM_REQUEST_MAX])
{
	size_t at = put_begin(out, "Attestation", 3);

	at += put_bytes(out + at, "user_data", ask->user_data);
	at += put_bytes(out + at, "nonce", ask->nonce);
	return at + put_bytes(out + at, "public_key", ask->public_key);
}

size_t
nsm_extend_request(unsigned pcr, const uint8_t *data, size_t n,
		   uint8_t out[NSM_REQUEST_MAX])
{
	size_t at = put_begin(out, "ExtendPCR", 2);

	at += put_index(out + at, pcr);
	return at + put_bytes(out + at, "data", (struct nsm_bytes){data, n});
}

size_t
nsm_lock_request(unsigned pcr, uint8_t out[NSM_REQUEST_MAX])
{
	size_t at = put_begin(out, "LockPCR", 1);

	return at + put_index(out + at, pcr);
}

size_t
nsm_describe_request(unsigned pcr, uint8_t out[NSM_REQUEST_MAX])
{
	size_t at = put_begin(out, "DescribePCR", 1);

	return at + put_index(out + at, pcr);
}

/* ---- answers ---- */

struct reader {
	const uint8_t *p;
	size_t n;
};

/* An item's head; of bytes and texts *len is what is there, too. */
static bool
take_head(struct reader *r, unsigned major, size_t *len)
{
	unsigned info = r->n ? r->p[0] & 31 : 31;
	size_t extra = info < 24    ? 0
		       : info == 24 ? 1
		       : info == 25 ? 2
		       : info == 26 ? 4
				    : 9;
	size_t v = info;

	if (!r->n || r->p[0] >> 5 != major || extra == 9 || r->n < 1 + extra)
		return false;
	if (extra)
		v = 0;
	for (size_t i = 1; i <= extra; i++)
		v = v << 8 | r->p[i];
	r->p += 1 + extra;
	r->n -= 1 + extra;
	*len = v;
	return major == MAP || v <= r->n;
}

static bool
take_key(struct reader *r, const char *key)
{
	struct reader at = *r;
	size_t n;

	if (!take_head(&at, TEXT, &n) || n != strlen(key) || memcmp(at.p, key, n) != 0)
		return false;
	r->p = at.p + n;
	r->n = at.n - n;
	return true;
}

/* A map of so many pairs, whose first key this is. */
static bool
take_map(struct reader *r, size_t want, const char *key)
{
	size_t pairs;

	return take_head(r, MAP, &pairs) && pairs == want && take_key(r, key);
}

/* A register's value. */
static bool
take_value(struct reader *r, uint8_t value[NSM_PCR_SIZE])
{
	size_t n;

	if (!take_head(r, BYTES, &n) || n != NSM_PCR_SIZE)
		return false;
	memcpy(value, r->p, n);
	r->p += n;
	r->n -= n;
	return true;
}

static bool
take_flag(struct reader *r, uint8_t *flag)
{
	if (!r->n || (r->p[0] != FALSE && r->p[0] != TRUE))
		return false;
	*flag = r->p[0] == TRUE;
	r->p++;
	r->n--;
	return true;
}

/* "it says NAME", where the answer is an error. */
static void
explain(struct reader r, char why[NSM_WHY])
{
	static const char says[] = "the Nitro Secure Module says ";
	size_t at = sizeof says - 1;
	size_t n;

	memcpy(why, says, sizeof says);
	if (take_map(&r, 1, "Error") && take_head(&r, TEXT, &n) && n && n == r.n) {
		for (; n && at < NSM_WHY - 1; n--, r.p++)
			why[at++] = *r.p > ' ' && *r.p <= '~' ? (char)*r.p : '?';
		why[at] = 0;
	} else {
		memcpy(why + at, "what is not known", sizeof "what is not known");
	}
}

const uint8_t *
nsm_document(const uint8_t *answer, size_t n, size_t *len, char why[NSM_WHY])
{
	struct reader r = {answer, n};

	if (take_map(&r, 1, "Attestation") && take_map(&r, 1, "document") &&
	    take_head(&r, BYTES, len) && *len && *len == r.n)
		return r.p;
	explain((struct reader){answer, n}, why);
	return NULL;
}

bool
nsm_extended(const uint8_t *answer, size_t n, uint8_t value[NSM_PCR_SIZE],
	     char why[NSM_WHY])
{
	struct reader r = {answer, n};

	if (take_map(&r, 1, "ExtendPCR") && take_map(&r, 1, "data") &&
	    take_value(&r, value) && !r.n)
		return true;
	explain((struct reader){answer, n}, why);
	return false;
}

bool
nsm_locked(const uint8_t *answer, size_t n, char why[NSM_WHY])
{
	struct reader r = {answer, n};

	if (take_key(&r, "LockPCR") && !r.n)
		return true;
	explain((struct reader){answer, n}, why);
	return false;
}

bool
nsm_described(const uint8_t *answer, size_t n, struct nsm_pcr *out, char why[NSM_WHY])
{
	struct reader r = {answer, n};
	size_t pairs;
	bool good = take_map(&r, 1, "DescribePCR") && take_head(&r, MAP, &pairs) &&
		    pairs == 2;

	/* in either order */
	if (good && take_key(&r, "lock"))
		good = take_flag(&r, &out->locked) && take_key(&r, "data") &&
		       take_value(&r, out->value);
	else
		good = good && take_key(&r, "data") && take_value(&r, out->value) &&
		       take_key(&r, "lock") && take_flag(&r, &out->locked);
	if (good && !r.n)
		return true;
	explain((struct reader){answer, n}, why);
	return false;
}

bool
nsm_refused(const uint8_t *answer, size_t n)
{
	struct reader r = {answer, n};

	return take_map(&r, 1, "Error") &&
	       (take_key(&r, "InvalidArgument") || take_key(&r, "InputTooLarge") ||
		take_key(&r, "InvalidOperation")) &&
	       !r.n;
}
