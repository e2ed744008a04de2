/* SPDX-License-Identifier: Apache-2.0 */
/* Files to artifacts with a subject; a measurements file of another image. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "eif.h"
#include "push/evidence.h"
#include "registry/registry.h"
#include "test.h"

/* "ARTIFACT_TYPE MEDIA_TYPE ANNOTATIONS" of a file with this text. */
static const char *
types(const char *type, const char *text)
{
	static char out[600];
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	const char *path = test_path("evidence");
	encl_auto(encl_free) char *annotations = NULL;

	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	OK(encl_evidence_open(type, path, &v, &e));
	annotations =
		v.annotations ? encl_json_compact(v.annotations) : encl_xstrdup("-");
	snprintf(out, sizeof out, "%s %s %s", v.artifact_type, v.media_type, annotations);
	return out;
}

static void
refuses(const char *type, const char *text, const char *want)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	const char *path = test_path("evidence");
	encl_auto(encl_free) char *message = encl_xasprintf("%s%s", path, want);

	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	FAILS(encl_evidence_open(type, path, &v, &e), ENCL_FAILED, message);
}

TEST(push_evidence_types)
{
	EQ_STR("application/spdx+json application/spdx+json -",
	       types("spdx", "{\"spdxVersion\":\"SPDX-2.3\"}"));
	EQ_STR("application/spdx+json application/spdx+json -",
	       types("sbom", "{\"@context\":\"c\",\"@graph\":[]}"));
	EQ_STR("application/vnd.cyclonedx+json application/vnd.cyclonedx+json -",
	       types("sbom", "{\"bomFormat\":\"CycloneDX\"}"));
	EQ_STR("application/vnd.enclavebuild.lock.v1+json "
	       "application/vnd.enclavebuild.lock.v1+json -",
	       types("lock", "{\"lockVersion\":1}"));
	EQ_STR("application/vnd.enclavebuild.measurements.v1+json "
	       "application/vnd.enclavebuild.measurements.v1+json -",
	       types("measurements", "{\"Measurements\":{\"PCR0\":\"00\"}}"));
	EQ_STR("application/vnd.example+text application/vnd.example+text -",
	       types("application/vnd.example+text", "not JSON"));
}

TEST(push_evidence_provenance)
{
	EQ_STR("application/vnd.in-toto+json application/vnd.in-toto+json "
	       "{\"in-toto.io/predicate-type\":\"https://slsa.dev/provenance/v1\"}",
	       types("provenance",
		     "{\"predicateType\":\"https://slsa.dev/provenance/v1\"}"));
	/* {"predicateType":"p"}, {"predicateType":"pp"}, {"predicateType":"ppp"} */
	EQ_STR("application/vnd.in-toto+json application/vnd.dsse.envelope.v1+json "
	       "{\"in-toto.io/predicate-type\":\"p\"}",
	       types("provenance", "{\"payload\":\"eyJwcmVkaWNhdGVUeXBlIjoicCJ9\"}"));
	EQ_STR("application/vnd.in-toto+json application/vnd.dsse.envelope.v1+json "
	       "{\"in-toto.io/predicate-type\":\"pp\"}",
	       types("provenance", "{\"payload\":\"eyJwcmVkaWNhdGVUeXBlIjoicHAifQ==\"}"));
	EQ_STR("application/vnd.in-toto+json application/vnd.dsse.envelope.v1+json "
	       "{\"in-toto.io/predicate-type\":\"ppp\"}",
	       types("provenance", "{\"payload\":\"eyJwcmVkaWNhdGVUeXBlIjoicHBwIn0=\"}"));
	refuses("provenance", "{\"payload\":\"*\"}",
		": is not an in-toto statement, nor an envelope with one (no "
		"\"predicateType\")");
	refuses("provenance", "{}",
		": is not an in-toto statement, nor an envelope with one (no "
		"\"predicateType\")");
}

TEST(push_evidence_bundle)
{
	EQ_STR("application/vnd.dev.sigstore.bundle.v0.3+json "
	       "application/vnd.dev.sigstore.bundle.v0.3+json "
	       "{\"dev.sigstore.bundle.content\":\"dsse-envelope\","
	       "\"dev.sigstore.bundle.predicateType\":\"p\"}",
	       types("bundle",
		     "{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\","
		     "\"dsseEnvelope\":{\"payload\":\"eyJwcmVkaWNhdGVUeXBlIjoicCJ9\"}}"));
	EQ_STR("application/vnd.dev.sigstore.bundle.v0.3+json "
	       "application/vnd.dev.sigstore.bundle.v0.3+json "
	       "{\"dev.sigstore.bundle.content\":\"message-signature\"}",
	       types("bundle", "{\"mediaType\":\"application/"
			       "vnd.dev.sigstore.bundle+json;version=0.3\","
			       "\"messageSignature\":{}}"));
	refuses("bundle", "{\"mediaType\":\"application/json\"}",
		": is not a sigstore bundle (no \"mediaType\" of one)");
	refuses("bundle",
		"{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}",
		": is not a sigstore bundle (neither \"dsseEnvelope\" nor "
		"\"messageSignature\")");
}

TEST(push_evidence_refused)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};

	FAILS(encl_evidence_open("sbon", "/dev/null", &v, &e), ENCL_USAGE,
	      "attach sbon: the type is none of bundle, cyclonedx, lock, measurements, "
	      "provenance, sbom, spdx and no media type");
	FAILS(encl_evidence_open("a/b c", "/dev/null", &v, &e), ENCL_USAGE,
	      "attach a/b c: the type is none of bundle, cyclonedx, lock, measurements, "
	      "provenance, sbom, spdx and no media type");
	refuses("sbom", "{}", ": is not an SBOM: neither SPDX nor CycloneDX as JSON");
	refuses("spdx", "{}", ": is not an SPDX document (no \"spdxVersion\")");
	refuses("cyclonedx", "{\"bomFormat\":1}",
		": is not a CycloneDX document (no \"bomFormat\")");
	refuses("lock", "{}", ": is not a lock (no \"lockVersion\")");
	refuses("measurements", "{\"Measurements\":{}}",
		": is not a measurements file (no \"Measurements\" with PCR0)");
	refuses("lock", "{",
		":1:1: not valid JSON: string or '}' expected near end of file");
}

static void
read_vector(const char *name, struct encl_artifact *a)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_free) char *path = encl_xasprintf(VECTORS "%s.eif", name);

	OK(encl_eif_open(path, &eif, &e));
	OK(encl_artifact_read(&eif, "app.eif", 0, 1, a, &e));
}

/* The measurements file of an image, as build writes it. */
static const char *
write_measurements(const struct encl_artifact *a)
{
	encl_auto(json_decref) json_t *doc = encl_measurements_json(&a->pcrs);
	const char *path = test_path("m.json");
	encl_auto(encl_free) char *text = NULL;
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&a->sha256, digest);
	json_object_set_new(doc, "Size", json_integer((json_int_t)a->size));
	json_object_set_new(doc, "Digest", json_string(digest));
	json_object_set_new(doc, "Sections", json_array());
	text = encl_json_pretty(doc);
	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	return path;
}

TEST(push_evidence_fit)
{
	encl_auto(encl_artifact_clear) struct encl_artifact is_signed = {.title = NULL};
	encl_auto(encl_artifact_clear) struct encl_artifact is_not = {.title = NULL};
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	encl_auto(encl_evidence_clear) struct encl_evidence w = {.path = NULL};
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(json_decref) json_t *want = NULL;
	struct encl_digest before;

	read_vector("signed", &is_signed);
	read_vector("unsigned", &is_not);
	OK(encl_evidence_open("measurements", write_measurements(&is_not), &v, &e));
	before = v.digest;
	OK(encl_evidence_fit(&v, &is_not, &e));
	CHECK(encl_digest_equal(&before, &v.digest));

	/* signed since: brought up to date */
	OK(encl_evidence_fit(&v, &is_signed, &e));
	OK(encl_json_parse(v.text, v.size, "m", &doc, &e));
	want = encl_measurements_json(&is_signed.pcrs);
	CHECK(json_equal(json_object_get(want, "Measurements"),
			 json_object_get(doc, "Measurements")));
	EQ_INT(2442, json_integer_value(json_object_get(doc, "Size")));
	EQ_STR("sha256:"
	       "3a894122a5261f9389b2aff5cdeaf5a43a6645a3c4817275334a9e4247f80e11",
	       json_string_value(json_object_get(doc, "Digest")));
	CHECK(!json_object_get(doc, "Sections"));

	CHECK(encl_evidence_is_of(doc, &is_signed.pcrs));
	CHECK(!encl_evidence_is_of(doc, &is_not.pcrs));
	CHECK(!encl_evidence_is_of(NULL, &is_not.pcrs));

	/* of another image */
	OK(encl_evidence_open("measurements", write_measurements(&is_not), &w, &e));
	is_signed.pcrs.pcr1.bytes[47] ^= 1;

	encl_auto(encl_free) char *message = encl_xasprintf(
		"%s: is not of app.eif: PCR1 differs; build it again, or leave it out "
		"with --no-evidence",
		w.path);

	FAILS(encl_evidence_fit(&w, &is_signed, &e), ENCL_MISMATCH, message);
}

TEST(push_evidence_lock_arch)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	const char *path = test_path("enclave.lock");
	static const char text[] = "{\"lockVersion\":1,\"arch\":\"aarch64\"}";

	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	OK(encl_evidence_open("lock", path, &v, &e));
	EQ_STR("enclave.lock", v.title);
	CHECK(encl_evidence_lock_is_for(&v, ENCL_ARCH_AARCH64));
	CHECK(!encl_evidence_lock_is_for(&v, ENCL_ARCH_X86_64));
}

TEST(push_evidence_manifest)
{
	encl_auto(encl_evidence_clear) struct encl_evidence v = {.path = NULL};
	const char *path = test_path("p.json");
	static const char text[] = "{\"predicateType\":\"p\"}";
	encl_auto(encl_free) char *manifest = NULL;

	OK(encl_write_file(path, text, strlen(text), 0644, &e));
	OK(encl_evidence_open("provenance", path, &v, &e));
	manifest = encl_evidence_manifest(&v, ENCL_MEDIA_OCI_MANIFEST, "{\"s\":1}",
					  "2024-05-06T07:08:09Z");
	EQ_STR("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.man"
	       "ifest.v1+json\",\"artifactType\":\"application/vnd.in-toto+json\","
	       "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\""
	       "digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e83"
	       "10c060f61caaff8a\",\"size\":2,\"data\":\"e30=\"},\"layers\":[{\"me"
	       "diaType\":\"application/vnd.in-toto+json\",\"digest\":\"sha256:b09"
	       "fbf753df7fa00ca53614edccf9f83d704fedab10d844d04eedc90861187d6\",\""
	       "size\":21,\"annotations\":{\"org.opencontainers.image.title\":\"p."
	       "json\"}}],\"subject\":{\"mediaType\":\"application/vnd.oci.image.m"
	       "anifest.v1+json\",\"digest\":\"sha256:b5f56421ca8ec1a26aa255980d8f"
	       "78719086462ee31cfd986fe333da1af6a847\",\"size\":7},\"annotations\""
	       ":{\"org.opencontainers.image.created\":\"2024-05-06T07:08:09Z\",\""
	       "in-toto.io/predicate-type\":\"p\"}}",
	       manifest);
}
