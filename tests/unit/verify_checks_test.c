/* SPDX-License-Identifier: Apache-2.0 */
/* Checks, expected registers, owners. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "test.h"
#include "verify/checks.h"
#include "verify/expect.h"
#include "verify/owner.h"

#define HEX16 "0123456789abcdef"
#define HEX96 HEX16 HEX16 HEX16 HEX16 HEX16 HEX16

TEST(verify_checks_fail_closed)
{
	encl_auto(encl_checks_clear) struct encl_checks c = {.n = 0};
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *text = NULL;

	EQ_INT(true, encl_checks_passed(&c));
	EQ_INT(false, encl_checks_compared(&c));
	(void)encl_checks_add(&c, "crc", ENCL_CHECK_PASS, "%08x", 0x1234);
	EQ_INT(false, encl_checks_compared(&c));
	encl_checks_compare(&c, "PCR0", "a.json", "00", "00");
	EQ_INT(true, encl_checks_compared(&c));
	EQ_INT(true, encl_checks_passed(&c));
	encl_checks_compare(&c, "PCR8", "b.json", "01", NULL);
	EQ_INT(false, encl_checks_passed(&c));
	EQ_STR("b.json expects 01, there is none", encl_checks_first_failed(&c)->text);
	v = encl_checks_json(&c);
	text = encl_json_compact(v);
	EQ_STR(text,
	       "[{\"Name\":\"crc\",\"Verdict\":\"pass\",\"Text\":\"00001234\"},"
	       "{\"Name\":\"PCR0\",\"Verdict\":\"pass\",\"Text\":\"as a.json has it\","
	       "\"Source\":\"a.json\",\"Expected\":\"00\",\"Got\":\"00\"},"
	       "{\"Name\":\"PCR8\",\"Verdict\":\"fail\","
	       "\"Text\":\"b.json expects 01, there is none\","
	       "\"Source\":\"b.json\",\"Expected\":\"01\"}]");
}

TEST(verify_checks_that_were_not_made)
{
	encl_auto(encl_checks_clear) struct encl_checks c = {.n = 0};

	encl_checks_need(&c, "chain");
	EQ_INT(1, c.n);
	EQ_INT(false, encl_checks_passed(&c));
	EQ_STR("chain", c.v[0].name);
	EQ_STR("could not be checked", c.v[0].text);
	encl_checks_need(&c, "dates"); /* that is enough */
	EQ_INT(1, c.n);
	encl_checks_clear(&c);
	(void)encl_checks_add(&c, "chain", ENCL_CHECK_PASS, "all");
	encl_checks_need(&c, "chain");
	EQ_INT(1, c.n);
	EQ_INT(true, encl_checks_passed(&c));
}

TEST(verify_expectations)
{
	encl_auto(encl_expectations_clear) struct encl_expectations x = {.n = 0};
	encl_auto(encl_checks_clear) struct encl_checks c = {.n = 0};
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_measurements m = {.has_pcr8 = false};
	struct encl_registers r;

	OK(encl_expect_hex(&x, 0, HEX96, "--pcr0", &e));
	FAILS(encl_expect_hex(&x, 1, "00", "--pcr1", &e), ENCL_USAGE,
	      "--pcr1: a PCR is 96 hex digits (SHA-384)");
	FAILS(encl_expect_hex(&x, 32, HEX96, "--pcr", &e), ENCL_USAGE,
	      "--pcr: there is no PCR32: 0 to 31");
	FAILS(encl_expect_hex(&x, 0,
			      "000000000000000000000000000000000000000000000000"
			      "000000000000000000000000000000000000000000000000",
			      "--pcr0", &e),
	      ENCL_USAGE,
	      "--pcr0: all zero is what every enclave in debug mode has, and no "
	      "measurement");
	doc = json_pack("{s:{s:s, s:s, s:s}}", "Measurements", "HashAlgorithm",
			"Sha384 { ... }", "PCR0", HEX96, "PCR8", HEX96);
	OK(encl_expect_document(&x, doc, "m.json", &e));
	EQ_INT(3, x.n);
	EQ_INT(8, x.v[2].pcr);
	json_object_set_new(json_object_get(doc, "Measurements"), "pcr1",
			    json_string(HEX96));
	FAILS(encl_expect_document(&x, doc, "m.json", &e), ENCL_FAILED,
	      "m.json: \"pcr1\" is no register; they are written PCR0 to PCR31");
	json_object_del(json_object_get(doc, "Measurements"), "pcr1");
	json_object_set_new(json_object_get(doc, "Measurements"), "PCR1",
			    json_string("12"));
	FAILS(encl_expect_document(&x, doc, "m.json", &e), ENCL_FAILED,
	      "m.json: a PCR is 96 hex digits (SHA-384)");
	json_object_del(json_object_get(doc, "Measurements"), "PCR0");
	FAILS(encl_expect_document(&x, doc, "m.json", &e), ENCL_FAILED,
	      "m.json: has no Measurements.PCR0");
	(void)encl_unhex(HEX96, m.pcr0.bytes, ENCL_PCR_SIZE);
	encl_registers_of(&m, &r);
	encl_expect_check(&x, &r, &c);
	EQ_INT(ENCL_CHECK_PASS, c.v[0].verdict);
	EQ_STR("PCR8", c.v[2].name);
	EQ_INT(ENCL_CHECK_FAIL, c.v[2].verdict);
}

TEST(verify_owners)
{
	encl_auto(encl_origins_free) struct encl_origins *o = encl_origins_new();
	const struct encl_owner libc = {"package", "libc6 2.36-9", "rootfs[0]", 12};
	const struct encl_owner file = {"file", "./a", NULL, 0};
	encl_auto(encl_free) char *a = encl_owner_text(&libc, "enclave.yaml");
	encl_auto(encl_free) char *b = encl_owner_text(&libc, NULL);
	encl_auto(encl_free) char *c = encl_owner_text(&file, "enclave.yaml");

	EQ_STR("package libc6 2.36-9 (rootfs[0], enclave.yaml:12)", a);
	EQ_STR("package libc6 2.36-9 (rootfs[0])", b);
	EQ_STR("file ./a", c);
	encl_origins_add(o, "rootfs/a", &libc);
	encl_origins_add(o, "rootfs/b", &libc);
	encl_origins_add(o, "rootfs/a", &file);
	EQ_STR("./a", encl_origins_find(o, "rootfs/a")->name);
	EQ_STR("libc6 2.36-9", encl_origins_find(o, "rootfs/b")->name);
	EQ_INT(true, encl_origins_find(o, "rootfs/c") == NULL);
}
