/* SPDX-License-Identifier: Apache-2.0 */
/* What documents are about. */
#include <string.h>

#include "base/json.h"
#include "test.h"
#include "verify/evidence_subject.h"

#define HEX16 "0123456789abcdef"
#define HEX   HEX16 HEX16 HEX16 HEX16

static json_t *
parse(const char *text)
{
	json_t *v = NULL;

	OK(encl_json_parse(text, strlen(text), "doc", &v, &e));
	return v;
}

/* kind, number of digests, name of the first */
static void
about(const char *text, const char *kind, size_t n, const char *name)
{
	encl_auto(json_decref) json_t *doc = parse(text);
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.n = 0};
	struct encl_digest want;

	OK(encl_evidence_subjects(doc, "doc", &s, &e));
	EQ_STR(kind, s.kind);
	EQ_INT(n, s.n);
	if (name)
		EQ_STR(name, s.v[0].name);
	CHECK(encl_digest_parse("sha256:" HEX, &want));
	EQ_INT(true, encl_subjects_have(&s, &want));
	want.bytes[31] ^= 1;
	EQ_INT(false, encl_subjects_have(&s, &want));
}

TEST(verify_evidence_subject_kinds)
{
	about("{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"SPDXID\":\"SPDXRef-a\","
	      "\"name\":\"app\",\"checksums\":[{\"algorithm\":\"SHA1\",\"checksumValue\":"
	      "\"00\"},{\"algorithm\":\"SHA256\",\"checksumValue\":\"" HEX "\"}]},"
	      "{\"SPDXID\":\"SPDXRef-b\",\"checksums\":[{\"algorithm\":\"SHA256\","
	      "\"checksumValue\":\"" HEX "\"}]}],\"relationships\":[{\"spdxElementId\":"
	      "\"SPDXRef-DOCUMENT\",\"relationshipType\":\"DESCRIBES\","
	      "\"relatedSpdxElement\":\"SPDXRef-a\"},{\"spdxElementId\":\"SPDXRef-a\","
	      "\"relationshipType\":\"CONTAINS\",\"relatedSpdxElement\":\"SPDXRef-b\"}]}",
	      "SPDX", 1, "app");
	about("{\"spdxVersion\":\"SPDX-2.3\",\"documentDescribes\":[\"SPDXRef-a\"],"
	      "\"packages\":[{\"SPDXID\":\"SPDXRef-a\",\"name\":\"app\",\"checksums\":"
	      "[{\"algorithm\":\"SHA256\",\"checksumValue\":\"" HEX "\"}]}]}",
	      "SPDX", 1, "app");
	about("{\"bomFormat\":\"CycloneDX\",\"metadata\":{\"component\":{\"name\":\"x\","
	      "\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" HEX "\"}]}}}",
	      "CycloneDX", 1, "x");
	about("{\"predicateType\":\"p\",\"subject\":[{\"name\":\"a.eif\",\"digest\":"
	      "{\"sha256\":\"" HEX "\"}},{\"digest\":{\"sha512\":\"" HEX "\"}}]}",
	      "in-toto", 1, "a.eif");
	about("{\"Measurements\":{},\"Digest\":\"sha256:" HEX "\"}", "measurements", 1,
	      NULL);
	about("{\"messageSignature\":{\"messageDigest\":{\"algorithm\":\"SHA2_256\","
	      "\"digest\":\"ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\"}}}",
	      "bundle", 1, NULL);
}

/* {"predicateType":"p","subject":[{"name":"a","digest":{"sha256":HEX}}]} */
#define PAYLOAD                                                                          \
	"eyJwcmVkaWNhdGVUeXBlIjoicCIsInN1YmplY3QiOlt7Im5hbWUiOiJhIiwiZGlnZXN0Ijp7InNoYT" \
	"I1NiI6IjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0" \
	"NTY3ODlhYmNkZWYifX1dfQ=="

TEST(verify_evidence_subject_wrapped)
{
	encl_auto(json_decref) json_t *doc = parse("{\"payload\":\"" PAYLOAD "\"}");
	encl_auto(json_decref) json_t *bad = parse("{\"payload\":\"e30\"}");
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.n = 0};

	about("{\"payload\":\"" PAYLOAD "\"}", "in-toto", 1, "a");
	about("{\"dsseEnvelope\":{\"payload\":\"" PAYLOAD "\"}}", "in-toto", 1, "a");
	OK(encl_evidence_subjects(doc, "doc", &s, &e));
	EQ_STR("p", s.predicate);
	CHECK(!encl_evidence_statement(bad));
}

TEST(verify_evidence_subject_refused)
{
	static const char *const none[] = {"{}", "[]", "{\"lockVersion\":1}",
					   "{\"payload\":\"!!!!\"}",
					   "{\"payload\":\"bm90IEpTT04=\"}"};
	static const char *const nothing[] = {
		"{\"bomFormat\":\"CycloneDX\"}", "{\"spdxVersion\":\"SPDX-2.3\"}",
		"{\"predicateType\":\"p\",\"subject\":[{\"digest\":{\"sha256\":\"00\"}}]}",
		"{\"predicateType\":\"p\",\"subject\":[{\"digest\":{\"sha256\":7}}]}",
		"{\"Measurements\":{},\"Digest\":\"sha512:00\"}",
		"{\"messageSignature\":{\"messageDigest\":{\"algorithm\":\"SHA2_512\","
		"\"digest\":\"ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\"}}}",
		/* describes another one than the one with the digest */
		"{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"SPDXID\":\"SPDXRef-a\","
		"\"checksums\":[{\"algorithm\":\"SHA256\",\"checksumValue\":\"" HEX
		"\"}]}]}"};
	struct encl_subjects s = {.n = 0};

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		encl_auto(json_decref) json_t *doc = parse(none[i]);

		FAILS(encl_evidence_subjects(doc, "doc", &s, &e), ENCL_FAILED,
		      "doc: is no SPDX, CycloneDX or in-toto document, no bundle and no "
		      "measurements file");
	}
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		encl_auto(json_decref) json_t *doc = parse(nothing[i]);

		FAILS(encl_evidence_subjects(doc, "doc", &s, &e), ENCL_FAILED,
		      "doc: names nothing by a SHA-256 that it would be about");
	}
	CHECK(!s.v);
}
