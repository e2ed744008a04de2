/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two messages of the Nitro Secure Module that launch needs, in CBOR (RFC
 * 8949), definite lengths only:
 *
 *	{"Attestation": {"user_data": null, "nonce": bytes, "public_key": null}}
 *	{"Attestation": {"document": bytes}} or {"Error": "InvalidArgument"}
 */
#include <string.h>

#include "launch/nsm.h"

enum { BYTES = 2, TEXT = 3, MAP = 5, NOTHING = 0xf6 };

static size_t
put_head(uint8_t *out, unsigned major, size_t n)
{
	out[0] = (uint8_t)(major << 5 | (n < 24 ? n : 24));
	out[1] = (uint8_t)n;
	return n < 24 ? 1 : 2;
}

static size_t
put_text(uint8_t *out, const char *text)
{
	size_t n = strlen(text);
	size_t head = put_head(out, TEXT, n);

	memcpy(out + head, text, n);
	return head + n;
}

size_t
nsm_request(const uint8_t *nonce, size_t n, uint8_t out[NSM_REQUEST_MAX])
{
	size_t at = put_head(out, MAP, 1);

	at += put_text(out + at, "Attestation");
	at += put_head(out + at, MAP, 3);
	at += put_text(out + at, "user_data");
	out[at++] = NOTHING;
	at += put_text(out + at, "nonce");
	at += put_head(out + at, BYTES, n);
	memcpy(out + at, nonce, n);
	at += n;
	at += put_text(out + at, "public_key");
	out[at++] = NOTHING;
	return at;
}

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
	size_t n;

	if (!take_head(r, TEXT, &n) || n != strlen(key) || memcmp(r->p, key, n) != 0)
		return false;
	r->p += n;
	r->n -= n;
	return true;
}

static bool
take_map(struct reader *r, const char *key)
{
	size_t pairs;

	return take_head(r, MAP, &pairs) && pairs == 1 && take_key(r, key);
}

/* "it says NAME", where the answer is an error. */
static void
explain(struct reader r, char *why, size_t room)
{
	static const char says[] = "the Nitro Secure Module says ";
	size_t at = sizeof says - 1;
	size_t n;

	memcpy(why, says, sizeof says);
	if (take_map(&r, "Error") && take_head(&r, TEXT, &n) && n && n == r.n) {
		for (; n && at < room - 1; n--, r.p++)
			why[at++] = *r.p > ' ' && *r.p <= '~' ? (char)*r.p : '?';
		why[at] = 0;
	} else {
		memcpy(why + at, "what is not known", sizeof "what is not known");
	}
}

const uint8_t *
nsm_document(const uint8_t *answer, size_t n, size_t *len, char *why, size_t room)
{
	struct reader r = {answer, n};

	if (take_map(&r, "Attestation") && take_map(&r, "document") &&
	    take_head(&r, BYTES, len) && *len && *len == r.n)
		return r.p;
	explain((struct reader){answer, n}, why, room);
	return NULL;
}
