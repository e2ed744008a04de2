/* SPDX-License-Identifier: Apache-2.0 */
/* Images to configs, manifests and indexes, to the byte. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "eif.h"
#include "push/artifact.h"
#include "test.h"

#define PCR0                                                                             \
	"63995f94005f4a22918ffeadde48f820a36c1364fc9753cf2ee9787a8846db5c5b7a516a"       \
	"5badec0e63e3e2795e458a8a"
#define PCR1                                                                             \
	"47dbebde20e6e3a6d6b3a0ff49b607dd3802f34b821fefb347cb3a21c9bc278f87b97860"       \
	"6a68056e7d383da8eacf5752"
#define PCR2                                                                             \
	"4b56d0080d2b086bfb95d005d45f4d6839a378423d077835490e4767c5afea3f24717219"       \
	"ae366b113118cb1d85107d1b"
#define PCR8                                                                             \
	"b37d9b2ec2e66c7d19a39882a2a6d2f1f9e71ed699ccd905d00d379489696951a05e1132"       \
	"10cf334fe47649943cb47b3e"
#define EIF_DIGEST                                                                       \
	"sha256:3a894122a5261f9389b2aff5cdeaf5a43a6645a3c4817275334a9e4247f80e11"

static void
read_vector(const char *name, uint64_t split, struct encl_artifact *a)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_free) char *path = encl_xasprintf(VECTORS "%s.eif", name);

	OK(encl_eif_open(path, &eif, &e));
	OK(encl_artifact_read(&eif, "app.eif", split, 2, a, &e));
}

static const char *
sha256(const char *text)
{
	static char out[ENCL_DIGEST_TEXT];
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, text, strlen(text), &d);
	encl_digest_format(&d, out);
	return out;
}

TEST(push_artifact_documents)
{
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	encl_auto(encl_free) char *config = NULL;
	encl_auto(encl_free) char *manifest = NULL;

	read_vector("signed", 0, &a);
	config = encl_artifact_config(&a);
	EQ_STR("{\"schemaVersion\":1,\"architecture\":\"amd64\",\"os\":\"linux\","
	       "\"created\":\"1970-01-01T00:00:00+00:00\",\"name\":\"n\","
	       "\"version\":\"v\",\"eif\":{\"version\":4,\"digest\":\"" EIF_DIGEST
	       "\",\"size\":2442,\"cmdline\":\"console=ttyS0\",\"sections\":["
	       "{\"type\":\"kernel\",\"offset\":560,\"size\":7},"
	       "{\"type\":\"cmdline\",\"offset\":579,\"size\":13},"
	       "{\"type\":\"metadata\",\"offset\":604,\"size\":224},"
	       "{\"type\":\"ramdisk\",\"offset\":840,\"size\":8},"
	       "{\"type\":\"ramdisk\",\"offset\":860,\"size\":9},"
	       "{\"type\":\"signature\",\"offset\":881,\"size\":1561}],"
	       "\"defaultMemoryBytes\":1073741824,\"defaultCPUs\":2},"
	       "\"measurements\":{\"hash\":\"sha384\",\"pcr0\":\"" PCR0
	       "\",\"pcr1\":\"" PCR1 "\",\"pcr2\":\"" PCR2 "\",\"pcr8\":\"" PCR8
	       "\"},\"memory\":{\"neededMiB\":304}}",
	       config);
	manifest = encl_artifact_manifest(&a, config, NULL);
	EQ_STR("{\"schemaVersion\":2,"
	       "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
	       "\"artifactType\":\"application/vnd.aws.nitro.eif\",\"config\":{"
	       "\"mediaType\":\"application/vnd.enclavebuild.eif.config.v1+json\","
	       "\"digest\":\"sha256:"
	       "bda2d2fb049071a793a042dee426e129bf75bb320715af6de3dd6ebdac395833"
	       "\",\"size\":1058},\"layers\":[{"
	       "\"mediaType\":\"application/vnd.aws.nitro.eif\",\"digest\":\"" EIF_DIGEST
	       "\",\"size\":2442,\"annotations\":{"
	       "\"org.opencontainers.image.title\":\"app.eif\"}}],\"annotations\":{"
	       "\"org.opencontainers.image.created\":\"1970-01-01T00:00:00+00:00\","
	       "\"org.opencontainers.image.title\":\"n\","
	       "\"org.opencontainers.image.version\":\"v\","
	       "\"dev.enclavebuild.arch\":\"amd64\","
	       "\"dev.enclavebuild.hash\":\"sha384\",\"dev.enclavebuild.pcr0\":\"" PCR0
	       "\",\"dev.enclavebuild.pcr1\":\"" PCR1
	       "\",\"dev.enclavebuild.pcr2\":\"" PCR2
	       "\",\"dev.enclavebuild.pcr8\":\"" PCR8 "\"}}",
	       manifest);
	EQ_STR("sha256:0adb05351250616c7582bce2cab3fb20e2a418a69a7777beb69d04ecf27cc062",
	       sha256(manifest));
}

TEST(push_artifact_split)
{
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	encl_auto(encl_free) char *config = NULL;
	encl_auto(encl_free) char *manifest = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *layers = NULL;

	read_vector("signed", 1000, &a);
	EQ_INT(3, a.n_parts);
	EQ_INT(1000, a.parts[0].size);
	EQ_INT(2000, a.parts[2].offset);
	EQ_INT(442, a.parts[2].size);
	config = encl_artifact_config(&a);
	manifest = encl_artifact_manifest(&a, config, NULL);
	OK(encl_json_parse(manifest, strlen(manifest), "manifest", &doc, &e));
	layers = encl_json_compact(json_object_get(doc, "layers"));
	EQ_STR("[{\"mediaType\":\"application/vnd.aws.nitro.eif\",\"digest\":\"sha"
	       "256:777d34a38424b45a6edbab1c8150892879ec23be533d178498864a6eb879c9"
	       "96\",\"size\":1000,\"annotations\":{\"org.opencontainers.image.tit"
	       "le\":\"app.eif.part0001\",\"dev.enclavebuild.part\":\"1/3\"}},{\"m"
	       "ediaType\":\"application/vnd.aws.nitro.eif\",\"digest\":\"sha256:d"
	       "1b36c623185982a42126c71932180c1ba19ba3185a6a856a41760938e9ff112\","
	       "\"size\":1000,\"annotations\":{\"org.opencontainers.image.title\":"
	       "\"app.eif.part0002\",\"dev.enclavebuild.part\":\"2/3\"}},{\"mediaT"
	       "ype\":\"application/vnd.aws.nitro.eif\",\"digest\":\"sha256:af0c10"
	       "8fb8967f8a3a4e61404af39e0c4e46f7f2bcf356e3659d6026f071c119\",\"siz"
	       "e\":442,\"annotations\":{\"org.opencontainers.image.title\":\"app."
	       "eif.part0003\",\"dev.enclavebuild.part\":\"3/3\"}}]",
	       layers);
}

/* An exact multiple has no empty part behind it. */
TEST(push_artifact_split_even)
{
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	encl_auto(encl_artifact_clear) struct encl_artifact b = {.title = NULL};

	read_vector("signed", 1221, &a);
	EQ_INT(2, a.n_parts);
	EQ_INT(1221, a.parts[1].size);
	read_vector("signed", 2442, &b);
	EQ_INT(1, b.n_parts);
	CHECK(encl_digest_equal(&b.parts[0].digest, &b.sha256));
}

TEST(push_artifact_too_many_parts)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	const char *path = test_path("large.eif");
	static uint8_t ramdisk[5000];
	struct encl_eif_bytes bytes = {ramdisk, sizeof ramdisk};
	struct encl_eif_part parts[VECTOR_PARTS];
	encl_auto(encl_free) char *want = NULL;
	struct encl_eif_result result;

	vector_parts(parts);
	parts[4] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, &bytes);
	OK(write_image(path, ENCL_ARCH_AARCH64, parts, VECTOR_PARTS, NULL, 1, &result));
	OK(encl_eif_open(path, &eif, &e));
	want = encl_xasprintf("%s: split into %llu parts; at most 4096 are possible",
			      path, (unsigned long long)eif.size);
	FAILS(encl_artifact_read(&eif, "l.eif", 1, 1, &a, &e), ENCL_USAGE, want);
}

TEST(push_artifact_index)
{
	const struct encl_artifact_child v[] = {
		{ENCL_ARCH_AARCH64, "{\"a\":1}"},
		{ENCL_ARCH_X86_64, "{\"b\":2}"},
	};
	const struct encl_artifact_child swapped[] = {v[1], v[0]};
	encl_auto(json_decref) json_t *extra =
		json_pack("{s:s}", "org.opencontainers.image.revision", "abc");
	encl_auto(encl_free) char *a =
		encl_artifact_index(v, 2, "2024-05-06T07:08:09Z", extra);
	encl_auto(encl_free) char *b =
		encl_artifact_index(swapped, 2, "2024-05-06T07:08:09Z", extra);

	EQ_STR(a, b);
	EQ_STR("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.ind"
	       "ex.v1+json\",\"artifactType\":\"application/vnd.aws.nitro.eif\",\""
	       "manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v"
	       "1+json\",\"digest\":\"sha256:0ab1a6d394cd30195f0642b67ae1180c375ff"
	       "adf5dd7f39c390668b5fdb6da93\",\"size\":7,\"artifactType\":\"applic"
	       "ation/vnd.aws.nitro.eif\",\"platform\":{\"architecture\":\"amd64\""
	       ",\"os\":\"linux\"}},{\"mediaType\":\"application/vnd.oci.image.man"
	       "ifest.v1+json\",\"digest\":\"sha256:015abd7f5cc57a2dd94b7590f04ad8"
	       "084273905ee33ec5cebeae62276a97f862\",\"size\":7,\"artifactType\":"
	       "\"application/vnd.aws.nitro.eif\",\"platform\":{\"architecture\":"
	       "\"arm64\",\"os\":\"linux\"}}],\"annotations\":{\"org.opencontainer"
	       "s.image.created\":\"2024-05-06T07:08:09Z\",\"org.opencontainers.im"
	       "age.revision\":\"abc\"}}",
	       a);
}

TEST(push_artifact_damaged)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	const char *path = patched("signed.eif", 862, "X", 1);
	encl_auto(encl_free) char *want = encl_xasprintf(
		"%s: its bytes have the CRC-32 677442c7, the header says b07857df: the "
		"file is damaged",
		path);

	OK(encl_eif_open(path, &eif, &e));
	FAILS(encl_artifact_read(&eif, "x.eif", 0, 1, &a, &e), ENCL_MISMATCH, want);
}

TEST(push_artifact_times)
{
	CHECK(encl_artifact_is_time("2024-05-06T07:08:09Z"));
	CHECK(encl_artifact_is_time("2024-05-06T07:08:09+00:00"));
	CHECK(encl_artifact_is_time("2024-05-06T07:08:09.123456789-01:30"));
	CHECK(!encl_artifact_is_time("2024-05-06T07:08:09"));
	CHECK(!encl_artifact_is_time("2024-05-06T07:08:09."));
	CHECK(!encl_artifact_is_time("2024-05-06T07:08:09.Z"));
	CHECK(!encl_artifact_is_time("2024-05-06 07:08:09Z"));
	CHECK(!encl_artifact_is_time("2024-05-06T07:08:09+0000"));
	CHECK(!encl_artifact_is_time("2024-05-06T07:08:09+00:00x"));
	CHECK(!encl_artifact_is_time(""));
}

TEST(push_artifact_annotations)
{
	encl_auto(json_decref) json_t *v = json_object();
	encl_auto(encl_free) char *text = NULL;

	OK(encl_artifact_annotate(v, "org.opencontainers.image.source=https://x/?a=b",
				  &e));
	OK(encl_artifact_annotate(v, "empty=", &e));
	text = encl_json_compact(v);
	EQ_STR("{\"org.opencontainers.image.source\":\"https://x/?a=b\",\"empty\":\"\"}",
	       text);
	FAILS(encl_artifact_annotate(v, "empty=2", &e), ENCL_USAGE,
	      "annotation empty is given twice");
	FAILS(encl_artifact_annotate(v, "plain", &e), ENCL_USAGE,
	      "annotation \"plain\": write KEY=VALUE");
	FAILS(encl_artifact_annotate(v, "=x", &e), ENCL_USAGE,
	      "annotation \"=x\": write KEY=VALUE");
	FAILS(encl_artifact_annotate(v, "dev.enclavebuild.pcr0=00", &e), ENCL_USAGE,
	      "annotation dev.enclavebuild.pcr0: names of dev.enclavebuild.* are "
	      "enclavebuild's own");
	FAILS(encl_artifact_annotate(v, "org.opencontainers.image.created=now", &e),
	      ENCL_USAGE,
	      "annotation org.opencontainers.image.created: comes from the image");
	FAILS(encl_artifact_annotate(v, "x=\xff", &e), ENCL_USAGE,
	      "annotation \"x=\xff\" is not UTF-8");
}
