/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was signed, by whom, when and for whom: one check each.  The signature is
 * over ["Signature1", protected, empty, payload] with the payload's bytes as they
 * came (RFC 9052 §4.4).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sign/cbor.h"
#include "sign/ecdsa.h"
#include "sign/ssl.h"
#include "verify/attestation_internal.h"

enum { ES384 = -35, LOCKED = 16, STRUCTURE = ENCL_ATTESTATION_PAYLOAD + 64 };

static bool
signature_is_good(const struct encl_attestation *a, X509 *leaf)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = STRUCTURE};
	const struct encl_curve *curve = encl_curve_by_alg(ES384);
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	struct encl_digest digest;

	if (!key || encl_curve_of(key) != curve)
		return false;
	encl_cbor_add_array(&b, 4);
	encl_cbor_add_text(&b, "Signature1");
	encl_cbor_add_bytes(&b, "\xa1\x01\x38\x22", 4);
	encl_cbor_add_bytes(&b, "", 0);
	encl_cbor_add_bytes(&b, a->payload.p, a->payload.n);
	if (b.over)
		return false;
	encl_digest_of(curve->hash, b.data, b.len, &digest);
	return encl_ecdsa_verify(curve, key, &digest, a->rs);
}

static void
check_signature(const struct encl_attestation *a, X509 *leaf, struct encl_checks *checks)
{
	bool good = leaf && signature_is_good(a, leaf);

	(void)encl_checks_add(checks, "signature",
			      good ? ENCL_CHECK_PASS : ENCL_CHECK_FAIL,
			      good ? "ES384 by the certificate's key"
				   : "is not that of the certificate's key over this "
				     "payload: it was altered, or somebody else's");
}

/* ---- when ---- */

static void
check_time(const struct encl_attestation *a, const struct encl_attestation_wish *w,
	   struct encl_checks *checks)
{
	uint64_t made = a->timestamp / 1000;
	char shown[ENCL_TIME_SHOWN];

	encl_attestation_time(made, shown);
	if (w->at_timestamp)
		(void)encl_checks_add(checks, "timestamp", ENCL_CHECK_NOTE,
				      "%s; certificates were valid then, and age was not "
				      "looked at",
				      shown);
	else if (made > w->at + ENCL_ATTESTATION_SKEW)
		(void)encl_checks_add(checks, "timestamp", ENCL_CHECK_FAIL,
				      "%s is %" PRIu64 " s in the future", shown,
				      made - w->at);
	else if (w->aged && w->at > made && w->at - made > w->max_age)
		(void)encl_checks_add(checks, "timestamp", ENCL_CHECK_FAIL,
				      "%s is %" PRIu64 " s ago, more than %" PRIu64,
				      shown, w->at - made, w->max_age);
	else
		(void)encl_checks_add(checks, "timestamp", ENCL_CHECK_PASS,
				      "%s, %" PRIu64 " s ago", shown,
				      w->at > made ? w->at - made : 0);
}

static void
check_freshness(const struct encl_attestation_wish *w, struct encl_checks *checks)
{
	bool aged = w->aged && !w->at_timestamp;

	if (w->nonce.p || aged)
		(void)encl_checks_add(checks, "freshness", ENCL_CHECK_PASS,
				      "told by its %s",
				      w->nonce.p && aged ? "nonce and its age"
				      : w->nonce.p	 ? "nonce"
							 : "age");
	else
		(void)encl_checks_add(checks, "freshness", ENCL_CHECK_FAIL,
				      "nothing tells it from an old one: give --nonce or "
				      "--max-age");
}

/* ---- for whom ---- */

static char *
hex_of(const struct encl_span *s)
{
	char *out = encl_xmalloc(2 * s->n + 1);

	encl_hex(s->p, s->n, out);
	return out;
}

/* Against what was asked for; it binds, but says nothing of what the enclave is. */
static void
compare(const char *name, const char *source, const char *want, const char *got,
	struct encl_checks *checks)
{
	encl_checks_compare(checks, name, source, want, got);
	checks->v[checks->n - 1].compares = false;
}

static void
check_field(const char *name, const char *source, const struct encl_span *want,
	    const struct encl_span *got, struct encl_checks *checks)
{
	encl_auto(encl_free) char *expected = NULL;
	encl_auto(encl_free) char *found = NULL;

	if (!want->p) {
		(void)encl_checks_add(checks, name, ENCL_CHECK_NOTE, "%s",
				      got->p ? "there is one, and none was asked for"
					     : "none");
		return;
	}
	expected = hex_of(want);
	found = got->p ? hex_of(got) : NULL;
	compare(name, source, expected, found, checks);
	/* They may be long, and are beside it. */
	if (checks->v[checks->n - 1].verdict == ENCL_CHECK_FAIL) {
		free(checks->v[checks->n - 1].text);
		checks->v[checks->n - 1].text = encl_xasprintf(
			got->p ? "is not what %s says" : "there is none, %s asks for one",
			source);
	}
}

static void
check_module(const struct encl_attestation *a, const struct encl_attestation_wish *w,
	     struct encl_checks *checks)
{
	if (w->module)
		compare("module_id", "--module-id", w->module, a->module, checks);
	else
		(void)encl_checks_add(checks, "module_id", ENCL_CHECK_NOTE, "%s",
				      a->module);
}

/* ---- of what ---- */

/* The first 16 are always locked, and in each document. */
static void
check_registers(const struct encl_attestation *a, struct encl_checks *checks)
{
	for (unsigned i = 0; i < LOCKED; i++)
		if (!(a->has >> i & 1)) {
			(void)encl_checks_add(checks, "registers", ENCL_CHECK_FAIL,
					      "PCR%u is not there", i);
			return;
		}
	(void)encl_checks_add(checks, "registers", ENCL_CHECK_PASS, "%d of %d",
			      __builtin_popcount(a->has), ENCL_PCRS);
}

static void
check_debug(const struct encl_attestation *a, const struct encl_attestation_wish *w,
	    struct encl_checks *checks)
{
	if (!encl_attestation_is_debug(a))
		(void)encl_checks_add(checks, "debug", ENCL_CHECK_PASS, "no");
	else
		(void)encl_checks_add(
			checks, "debug",
			w->allow_debug ? ENCL_CHECK_NOTE : ENCL_CHECK_FAIL,
			"the measurements are all zero: the enclave runs in debug mode, "
			"where whoever runs it can look inside, and nothing says what "
			"it is");
}

int
encl_attestation_check(const struct encl_attestation *a,
		       const struct encl_attestation_wish *w, struct encl_checks *checks,
		       struct encl_err *e)
{
	static const char *const needed[] = {"chain",	  "dates",     "signature",
					     "timestamp", "freshness", "registers",
					     "debug"};
	encl_auto(X509_free) X509 *leaf = NULL;

	if (encl_attestation_check_chain(a, w, checks, &leaf, e))
		return -1;
	check_signature(a, leaf, checks);
	check_time(a, w, checks);
	check_freshness(w, checks);
	check_field("nonce", "--nonce", &w->nonce, &a->nonce, checks);
	check_field("user_data", "--user-data", &w->user_data, &a->user_data, checks);
	check_field("public_key", "--public-key", &w->public_key, &a->public_key, checks);
	check_module(a, w, checks);
	check_registers(a, checks);
	check_debug(a, w, checks);
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		encl_checks_need(checks, needed[i]);
	return 0;
}

void
encl_attestation_text_pcr(const char *text, struct encl_pcr *out)
{
	static const struct encl_pcr zero;
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA384);
	struct encl_digest d;

	encl_hash_update(h, &zero, sizeof zero);
	encl_hash_update(h, text, strlen(text));
	encl_hash_final(h, &d);
	memcpy(out->bytes, d.bytes, ENCL_PCR_SIZE);
}
