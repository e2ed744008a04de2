/* SPDX-License-Identifier: Apache-2.0 */
/* All that a document says, as JSON in a fixed order. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sign/ssl.h"
#include "verify/attestation_internal.h"

static json_t *
hex_json(const struct encl_span *s)
{
	encl_auto(encl_free) char *hex = NULL;

	if (!s->p)
		return json_null();
	hex = encl_xmalloc(2 * s->n + 1);
	encl_hex(s->p, s->n, hex);
	return json_string(hex);
}

static json_t *
time_json(const ASN1_TIME *t)
{
	char text[ENCL_TIME_SHOWN];
	uint64_t epoch;

	if (!encl_attestation_epoch(t, &epoch))
		return json_null();
	encl_attestation_time(epoch, text);
	return json_string(text);
}

static json_t *
certificate_json(const struct encl_span *der)
{
	encl_auto(X509_free) X509 *x = encl_attestation_x509(der);
	char subject[ENCL_NAME_SHOWN] = "";
	char issuer[ENCL_NAME_SHOWN] = "";
	char digest[ENCL_SHA256_HEX];

	encl_attestation_sha256(der, digest);
	if (!x)
		return json_pack("{s:n, s:s}", "Subject", "Sha256", digest);
	encl_attestation_name(X509_get_subject_name(x), subject);
	encl_attestation_name(X509_get_issuer_name(x), issuer);
	return json_pack("{s:s, s:s, s:o, s:o, s:s}", "Subject", subject, "Issuer",
			 issuer, "NotBefore", time_json(X509_get0_notBefore(x)),
			 "NotAfter", time_json(X509_get0_notAfter(x)), "Sha256", digest);
}

json_t *
encl_attestation_json(const struct encl_attestation *a)
{
	json_t *v = json_object();
	json_t *pcrs = json_object();
	json_t *cas = json_array();
	char text[ENCL_TIME_SHOWN];
	char name[8];
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_attestation_time(a->timestamp / 1000, text);
	for (unsigned i = 0; i < ENCL_PCRS; i++) {
		if (!(a->has >> i & 1))
			continue;
		(void)snprintf(name, sizeof name, "PCR%u", i);
		encl_hex(a->pcrs[i].bytes, ENCL_PCR_SIZE, hex);
		json_object_set_new(pcrs, name, json_string(hex));
	}
	for (size_t i = 0; i < a->n_cabundle; i++)
		json_array_append_new(cas, certificate_json(&a->cabundle[i]));
	json_object_set_new(v, "ModuleId", json_string(a->module));
	json_object_set_new(v, "Timestamp", json_integer((json_int_t)a->timestamp));
	json_object_set_new(v, "Time", json_string(text));
	json_object_set_new(v, "Digest", json_string("SHA384"));
	json_object_set_new(v, "Debug", json_boolean(encl_attestation_is_debug(a)));
	json_object_set_new(v, "PCRs", pcrs);
	json_object_set_new(v, "Nonce", hex_json(&a->nonce));
	json_object_set_new(v, "UserData", hex_json(&a->user_data));
	json_object_set_new(v, "PublicKey", hex_json(&a->public_key));
	json_object_set_new(v, "Certificate", certificate_json(&a->certificate));
	json_object_set_new(v, "CABundle", cas);
	return v;
}
