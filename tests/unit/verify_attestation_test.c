/* SPDX-License-Identifier: Apache-2.0 */
/* AWS's root, forms of a document, and lies in CBOR; whole ones: tests/cli/745. */
#include "verify/attestation.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/stream.h"
#include "sign/cbor.h"
#include "sign/ssl.h"
#include "test.h"

#define NOT "not an attestation document"

TEST(verify_attestation_root_is_awss)
{
	encl_auto(BIO_free_all) BIO *bio = BIO_new_mem_buf(encl_nitro_root_pem, -1);
	encl_auto(X509_free) X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	uint8_t digest[32];
	unsigned n = sizeof digest;
	char hex[65];

	CHECK(x && X509_digest(x, EVP_sha256(), digest, &n) == 1);
	encl_hex(digest, sizeof digest, hex);
	/* as AWS states it */
	EQ_STR("641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b", hex);
	EQ_STR(hex, encl_nitro_root_sha256);
}

TEST(verify_attestation_unwrap)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = ENCL_ATTESTATION_MAX};
	static const struct {
		const char *text, *want;
	} good[] = {
		{"8444a101", "8444a101"},
		{" 84 44\nA1 01\n", "8444a101"},
		{"hEShAQ==", "8444a101"},
		{"hEShAQ", "8444a101"},
		{"hE\nSh\nAQ==\n", "8444a101"},
		{"hP-_", "84ffbf"},
		{"hP+/", "84ffbf"},
	};
	static const char *const bad[] = {"",	   " ",	     "=",	"hESh=", "h",
					  "hEShA", "hE=hAQ", "hES\xff", "===="};
	char hex[32];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		OK(encl_attestation_unwrap((const uint8_t *)good[i].text,
					   strlen(good[i].text), &b, &e));
		encl_hex(b.data, b.len, hex);
		EQ_STR(good[i].want, hex);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		FAILS(encl_attestation_unwrap((const uint8_t *)bad[i], strlen(bad[i]), &b,
					      &e),
		      ENCL_FAILED, NOT ", nor one in hex or base64");
}

static void
load(struct encl_buf *out)
{
	char *text;
	size_t n;

	OK(encl_read_file("tests/support/attestation/aws-2026.b64", 65536, &text, &n,
			  &e));
	OK(encl_attestation_unwrap((const uint8_t *)text, n, out, &e));
	free(text);
}

/* Of AWS's hypervisor: its payload's map is of indefinite length. */
TEST(verify_attestation_reads)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = ENCL_ATTESTATION_MAX};
	struct encl_attestation a;
	struct encl_registers r;

	load(&b);
	OK(encl_attestation_read(b.data, b.len, &a, &e));
	EQ_STR("i-0368fa67e156d6d23-enc019b8596b1a9dad6", a.module);
	EQ_INT(1767472867402, a.timestamp);
	EQ_INT(0xffff, a.has);
	EQ_INT(4, a.n_cabundle);
	EQ_INT(20, a.user_data.n);
	CHECK(!a.nonce.p && !a.public_key.p);
	EQ_INT(0xbf, a.payload.p[0]);
	CHECK(!encl_attestation_is_debug(&a));
	encl_attestation_registers(&a, &r);
	CHECK(r.v[15] && !r.v[16]);
}

/* Any single byte changed is refused, be it by reading or by a check; so is each
 * length. */
TEST(verify_attestation_altered)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = ENCL_ATTESTATION_MAX};
	const struct encl_attestation_wish wish = {
		.at = 1767474000, .aged = true, .max_age = 3600};
	struct encl_attestation a;

	load(&b);
	for (size_t i = 0; i < b.len; i++)
		CHECK(encl_attestation_read(b.data, i, &a, &e) == -1);
	for (size_t i = 0; i < b.len; i += 13) {
		encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};

		b.data[i] ^= 0x20;
		if (encl_attestation_read(b.data, b.len, &a, &e) == 0) {
			OK(encl_attestation_check(&a, &wish, &checks, &e));
			CHECK(!encl_checks_passed(&checks));
		}
		b.data[i] ^= 0x20;
	}
	{
		encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};

		OK(encl_attestation_read(b.data, b.len, &a, &e));
		OK(encl_attestation_check(&a, &wish, &checks, &e));
		CHECK(encl_checks_passed(&checks));
		CHECK(!encl_checks_compared(&checks));
	}
}

/* What a head promises is never allocated, and ends with the bytes. */
TEST(verify_attestation_lies)
{
	static const struct {
		const char *hex, *why;
	} lies[] = {
		{"9bffffffffffffffff", "no COSE_Sign1"},
		{"84", "it ends too early"},
		{"845bffffffffffffffff", "it ends too early"},
		{"8444a1013822bbffffffffffffffff", "it has unprotected headers"},
		{"8443a10126a04100", "its signature's algorithm is not ES384"},
		{"8444a1013822a0405860", "it ends too early"},
		{"d2d28444a1013822", "no COSE_Sign1"},
	};
	uint8_t bytes[64];
	char want[128];
	struct encl_attestation a;

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		size_t n = strlen(lies[i].hex) / 2;

		CHECK(encl_unhex(lies[i].hex, bytes, n));
		(void)snprintf(want, sizeof want, NOT ": %s", lies[i].why);
		FAILS(encl_attestation_read(bytes, n, &a, &e), ENCL_FAILED, want);
	}
}

/* A payload in a COSE_Sign1 with a signature of zeros. */
static int
read_payload(const struct encl_buf *payload)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 65536};
	static const uint8_t rs[96];
	struct encl_attestation a;

	encl_cbor_add_array(&b, 4);
	encl_cbor_add_bytes(&b, "\xa1\x01\x38\x22", 4);
	encl_cbor_add_map(&b, 0);
	encl_cbor_add_bytes(&b, payload->data, payload->len);
	encl_cbor_add_bytes(&b, rs, sizeof rs);
	return encl_attestation_read(b.data, b.len, &a, &e);
}

TEST(verify_attestation_lies_in_payload)
{
	static const struct {
		const char *field, *hex, *why;
	} lies[] = {
		{"pcrs", "bbffffffffffffffff", "pcrs: not a map"},
		{"pcrs", "bbfffffffffffffffe", "it ends too early"},
		{"pcrs", "bf", "it ends too early"},
		{"pcrs", "a120", "pcrs: an index is not a number from 0 to 31"},
		{"pcrs", "80", "pcrs: not a map"},
		{"cabundle", "9bffffffffffffffff", "cabundle: not an array"},
		{"cabundle", "9bfffffffffffffffe", "it ends too early"},
		{"cabundle", "8140", "cabundle: 0 bytes, not 1 to 1024"},
		{"cabundle", "9f00", "cabundle: not a byte string"},
		{"certificate", "590401", "it ends too early"},
		{"certificate", "f6", "certificate: not a byte string"},
		{"timestamp", "20", "timestamp: not a time in milliseconds"},
		{"timestamp", "1bffffffffffffffff",
		 "timestamp: not a time in milliseconds"},
		{"timestamp", "fb4000000000000000",
		 "timestamp: not a time in milliseconds"},
		{"module_id", "60", "module_id: empty"},
		{"module_id", "7f6161ff", "module_id: not a text"},
		{"public_key", "40", "public_key: 0 bytes, not 1 to 1024"},
		{"user_data", "f5", "user_data: not a byte string"},
		{"nonce", "40", "module_id: is missing"},
		{"\x1b[2J", "40", "\"?[2J\" is no field of one"},
	};
	uint8_t bytes[64];
	char want[128];

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4096};
		size_t n = strlen(lies[i].hex) / 2;

		CHECK(encl_unhex(lies[i].hex, bytes, n));
		encl_cbor_add_map(&b, 1);
		encl_cbor_add_text(&b, lies[i].field);
		encl_buf_add(&b, bytes, n);
		(void)snprintf(want, sizeof want, NOT ": %s", lies[i].why);
		FAILS(read_payload(&b), ENCL_FAILED, want);
	}
}

/* SHA384(48 zeros || "i-0368fa67e156d6d23"), as it is in AWS's document. */
TEST(verify_attestation_parent)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = ENCL_ATTESTATION_MAX};
	struct encl_attestation a;
	struct encl_pcr pcr;

	load(&b);
	OK(encl_attestation_read(b.data, b.len, &a, &e));
	encl_attestation_text_pcr("i-0368fa67e156d6d23", &pcr);
	EQ_MEM(a.pcrs[4].bytes, ENCL_PCR_SIZE, pcr.bytes, ENCL_PCR_SIZE);
}
