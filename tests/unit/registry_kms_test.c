/* SPDX-License-Identifier: Apache-2.0 */
/* Names of keys in KMS, and its answers; signing itself: tests/cli/757. */
#include <stdlib.h>

#include "registry/kms.h"
#include "test.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define MRK  "mrk-0123456789abcdef0123456789abcdef"
#define ARN  "arn:aws:kms:eu-central-1:123456789012:key/" UUID

static void
is_at(const char *arn, const char *region, const char *url)
{
	struct encl_kms_arn a;

	CHECK(encl_kms_arn_parse(arn, &a) == NULL);
	EQ_STR(region, a.region);
	EQ_STR(url, a.url);
}

TEST(registry_kms_arn)
{
	unsetenv("AWS_USE_FIPS_ENDPOINT");
	is_at(ARN, "eu-central-1", "https://kms.eu-central-1.amazonaws.com");
	is_at("arn:aws-cn:kms:cn-north-1:123456789012:key/" MRK, "cn-north-1",
	      "https://kms.cn-north-1.amazonaws.com.cn");
	is_at("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/" UUID, "us-gov-west-1",
	      "https://kms.us-gov-west-1.amazonaws.com");
	is_at("arn:aws-eusc:kms:eusc-de-east-1:123456789012:key/" UUID, "eusc-de-east-1",
	      "https://kms.eusc-de-east-1.amazonaws.eu");
	setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
	is_at(ARN, "eu-central-1", "https://kms-fips.eu-central-1.amazonaws.com");
	unsetenv("AWS_USE_FIPS_ENDPOINT");
}

TEST(registry_kms_names)
{
	CHECK(encl_kms_is_name("alias/x"));
	CHECK(encl_kms_is_name(UUID));
	CHECK(encl_kms_is_name(MRK));
	CHECK(!encl_kms_is_name("sign.key"));
	CHECK(!encl_kms_is_name("mrk-0123"));
	CHECK(!encl_kms_is_name(UUID "0"));
	CHECK(!strncmp("is an alias, ", encl_kms_arn_parse("alias/x", NULL), 13));
	CHECK(!strncmp("is an id, ", encl_kms_arn_parse(MRK, NULL), 10));
	CHECK(!strncmp("is not the ARN", encl_kms_arn_parse(ARN "0", NULL), 14));
	CHECK(!strncmp("is not the ARN", encl_kms_arn_parse("arn:", NULL), 14));
	EQ_STR("is of a partition that is not known here",
	       encl_kms_arn_parse("arn:aws-x:kms:r-1:123456789012:key/" UUID, NULL));
}

static int
key(const char *text)
{
	encl_auto(encl_kms_key_clear) struct encl_kms_key k = {0};

	return encl_kms_read_key(text, strlen(text), ARN, &k, &e);
}
#define KEY(usage, spec, public)                                                         \
	"{\"KeyId\":\"" ARN "\",\"KeyUsage\":\"" usage "\",\"KeySpec\":\"" spec          \
	"\",\"PublicKey\":\"" public "\"}"

TEST(registry_kms_key_answers)
{
	encl_auto(encl_kms_key_clear) struct encl_kms_key k = {0};
	static const char good[] = KEY("SIGN_VERIFY", "ECC_NIST_P384", "AAEC/w==");

	OK(encl_kms_read_key(good, sizeof good - 1, ARN, &k, &e));
	EQ_STR("ECC_NIST_P384", k.spec);
	EQ_INT(4, k.der.len);
	EQ_MEM("\0\1\2\xff", 4, k.der.data, k.der.len);
	FAILS(key("[]"), ENCL_NETWORK, "answer: \"KeyId\" is missing or not a string");
	FAILS(key("{\"KeyId\":\"\x1b\"}"), ENCL_NETWORK, "answer: not JSON");
	FAILS(key("{\"KeyId\":\"arn\"}"), ENCL_NETWORK,
	      "answer: \"KeyId\" is not what was asked for");
	FAILS(key(KEY("ENCRYPT_DECRYPT", "ECC_NIST_P384", "AAAA")), ENCL_SIGN,
	      "its key usage is ENCRYPT_DECRYPT, not SIGN_VERIFY");
	FAILS(key(KEY("SIGN_VERIFY", "ECC_SECG_P256K1\\u001b", "AAAA")), ENCL_SIGN,
	      "its key spec is ECC_SECG_P256K1\\x1b; images are signed with "
	      "ECC_NIST_P256, ECC_NIST_P384 or ECC_NIST_P521");
	FAILS(key(KEY("SIGN_VERIFY", "ECC_NIST_P384", "")), ENCL_NETWORK,
	      "answer: \"PublicKey\" is not base64 of at most 1024 bytes");
	FAILS(key(KEY("SIGN_VERIFY", "ECC_NIST_P384", "AA=A")), ENCL_NETWORK,
	      "answer: \"PublicKey\" is not base64 of at most 1024 bytes");
}

static int
signature(const char *text, struct encl_buf *der)
{
	return encl_kms_read_signature(text, strlen(text), ARN, "ECDSA_SHA_256", der, &e);
}
#define SIGNATURE(algorithm, value)                                                      \
	"{\"KeyId\":\"" ARN "\",\"SigningAlgorithm\":\"" algorithm                       \
	"\",\"Signature\":\"" value "\"}"

TEST(registry_kms_signature_answers)
{
	encl_auto(encl_buf_clear) struct encl_buf der = {.cap = ENCL_KMS_DER_MAX};

	OK(signature(SIGNATURE("ECDSA_SHA_256", "MAYCAQUCAQc="), &der));
	EQ_MEM("\x30\x06\x02\x01\x05\x02\x01\x07", 8, der.data, der.len);
	FAILS(signature(SIGNATURE("ECDSA_SHA_384", "MAYCAQUCAQc="), &der), ENCL_NETWORK,
	      "answer: \"SigningAlgorithm\" is not what was asked for");
	FAILS(signature(SIGNATURE("ECDSA_SHA_256", "MAYCAQUCAQc\\u000a="), &der),
	      ENCL_NETWORK, "answer: \"Signature\" is not base64 of at most 1024 bytes");
}
