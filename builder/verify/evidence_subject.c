/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents to the digests that they are about: SPDX 2.3 (what it DESCRIBES),
 * CycloneDX (metadata.component), in-toto Statement (subject), DSSE, sigstore
 * bundle v0.3 (messageDigest), measurements file (Digest).
 */
#include "verify/evidence_subject.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"

enum { MOST_SUBJECTS = 1024, SHA256_HEX = 64 };

void
encl_subjects_clear(struct encl_subjects *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
	free(s->predicate);
	memset(s, 0, sizeof *s);
}

bool
encl_subjects_have(const struct encl_subjects *s, const struct encl_digest *sha256)
{
	for (size_t i = 0; i < s->n; i++)
		if (encl_digest_equal(&s->v[i].digest, sha256))
			return true;
	return false;
}

static const char *
text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static void
add(struct encl_subjects *s, const json_t *named, const struct encl_digest *digest)
{
	const char *name = text_of(named, "name");

	if (s->n >= MOST_SUBJECTS)
		return;
	s->v = encl_xrealloc(s->v, s->n + 1, sizeof *s->v);
	s->v[s->n++] = (struct encl_subject){name ? encl_xstrdup(name) : NULL, *digest};
}

static void
add_hex(struct encl_subjects *s, const json_t *named, const char *hex)
{
	struct encl_digest d = {.algo = ENCL_SHA256};

	if (hex && strlen(hex) == SHA256_HEX &&
	    encl_unhex(hex, d.bytes, encl_digest_size(ENCL_SHA256)))
		add(s, named, &d);
}

/* Bytes of standard base64, padded; malloc'ed, NULL where it is none. */
static uint8_t *
decode(const char *text, size_t *n)
{
	size_t len = text ? strlen(text) : 0;
	encl_auto(encl_free) uint8_t *out = NULL;
	int got;

	if (!len || len % 4 || len > INT32_MAX)
		return NULL;
	out = encl_xmalloc(len);
	got = EVP_DecodeBlock(out, (const uint8_t *)text, (int)len);
	if (got < 0)
		return NULL;
	*n = (size_t)got - (text[len - 1] == '=') - (text[len - 2] == '=');
	return encl_take(out, NULL);
}

json_t *
encl_evidence_statement(const json_t *doc)
{
	const json_t *bundled = json_object_get(doc, "dsseEnvelope");
	const json_t *envelope = bundled ? bundled : doc;
	encl_auto(encl_free) uint8_t *bytes = NULL;
	json_t *statement = NULL;
	struct encl_err ignored;
	size_t n;

	if (!json_object_get(envelope, "payload"))
		return json_object_get(doc, "predicateType")
			       ? json_incref((json_t *)(uintptr_t)doc)
			       : NULL;
	bytes = decode(text_of(envelope, "payload"), &n);
	if (!bytes ||
	    encl_json_parse((const char *)bytes, n, "payload", &statement, &ignored))
		return NULL;
	return statement;
}

/* Packages that the document describes, by a relationship or (deprecated) by
 * documentDescribes. */
static bool
describes(const json_t *doc, const char *id)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(doc, "documentDescribes"), i, v)
		if (json_is_string(v) && !strcmp(json_string_value(v), id))
			return true;
	json_array_foreach (json_object_get(doc, "relationships"), i, v) {
		const char *type = text_of(v, "relationshipType");
		const char *from = text_of(v, "spdxElementId");
		const char *to = text_of(v, "relatedSpdxElement");

		if (type && from && to && !strcmp(type, "DESCRIBES") &&
		    !strcmp(from, "SPDXRef-DOCUMENT") && !strcmp(to, id))
			return true;
	}
	return false;
}

/* [{"algorithm" | "alg": …, "checksumValue" | "content": hex}] */
static void
add_listed(struct encl_subjects *s, const json_t *named, const json_t *list,
	   const char *algo_key, const char *algo, const char *value_key)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, v) {
		const char *name = text_of(v, algo_key);

		if (name && !strcmp(name, algo))
			add_hex(s, named, text_of(v, value_key));
	}
}

static void
take_spdx(const json_t *doc, struct encl_subjects *s)
{
	json_t *v;
	size_t i;

	s->kind = "SPDX";
	json_array_foreach (json_object_get(doc, "packages"), i, v) {
		const char *id = text_of(v, "SPDXID");

		if (id && json_object_get(v, "checksums") && describes(doc, id))
			add_listed(s, v, json_object_get(v, "checksums"), "algorithm",
				   "SHA256", "checksumValue");
	}
}

static void
take_cyclonedx(const json_t *doc, struct encl_subjects *s)
{
	const json_t *component =
		json_object_get(json_object_get(doc, "metadata"), "component");

	s->kind = "CycloneDX";
	add_listed(s, component, json_object_get(component, "hashes"), "alg", "SHA-256",
		   "content");
}

static void
take_statement(const json_t *statement, struct encl_subjects *s)
{
	const char *predicate = text_of(statement, "predicateType");
	json_t *v;
	size_t i;

	s->kind = "in-toto";
	s->predicate = predicate ? encl_xstrdup(predicate) : NULL;
	json_array_foreach (json_object_get(statement, "subject"), i, v)
		add_hex(s, v, text_of(json_object_get(v, "digest"), "sha256"));
}

static void
take_bundle(const json_t *signature, struct encl_subjects *s)
{
	const json_t *digest = json_object_get(signature, "messageDigest");
	const char *algo = text_of(digest, "algorithm");
	struct encl_digest d = {.algo = ENCL_SHA256};
	size_t n;
	encl_auto(encl_free) uint8_t *bytes = decode(text_of(digest, "digest"), &n);

	s->kind = "bundle";
	if (!bytes || n != encl_digest_size(ENCL_SHA256) || !algo ||
	    strcmp(algo, "SHA2_256") != 0)
		return;
	memcpy(d.bytes, bytes, n);
	add(s, NULL, &d);
}

static void
take_measurements(const json_t *doc, struct encl_subjects *s)
{
	const char *text = text_of(doc, "Digest");
	struct encl_digest d;

	s->kind = "measurements";
	if (text && encl_digest_parse(text, &d) && d.algo == ENCL_SHA256)
		add(s, NULL, &d);
}

static void
take(const json_t *doc, struct encl_subjects *s)
{
	encl_auto(json_decref) json_t *statement = encl_evidence_statement(doc);

	if (statement)
		take_statement(statement, s);
	else if (json_object_get(doc, "messageSignature"))
		take_bundle(json_object_get(doc, "messageSignature"), s);
	else if (json_object_get(doc, "spdxVersion"))
		take_spdx(doc, s);
	else if (json_object_get(doc, "bomFormat"))
		take_cyclonedx(doc, s);
	else if (json_object_get(doc, "Measurements"))
		take_measurements(doc, s);
}

int
encl_evidence_subjects(const json_t *doc, const char *what, struct encl_subjects *out,
		       struct encl_err *e)
{
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.kind = NULL};

	take(doc, &s);
	if (!s.kind)
		return encl_fail(e, ENCL_FAILED,
				 "%s: is no SPDX, CycloneDX or in-toto document, no "
				 "bundle and no measurements file",
				 what);
	if (!s.n)
		return encl_fail(e, ENCL_FAILED,
				 "%s: names nothing by a SHA-256 that it would be about",
				 what);
	*out = encl_take(s, (struct encl_subjects){.kind = NULL});
	return 0;
}
