/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: the golden vectors byte for byte, limits, lying parts. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "eif.h"
#include "test.h"

static const char *
expected(const char *key)
{
	static json_t *all;
	const char *s;

	if (!all)
		OK(encl_json_read(VECTORS "expect.json", 65536, &all, &e));
	OK(encl_json_str(all, key, "expect.json", &s, &e));
	return s;
}

static void
check_result(const struct encl_eif_result *r, const char *crc, const char *sha256)
{
	char text[ENCL_DIGEST_TEXT];
	char hex[16];

	EQ_STR(expected("pcr0"), pcr_hex(&r->measurements.pcr0));
	EQ_STR(expected("pcr1"), pcr_hex(&r->measurements.pcr1));
	EQ_STR(expected("pcr2"), pcr_hex(&r->measurements.pcr2));
	snprintf(hex, sizeof hex, "%08x", r->crc);
	EQ_STR(expected(crc), hex);
	encl_digest_format(&r->sha256, text);
	EQ_STR(expected(sha256), text + strlen("sha256:"));
}

TEST(eif_write_unsigned_vector)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	for (unsigned jobs = 1; jobs <= 3; jobs++) {
		const char *path = test_path("out.eif");

		OK(write_image(path, ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, jobs,
			       &r));
		eq_file(vector("unsigned.eif"), path);
		check_result(&r, "unsigned_crc", "unsigned_sha256");
		EQ_INT(869, r.size);
		CHECK(!r.measurements.has_pcr8);
	}
}

TEST(eif_write_signed_vector)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = vector_signer();
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	for (unsigned jobs = 1; jobs <= 3; jobs++) {
		const char *path = test_path("out.eif");

		OK(write_image(path, ENCL_ARCH_X86_64, parts, VECTOR_PARTS,
			       encl_key_signer_base(s), jobs, &r));
		eq_file(vector("signed.eif"), path);
		check_result(&r, "signed_crc", "signed_sha256");
		CHECK(r.measurements.has_pcr8);
		EQ_STR(expected("pcr8"), pcr_hex(&r.measurements.pcr8));
	}
}

TEST(eif_write_sizes_unknown_beforehand)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;
	const char *path = test_path("out.eif");

	vector_parts(parts);
	for (size_t i = 0; i < VECTOR_PARTS; i++) {
		parts[i].size = UINT64_MAX;
		parts[i].crc_known = false;
	}
	OK(write_image(path, ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 2, &r));
	eq_file(vector("unsigned.eif"), path);
	check_result(&r, "unsigned_crc", "unsigned_sha256");
	parts[4].size = vector("ramdisk1")->n; /* known, but for its CRC */
	OK(write_image(path, ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 2, &r));
	eq_file(vector("unsigned.eif"), path);
}

TEST(eif_write_over_a_longer_file)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;
	const char *path = test_path("out.eif");
	encl_auto(encl_close_fd) int fd = open(path, O_RDWR | O_CREAT, 0644);

	vector_parts(parts);
	EQ_INT(0, ftruncate(fd, 100000));
	OK(encl_eif_write(fd, ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 1, &r, &e));
	eq_file(vector("unsigned.eif"), path);
}

TEST(eif_write_aarch64_differs_in_the_flag_and_crc_only)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	encl_auto(encl_free) uint8_t *want =
		encl_xmemdup(vector("unsigned.eif")->p, vector("unsigned.eif")->n);
	struct encl_eif_bytes bytes = {want, vector("unsigned.eif")->n};
	struct encl_eif_result r;
	const char *path = test_path("arm.eif");

	vector_parts(parts);
	OK(write_image(path, ENCL_ARCH_AARCH64, parts, VECTOR_PARTS, NULL, 1, &r));
	want[7] = 1;
	want[544] = (uint8_t)(r.crc >> 24);
	want[545] = (uint8_t)(r.crc >> 16);
	want[546] = (uint8_t)(r.crc >> 8);
	want[547] = (uint8_t)r.crc;
	eq_file(&bytes, path);
	EQ_STR(expected("pcr0"), pcr_hex(&r.measurements.pcr0));
}

/* n ramdisks of one byte each. */
static int
write_many(size_t n, struct encl_eif_signer *signer, struct encl_eif_result *r)
{
	static struct encl_eif_bytes one = {"x", 1};
	struct encl_eif_part parts[40];

	vector_parts(parts);
	for (size_t i = 0; i < n; i++)
		parts[3 + i] = encl_eif_part_bytes(ENCL_SECTION_RAMDISK, &one);
	return write_image(test_path("many.eif"), ENCL_ARCH_X86_64, parts, 3 + n, signer,
			   2, r);
}

TEST(eif_write_section_limits)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = vector_signer();
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_eif_result r;

	OK(write_many(29, NULL, &r));
	OK(encl_eif_open(test_path("many.eif"), &eif, &e));
	EQ_INT(32, eif.n_sections);
	FAILS(encl_eif_resign(&eif, 0, encl_key_signer_base(s), 1, &r, &e), ENCL_FAILED,
	      "29 ramdisks; a signed image holds at most 28");
	OK(write_many(28, encl_key_signer_base(s), &r));
	FAILS(write_many(30, NULL, &r), ENCL_FAILED,
	      "30 ramdisks; an unsigned image holds at most 29");
	FAILS(write_many(29, encl_key_signer_base(s), &r), ENCL_FAILED,
	      "29 ramdisks; a signed image holds at most 28");
	FAILS(write_many(0, NULL, &r), ENCL_FAILED,
	      "an image needs at least one ramdisk");
}

TEST(eif_write_one_ramdisk)
{
	struct encl_eif_result r;

	OK(write_many(1, NULL, &r));
	EQ_STR(pcr_hex(&r.measurements.pcr0), pcr_hex(&r.measurements.pcr1));
	EQ_STR("21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c"
	       "10edb30948c90ba67310f7b964fc500a",
	       pcr_hex(&r.measurements.pcr2));
}

static int
write_with(size_t i, enum encl_section_type type, struct encl_eif_bytes bytes)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	parts[i] = encl_eif_part_bytes(type, &bytes);
	return write_image(test_path("with.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS,
			   NULL, 2, &r);
}

TEST(eif_write_bad_parts)
{
	static char long_line[2048];

	FAILS(write_with(0, ENCL_SECTION_RAMDISK, *vector("kernel")), ENCL_FAILED,
	      "part 0 of the image must be the kernel");
	FAILS(write_with(2, ENCL_SECTION_RAMDISK, *vector("kernel")), ENCL_FAILED,
	      "part 2 of the image must be the metadata");
	FAILS(write_with(4, ENCL_SECTION_KERNEL, *vector("kernel")), ENCL_FAILED,
	      "part 4 of the image must be the ramdisk");
	FAILS(write_with(0, ENCL_SECTION_KERNEL, (struct encl_eif_bytes){"", 0}),
	      ENCL_FAILED, "the kernel is empty");
	FAILS(write_with(1, ENCL_SECTION_CMDLINE, (struct encl_eif_bytes){"a b\n", 4}),
	      ENCL_FAILED,
	      "kernel command line: byte 3 is a newline; it has to be one line of text");
	FAILS(write_with(1, ENCL_SECTION_CMDLINE, (struct encl_eif_bytes){"a\0b", 3}),
	      ENCL_FAILED,
	      "kernel command line: byte 1 is a NUL; it has to be one line of text");
	memset(long_line, 'x', sizeof long_line);
	FAILS(write_with(1, ENCL_SECTION_CMDLINE,
			 (struct encl_eif_bytes){long_line, 2048}),
	      ENCL_FAILED, "kernel command line: 2048 bytes; kernels take at most 2047");
	OK(write_with(1, ENCL_SECTION_CMDLINE, (struct encl_eif_bytes){long_line, 2047}));
	OK(write_with(3, ENCL_SECTION_RAMDISK, (struct encl_eif_bytes){"", 0}));
}

static int
write_lie(uint64_t size, uint32_t crc, bool crc_known, unsigned jobs)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	parts[4].size = size;
	parts[4].crc = crc;
	parts[4].crc_known = crc_known;
	return write_image(test_path("lie.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS,
			   NULL, jobs, &r);
}

TEST(eif_write_parts_that_changed)
{
	FAILS(write_lie(8, 0, false, 2), ENCL_FAILED,
	      "ramdisk 1: larger than 8 bytes: it changed while it was read");
	FAILS(write_lie(10, 0, false, 1), ENCL_FAILED,
	      "ramdisk 1 has 9 bytes, 10 were announced: it changed while it was read");
	FAILS(write_lie(9, 1, true, 2), ENCL_FAILED,
	      "ramdisk 1 has the CRC-32 942f0c57, 00000001 was announced: it changed while "
	      "it was read");
	FAILS(write_lie(UINT64_MAX - 1, 0, true, 1), ENCL_FAILED,
	      "the image would be larger than 9223372036854775807 bytes");
	FAILS(write_lie(UINT64_MAX - 1, 0, false, 1), ENCL_FAILED,
	      "ramdisk 1: the image would be larger than 9223372036854775807 bytes");
}

static int
produce_error(void *arg, struct encl_sink *out, struct encl_err *err)
{
	(void)arg;
	if (encl_sink_zeros(out, 3000000, err))
		return -1;
	return encl_fail(err, ENCL_NETWORK, "gone");
}

TEST(eif_write_producer_fails)
{
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	parts[4] = (struct encl_eif_part){.type = ENCL_SECTION_RAMDISK,
					  .produce = produce_error,
					  .size = UINT64_MAX};
	FAILS(write_image(test_path("x.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL,
			  2, &r),
	      ENCL_NETWORK, "ramdisk 1: gone");
}

TEST(eif_write_disk_full)
{
	encl_auto(encl_close_fd) int fd = open("/dev/full", O_RDWR);
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result r;

	vector_parts(parts);
	FAILS(encl_eif_write(fd, ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 2, &r, &e),
	      ENCL_FAILED, "write the image: No space left on device");
}

/* Ramdisks much larger than the ring, of many small writes. */
static int
produce_pattern(void *arg, struct encl_sink *out, struct encl_err *err)
{
	const uint64_t *size = arg;
	uint8_t buf[7001];

	for (uint64_t at = 0; at < *size;) {
		size_t n = *size - at < sizeof buf ? (size_t)(*size - at) : sizeof buf;

		memset(buf, (int)(at % 251), n);
		if (encl_sink_write(out, buf, n, err))
			return -1;
		at += n;
	}
	return 0;
}

TEST(eif_write_large_parts_same_for_any_jobs)
{
	uint64_t sizes[2] = {5000001, 11000003};
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result a, b;
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_measurements m;
	struct encl_digest sha256;
	uint32_t crc;

	vector_parts(parts);
	for (size_t i = 0; i < 2; i++)
		parts[3 + i] = (struct encl_eif_part){.type = ENCL_SECTION_RAMDISK,
						      .produce = produce_pattern,
						      .arg = &sizes[i],
						      .size = sizes[i]};
	OK(write_image(test_path("a.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 1,
		       &a));
	OK(encl_eif_open(test_path("a.eif"), &eif, &e));
	for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
		OK(encl_eif_measure(&eif, jobs, &m, &crc, &sha256, &e));
		EQ_MEM(&a.measurements, sizeof m, &m, sizeof m);
		EQ_INT(a.crc, crc);
		EQ_INT(eif.crc, crc);
		CHECK(encl_digest_equal(&a.sha256, &sha256));
	}
	OK(encl_eif_measure_parts(parts, VECTOR_PARTS, 2, &m, &e));
	EQ_MEM(&a.measurements, sizeof m, &m, sizeof m);
	OK(write_image(test_path("b.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 2,
		       &b));
	CHECK(encl_digest_equal(&a.sha256, &b.sha256));
	EQ_INT(5000001 + 11000003 + 828 + 24, a.size);
}

struct crc_sink {
	struct encl_sink sink;
	uint32_t crc;
};

static int
add_crc(struct encl_sink *sink, const void *p, size_t n, struct encl_err *err)
{
	struct crc_sink *s = (struct crc_sink *)sink;

	(void)err;
	s->crc = encl_crc32(s->crc, p, n);
	return 0;
}

/* With all CRCs known whole blocks go to the disk directly: as read back. */
TEST(eif_write_large_parts_known_beforehand)
{
	uint64_t sizes[2] = {5000001, 11000003};
	struct encl_eif_part parts[VECTOR_PARTS];
	struct encl_eif_result first, r;

	vector_parts(parts);
	for (size_t i = 0; i < 2; i++) {
		struct crc_sink sum = {.sink.write = add_crc};

		OK(produce_pattern(&sizes[i], &sum.sink, &e));
		parts[3 + i] = (struct encl_eif_part){ENCL_SECTION_RAMDISK,
						      produce_pattern,
						      &sizes[i],
						      sizes[i],
						      sum.crc,
						      false};
	}
	OK(write_image(test_path("a.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS, NULL, 1,
		       &first));
	parts[3].crc_known = parts[4].crc_known = true;
	for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
		encl_auto(encl_close_fd) int fd = -1;
		struct encl_digest sha256;
		uint64_t size;

		OK(write_image(test_path("b.eif"), ENCL_ARCH_X86_64, parts, VECTOR_PARTS,
			       NULL, jobs, &r));
		fd = open(test_path("b.eif"), O_RDONLY | O_CLOEXEC);
		OK(encl_digest_fd(ENCL_SHA256, fd, &sha256, &size, &e));
		EQ_INT(first.size, size);
		CHECK(encl_digest_equal(&first.sha256, &sha256));
		CHECK(encl_digest_equal(&first.sha256, &r.sha256));
		EQ_MEM(&first.measurements, sizeof r.measurements, &r.measurements,
		       sizeof r.measurements);
	}
}

TEST(eif_measure_json)
{
	struct encl_measurements m = {.has_pcr8 = true};
	encl_auto(json_decref) json_t *v = encl_measurements_json(&m);
	encl_auto(encl_free) char *text = encl_json_compact(v);
	char zeros[2 * ENCL_PCR_SIZE + 1];
	encl_auto(encl_free) char *want = NULL;

	memset(zeros, '0', sizeof zeros);
	zeros[96] = 0;
	want = encl_xasprintf("{\"Measurements\":{\"HashAlgorithm\":\"Sha384 { ... }\","
			      "\"PCR0\":\"%s\",\"PCR1\":\"%s\",\"PCR2\":\"%s\","
			      "\"PCR8\":\"%s\"}}",
			      zeros, zeros, zeros, zeros);
	EQ_STR(want, text);
}

TEST(eif_measure_streams)
{
	encl_auto(encl_measure_free) struct encl_measure *m = encl_measure_new();
	static const char *const names[] = {"kernel", "cmdline", "ramdisk0", "ramdisk1"};
	static const enum encl_section_type types[] = {
		ENCL_SECTION_KERNEL, ENCL_SECTION_CMDLINE, ENCL_SECTION_RAMDISK,
		ENCL_SECTION_RAMDISK};
	struct encl_measurements got;

	for (size_t i = 0; i < 4; i++) {
		const struct encl_eif_bytes *v = vector(names[i]);

		encl_measure_begin(m, types[i]);
		encl_measure_update(m, v->p, 3);
		encl_measure_update(m, (const uint8_t *)v->p + 3, v->n - 3);
	}
	encl_measure_final(m, &got);
	EQ_STR(expected("pcr0"), pcr_hex(&got.pcr0));
	EQ_STR(expected("pcr1"), pcr_hex(&got.pcr1));
	EQ_STR(expected("pcr2"), pcr_hex(&got.pcr2));
}

TEST(eif_cmdline_defaults)
{
	EQ_STR("reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux "
	       "i8042.nopnp i8042.dumbkbd random.trust_cpu=on",
	       encl_cmdline_default(ENCL_ARCH_X86_64, ENCL_ROOT_CPIO));
	EQ_STR("reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on",
	       encl_cmdline_default(ENCL_ARCH_AARCH64, ENCL_ROOT_CPIO));
	EQ_STR("reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on "
	       "rootfstype=ramfs",
	       encl_cmdline_default(ENCL_ARCH_AARCH64, ENCL_ROOT_SQUASHFS));
	OK(encl_cmdline_check("", 0, &e));
}

static void
metadata_is(const char *config, const char *custom, const char *kernel, const char *tail)
{
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *want = NULL;
	encl_auto(encl_free) char *got = NULL;

	if (custom)
		OK(encl_json_parse(custom, strlen(custom), "custom", &v, &e));
	got = encl_metadata_text("hello", "1.2", 1500000000, config, v);
	want = encl_xasprintf(
		"{\"ImageName\":\"hello\",\"ImageVersion\":\"1.2\",\"BuildMetadata\":{"
		"\"BuildTime\":\"2017-07-14T02:40:00+00:00\",\"BuildTool\":\"enclavebuild\","
		"\"BuildToolVersion\":\"" ENCL_VERSION "\",\"OperatingSystem\":\"Linux\","
		"\"KernelVersion\":\"%s\"},\"DockerInfo\":null,\"CustomMetadata\":%s}",
		kernel, tail);
	EQ_STR(want, got);
}

TEST(eif_metadata_text)
{
	metadata_is("#\n# Automatically generated file; DO NOT EDIT.\n"
		    "# Linux/x86_64 4.14.256-209.484.amzn2 Kernel Configuration\n#\n",
		    NULL, "4.14.256", "null");
	metadata_is("#\n#\n# Linux/x86 6.1.140 Kernel Configuration\n",
		    "{\"b\":{\"z\":1,\"y\":[]},\"a\":\"\\u00e9\"}", "6.1.140",
		    "{\"a\":\"\\u00E9\",\"b\":{\"y\":[],\"z\":1}}");
	metadata_is(NULL, "[1]", "unknown", "[1]");
	metadata_is("", NULL, "unknown", "null");
	metadata_is("one\ntwo\n", NULL, "unknown", "null");
	metadata_is("one\ntwo\nthree", NULL, "unknown", "null");
	metadata_is("\n\n# Linux/\n6.1", NULL, "unknown", "null");
}
