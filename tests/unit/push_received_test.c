/* SPDX-License-Identifier: Apache-2.0 */
/* What registries say of images: ours, oras', and what is refused. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "eif.h"
#include "push/received.h"
#include "test.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define MT "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""
#define EIF_LAYER(digest, size, annotations)                                             \
	"{\"mediaType\":\"application/vnd.aws.nitro.eif\",\"digest\":\"" digest          \
	"\",\"size\":" size "," annotations "\"x\":1}"
#define TITLE(t) "\"annotations\":{\"org.opencontainers.image.title\":\"" t "\"},"
#define PART(t)                                                                          \
	"\"annotations\":{\"org.opencontainers.image.title\":\"a.eif.part0001\","        \
	"\"dev.enclavebuild.part\":\"" t "\"},"
#define DOC(layers) "{\"schemaVersion\":2," MT ",\"layers\":[" layers "]}"

static json_t *
parse(const char *text)
{
	json_t *v = NULL;

	OK(encl_json_parse(text, strlen(text), "t", &v, &e));
	return v;
}

static void
reads(const char *text, struct encl_received *r)
{
	encl_auto(json_decref) json_t *v = parse(text);

	OK(encl_received_manifest(v, "h/r:1", r, &e));
}

static void
refuses(const char *text, enum encl_code code, const char *want)
{
	encl_auto(json_decref) json_t *v = parse(text);
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};

	FAILS(encl_received_manifest(v, "h/r:1", &r, &e), code, want);
}

static const char *
title_of(const char *text, char out[64])
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};

	reads(text, &r);
	snprintf(out, 64, "%s", r.title ? r.title : "(none)");
	return out;
}

TEST(push_received_own)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	encl_auto(encl_free) char *config = NULL;
	encl_auto(encl_free) char *manifest = NULL;
	encl_auto(json_decref) json_t *doc = NULL;

	OK(encl_eif_open(VECTORS "signed.eif", &eif, &e));
	OK(encl_artifact_read(&eif, "app.eif", 1000, 1, &a, &e));
	OK(encl_image_check(&eif, 1, &s, &e));
	config = encl_artifact_config(&a);
	manifest = encl_artifact_manifest(&a, config, NULL);
	reads(manifest, &r);
	EQ_STR("app.eif", r.title);
	EQ_INT(3, r.n_parts);
	EQ_INT(2000, r.parts[2].offset);
	EQ_INT(2442, r.size);
	CHECK(!r.has_digest && r.has_config && !r.has_arch);
	doc = parse(config);
	OK(encl_received_config(&r, doc, "h/r:1: config", &e));
	CHECK(r.has_digest && r.has_arch && r.arch == ENCL_ARCH_X86_64);
	OK(encl_received_compare(&r, &eif, &s, "h/r:1", &e));

	/* what the image is not */
	r.arch = ENCL_ARCH_AARCH64;
	FAILS(encl_received_compare(&r, &eif, &s, "h/r:1", &e), ENCL_MISMATCH,
	      "h/r:1: the registry says aarch64, the image is for x86_64");
	r.arch = ENCL_ARCH_X86_64;
	r.sha256.bytes[0] ^= 1;
	FAILS(encl_received_compare(&r, &eif, &s, "h/r:1", &e), ENCL_FAILED,
	      "h/r:1: its bytes are not those that the registry names");
	r.sha256.bytes[0] ^= 1;
	r.size--;
	FAILS(encl_received_compare(&r, &eif, &s, "h/r:1", &e), ENCL_FAILED,
	      "h/r:1: its bytes are not those that the registry names");
	r.size++;
	r.pcrs[1][0] = '0';

	encl_auto(encl_free) char *want =
		encl_xasprintf("h/r:1: the registry says PCR1 %s, the image has %s",
			       r.pcrs[1], pcr_hex(&s.measurements.pcr1));

	FAILS(encl_received_compare(&r, &eif, &s, "h/r:1", &e), ENCL_MISMATCH, want);
}

/* A config names all registers: one that it leaves out is not there. */
TEST(push_received_signature_added_or_lost)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	encl_auto(encl_free) char *want = NULL;

	OK(encl_eif_open(VECTORS "signed.eif", &eif, &e));
	OK(encl_image_check(&eif, 1, &s, &e));
	r.size = eif.size;
	OK(encl_received_compare(&r, &eif, &s, "i", &e));
	r.pcrs[0] = encl_xstrdup(pcr_hex(&s.measurements.pcr0));
	r.pcrs[1] = encl_xstrdup(pcr_hex(&s.measurements.pcr1));
	r.pcrs[2] = encl_xstrdup(pcr_hex(&s.measurements.pcr2));
	OK(encl_received_compare(&r, &eif, &s, "i", &e));
	r.config_read = true;
	want = encl_xasprintf("i: the registry says PCR8 none, the image has %s",
			      pcr_hex(&s.measurements.pcr8));
	FAILS(encl_received_compare(&r, &eif, &s, "i", &e), ENCL_MISMATCH, want);
	r.pcrs[3] = encl_xstrdup(pcr_hex(&s.measurements.pcr8));
	OK(encl_received_compare(&r, &eif, &s, "i", &e));
	s.measurements.has_pcr8 = false;
	free(want);
	want = encl_xasprintf("i: the registry says PCR8 %s, the image has none (it is "
			      "not signed)",
			      r.pcrs[3]);
	FAILS(encl_received_compare(&r, &eif, &s, "i", &e), ENCL_MISMATCH, want);
}

TEST(push_received_of_oras)
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};

	/* by the layer's type, beside others */
	reads(DOC("{\"mediaType\":\"text/plain\",\"digest\":\"" D2
		  "\",\"size\":3}," EIF_LAYER(D1, "700", TITLE("x.eif"))),
	      &r);
	EQ_STR("x.eif", r.title);
	EQ_INT(1, r.n_parts);
	EQ_INT(700, r.size);
	CHECK(r.has_digest && !r.has_config);
	encl_received_clear(&r);
	/* by the artifact's type */
	reads("{\"schemaVersion\":2," MT
	      ",\"artifactType\":\"application/vnd.aws.nitro.eif\",\"layers\":[{"
	      "\"mediaType\":\"application/octet-stream\",\"digest\":\"" D1
	      "\",\"size\":9}]}",
	      &r);
	EQ_INT(9, r.size);
}

TEST(push_received_titles)
{
	char t[64];

	EQ_STR("app.eif", title_of(DOC(EIF_LAYER(D1, "9", TITLE("app.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", "")), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("../a.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("a/b.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE(".a.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("-a.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE(".eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("enclave.yaml"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("a b.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("a\\u001b.eif"))), t));
	EQ_STR("(none)", title_of(DOC(EIF_LAYER(D1, "9", TITLE("\\u00e4.eif"))), t));
}

TEST(push_received_refused)
{
	refuses("[]", ENCL_FAILED, "h/r:1: not a JSON object");
	refuses("{\"schemaVersion\":2," MT "}", ENCL_FAILED,
		"h/r:1: \"layers\" is missing or not a list");
	refuses("{\"schemaVersion\":2,\"manifests\":[]}", ENCL_FAILED,
		"h/r:1: an index within an index");
	refuses("{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", ENCL_FAILED,
		"h/r:1: is an index and a manifest at once; refused");
	refuses(DOC(""), ENCL_FAILED,
		"h/r:1: is not an enclave image (no layer of the type "
		"application/vnd.aws.nitro.eif)");
	refuses(DOC(EIF_LAYER(D1, "9", "") "," EIF_LAYER(D2, "9", "")), ENCL_FAILED,
		"h/r:1: image layer 1 of 2 is not marked as part 1/2 of an image");
	refuses(DOC(EIF_LAYER(D1, "9", PART("1/2")) "," EIF_LAYER(D2, "9", PART("1/2"))),
		ENCL_FAILED,
		"h/r:1: image layer 2 of 2 is not marked as part 2/2 of an image");
	refuses(DOC(EIF_LAYER(D1, "9", PART("1/2"))), ENCL_FAILED,
		"h/r:1: image layer 1 of 1 is not marked as part 1/1 of an image");
	refuses(DOC(EIF_LAYER(D1, "0", "")), ENCL_FAILED,
		"h/r:1: a size that no image has");
	refuses(DOC(EIF_LAYER(D1, "1099511627777", "")), ENCL_FAILED,
		"h/r:1: a size that no image has");
	refuses(DOC(EIF_LAYER(D1, "1099511627776",
			      PART("1/2")) "," EIF_LAYER(D2, "1", PART("2/2"))),
		ENCL_FAILED, "h/r:1: a size that no image has");
	refuses(DOC(EIF_LAYER("sha256:../x", "1", "")), ENCL_FAILED,
		"h/r:1: not a sha256 or sha512 digest: \"sha256:../x\"");
	refuses("{\"schemaVersion\":2," MT ",\"layers\":[" EIF_LAYER(
			D1, "9",
			"") "],\"annotations\":{\"dev.enclavebuild.pcr1\":\"12\"}}",
		ENCL_FAILED, "h/r:1: \"dev.enclavebuild.pcr1\" is not 96 hex digits");
	refuses("{\"schemaVersion\":2," MT ",\"layers\":[" EIF_LAYER(
			D1, "9",
			"") "],\"config\":{\"mediaType\":"
			    "\"application/vnd.enclavebuild.eif.config.v1+json\",\"digest\":\"" D2
			    "\",\"size\":4194305}}",
		ENCL_FAILED, "h/r:1: its config is larger than 4194304 bytes");
}

static void
config_refused(const char *text, enum encl_code code, const char *want)
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	encl_auto(json_decref) json_t *v = parse(text);

	reads("{\"schemaVersion\":2," MT ",\"layers\":[" EIF_LAYER(
		      D1, "9", "") "],\"annotations\":{\"dev.enclavebuild.pcr0\":\""
				   "111111111111111111111111111111111111111111111111"
				   "111111111111111111111111111111111111111111111111\"}}",
	      &r);
	FAILS(encl_received_config(&r, v, "c", &e), code, want);
}
#define CONFIG(digest, size, pcrs)                                                       \
	"{\"schemaVersion\":1,\"architecture\":\"amd64\",\"eif\":{\"digest\":\"" digest  \
	"\",\"size\":" size "},\"measurements\":{" pcrs "}}"

TEST(push_received_config_refused)
{
	config_refused("[3]", ENCL_FAILED, "c: not a JSON object");
	config_refused("{}", ENCL_FAILED,
		       "c: \"schemaVersion\" is missing or not a number of 0 or more");
	config_refused("{\"schemaVersion\":2}", ENCL_FAILED,
		       "c: schemaVersion 2; this enclavebuild reads 1");
	config_refused("{\"schemaVersion\":1,\"architecture\":\"riscv64\",\"eif\":{},"
		       "\"measurements\":{}}",
		       ENCL_FAILED, "c: \"architecture\" is neither amd64 nor arm64");
	config_refused(CONFIG("sha512:11", "9", ""), ENCL_FAILED,
		       "c: \"digest\" is not a sha256 digest");
	config_refused(CONFIG(D1, "8", ""), ENCL_MISMATCH,
		       "c: manifest and config name another image");
	config_refused(CONFIG(D2, "9", ""), ENCL_MISMATCH,
		       "c: manifest and config name another image");
	config_refused(CONFIG(D1, "9", ""), ENCL_FAILED, "c: \"pcr0\" is missing");
	config_refused(CONFIG(D1, "9",
			      "\"pcr0\":\""
			      "211111111111111111111111111111111111111111111111"
			      "111111111111111111111111111111111111111111111111\""),
		       ENCL_MISMATCH, "c: manifest and config name another PCR0");
}

/* whoever holds the lock of the whole would wait for that of its part */
TEST(push_received_part_is_whole)
{
	encl_auto(encl_received_clear) struct encl_received r = {.title = NULL};
	encl_auto(json_decref) json_t *v = parse(CONFIG(D2, "18", ""));

	reads(DOC(EIF_LAYER(D1, "9", PART("1/2")) "," EIF_LAYER(D2, "9", PART("2/2"))),
	      &r);
	FAILS(encl_received_config(&r, v, "c", &e), ENCL_FAILED,
	      "c: a part of the image is the whole");
}

#define ENTRY(digest, os, arch, more)                                                    \
	"{" MT ",\"digest\":\"" digest "\",\"size\":5" more                              \
	",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

TEST(push_received_choose)
{
	static const enum encl_arch arm = ENCL_ARCH_AARCH64;
	static const enum encl_arch intel = ENCL_ARCH_X86_64;
	encl_auto(json_decref) json_t *both = parse(INDEX(
		ENTRY(D1, "linux", "amd64", "") "," ENTRY(D2, "linux", "arm64", "")));
	encl_auto(json_decref) json_t *one = parse(INDEX(
		ENTRY(D1, "windows", "amd64", "") "," ENTRY(D2, "linux", "arm64", "")));
	encl_auto(json_decref) json_t *other = parse(INDEX(
		ENTRY(D1, "linux", "amd64", ",\"artifactType\":\"application/x\"")));
	struct encl_received_choice c;

	OK(encl_received_choose(both, NULL, ENCL_ARCH_X86_64, "i", &c, &e));
	EQ_STR(D1, c.text);
	CHECK(!c.only && c.arch == ENCL_ARCH_X86_64);
	OK(encl_received_choose(both, NULL, ENCL_ARCH_AARCH64, "i", &c, &e));
	EQ_STR(D2, c.text);
	OK(encl_received_choose(both, &arm, ENCL_ARCH_X86_64, "i", &c, &e));
	EQ_STR(D2, c.text);
	OK(encl_received_choose(one, NULL, ENCL_ARCH_X86_64, "i", &c, &e));
	EQ_STR(D2, c.text);
	CHECK(c.only);
	FAILS(encl_received_choose(one, &intel, ENCL_ARCH_X86_64, "i", &c, &e),
	      ENCL_FAILED, "i: no enclave image for x86_64, only for aarch64");
	FAILS(encl_received_choose(other, NULL, ENCL_ARCH_X86_64, "i", &c, &e),
	      ENCL_FAILED, "i: no enclave image");
}
