/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for the tests are made here; the vectors are fixed. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "eif.h"
#include "sign/backend.h"
#include "sign/cbor.h"
#include "sign/ecdsa.h"
#include "sign/signature.h"
#include "sign/ssl.h"
#include "test.h"

/* ---- RFC 6979 A.2.5 to A.2.7 ---- */

struct rfc6979 {
	const char *group, *message, *x, *r, *s;
};
#define P256_X "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"
#define P384_X                                                                           \
	"6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A8" \
	"25F872C9EA60D2EDF5"
#define P521_X                                                                           \
	"00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F4" \
	"7C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538"
static const struct rfc6979 rfc6979[] = {
	{"prime256v1", "sample", P256_X,
	 "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
	 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
	{"prime256v1", "test", P256_X,
	 "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
	 "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
	{"secp384r1", "sample", P384_X,
	 "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
	 "81A648152E44ACF96E36DD1E80FABE46",
	 "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
	 "A329C145786E679E7B82C71A38628AC8"},
	{"secp384r1", "test", P384_X,
	 "8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36AB775D509D7A5FEB"
	 "0542A7F0812998DA8F1DD3CA3CF023DB",
	 "DDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B827C2F13173923E0"
	 "6A739F040649A667BF3B828246BAA5A5"},
	{"secp521r1", "sample", P521_X,
	 "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017"
	 "B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
	 "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B"
	 "5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A"},
	{"secp521r1", "test", P521_X,
	 "013E99020ABF5CEE7525D16B69B229652AB6BDF2AFFCAEF38773B4B7D08725F10CDB93482FDCC5"
	 "4EDCEE91ECA4166B2A7C6265EF0CE2BD7051B7CEF945BABD47EE6D",
	 "01FBD0013C674AA79CB39849527916CE301C66EA7CE8B80682786AD60F98F7E78A19CA69EFF5C5"
	 "7400E3B3A0AD66CE0978214D13BAF4E9AC60752F7B155E2DE4DCE3"},
};

/* A key with this private number. */
static EVP_PKEY *
key_from(const char *group, const char *x)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EC_GROUP *g = EC_GROUP_new_by_curve_name(OBJ_txt2nid(group));
	EC_POINT *point = EC_POINT_new(g);
	uint8_t public[256];
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;
	BIGNUM *d = NULL;
	size_t n;

	CHECK(BN_hex2bn(&d, x));
	CHECK(EC_POINT_mul(g, point, d, NULL, NULL, NULL));
	n = EC_POINT_point2oct(g, point, POINT_CONVERSION_UNCOMPRESSED, public,
			       sizeof public, NULL);
	CHECK(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0));
	CHECK(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d));
	CHECK(OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, public, n));
	params = OSSL_PARAM_BLD_to_param(bld);
	CHECK(EVP_PKEY_fromdata_init(ctx) == 1);
	CHECK(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	EC_POINT_free(point);
	EC_GROUP_free(g);
	BN_free(d);
	return key;
}

TEST(sign_ecdsa_rfc6979_vectors)
{
	for (size_t i = 0; i < sizeof rfc6979 / sizeof *rfc6979; i++) {
		const struct rfc6979 *v = &rfc6979[i];
		encl_auto(EVP_PKEY_free) EVP_PKEY *key = key_from(v->group, v->x);
		const struct encl_curve *curve = encl_curve_of(key);
		uint8_t want[ENCL_ECDSA_MAX], got[ENCL_ECDSA_MAX];
		struct encl_digest d;

		CHECK(curve != NULL);
		encl_digest_of(curve->hash, v->message, strlen(v->message), &d);
		CHECK(encl_unhex(v->r, want, curve->width));
		CHECK(encl_unhex(v->s, want + curve->width, curve->width));
		OK(encl_ecdsa_sign(curve, key, &d, got, &e));
		EQ_MEM(want, 2 * curve->width, got, 2 * curve->width);
		CHECK(encl_ecdsa_verify(curve, key, &d, got));
		got[5] ^= 1;
		CHECK(!encl_ecdsa_verify(curve, key, &d, got));
	}
}

/* ---- files ---- */

/* PEM of a key; passphrase NULL: not encrypted. */
static const char *
write_key(const char *name, EVP_PKEY *key, const char *passphrase)
{
	const char *path = test_path("%s", name);
	FILE *f = fopen(path, "w");

	CHECK(f != NULL);
	CHECK(PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL,
				   (const unsigned char *)passphrase,
				   passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	fclose(f);
	return path;
}

/* A self-signed certificate, valid 2020 to 2030, with `copies` of itself. */
static const char *
write_cert(const char *name, EVP_PKEY *key, const char *key_usage, size_t copies)
{
	const char *path = test_path("%s", name);
	X509 *cert = X509_new();
	FILE *f = fopen(path, "w");
	X509_NAME *subject = X509_get_subject_name(cert);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set_string(X509_getm_notBefore(cert), "200101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(cert), "300101000000Z");
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)"test", -1, -1, 0);
	X509_NAME_add_entry_by_txt(subject, "C", MBSTRING_ASC,
				   (const unsigned char *)"DE", -1, -1, 0);
	X509_set_issuer_name(cert, subject);
	X509_set_pubkey(cert, key);
	if (key_usage) {
		X509_EXTENSION *x =
			X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, key_usage);

		X509_add_ext(cert, x, -1);
		X509_EXTENSION_free(x);
	}
	CHECK(X509_sign(cert, key, EVP_sha256()) > 0);
	while (copies--)
		PEM_write_X509(f, cert);
	fclose(f);
	X509_free(cert);
	return path;
}

enum { YEAR_2024 = 1704067200 };

static void
sign_and_read(const char *group)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen(group);
	const char *key_path = write_key("key", key, NULL);
	const char *cert_path = write_cert("cert", key, "digitalSignature", 2);
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = NULL;
	encl_auto(encl_free) uint8_t *a = NULL;
	encl_auto(encl_free) uint8_t *b = NULL;
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	struct encl_pcr pcr = {{1, 2, 255}};
	struct encl_pcr pcr8;
	size_t n, m;

	OK(encl_key_signer_open(cert_path, key_path, YEAR_2024, &s, &e));
	OK(encl_key_signer_base(s)->sign(encl_key_signer_base(s), &pcr, &a, &n, &e));
	OK(encl_key_signer_base(s)->sign(encl_key_signer_base(s), &pcr, &b, &m, &e));
	EQ_MEM(a, n, b, m);
	OK(encl_signature_read(a, n, &info, &e));
	CHECK(info.signature_ok);
	EQ_STR(pcr_hex(&pcr), pcr_hex(&info.signed_pcr0));
	EQ_STR(pcr_hex(&encl_key_signer_base(s)->pcr8), pcr_hex(&info.pcr8));
	OK(encl_certificate_pcr8(cert_path, &pcr8, &e));
	EQ_STR(pcr_hex(&pcr8), pcr_hex(&info.pcr8));
	EQ_STR("{\"commonName\":\"test\",\"countryName\":\"DE\"}", info.issuer);
	EQ_STR("ecdsa-with-SHA256", info.algorithm);
	EQ_STR("Jan  1 00:00:00 2020 GMT", info.not_before);
	EQ_STR("Jan  1 00:00:00 2030 GMT", info.not_after);
	EQ_INT(1577836800, info.not_before_epoch);
	EQ_INT(1893456000, info.not_after_epoch);
}

TEST(sign_all_curves)
{
	sign_and_read("P-256");
	sign_and_read("P-384");
	sign_and_read("P-521");
}

TEST(sign_vector_described)
{
	const struct encl_eif_bytes *v = vector("sigsection.bin");
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};

	OK(encl_signature_read(v->p, v->n, &info, &e));
	CHECK(info.signature_ok);
	EQ_STR("63995f94005f4a22918ffeadde48f820a36c1364fc9753cf2ee9787a8846db5c"
	       "5b7a516a5badec0e63e3e2795e458a8a",
	       pcr_hex(&info.signed_pcr0));
	EQ_STR("b37d9b2ec2e66c7d19a39882a2a6d2f1f9e71ed699ccd905d00d379489696951"
	       "a05e113210cf334fe47649943cb47b3e",
	       pcr_hex(&info.pcr8));
	EQ_STR("ecdsa-with-SHA384", info.algorithm);
	EQ_STR("Jan  1 00:00:00 2020 GMT", info.not_before);
	CHECK(strlen(info.cert_signature) > 200 && info.cert_signature[2] == ':');
}

TEST(sign_dates)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-384");
	const char *k = write_key("key", key, NULL);
	const char *c = write_cert("cert", key, NULL, 1);
	encl_auto(encl_free) char *early =
		encl_xasprintf("%s: not valid before Jan  1 00:00:00 2020 GMT", c);
	encl_auto(encl_free) char *late = encl_xasprintf(
		"%s: expired on Jan  1 00:00:00 2030 GMT; an enclave signed with it would "
		"not start",
		c);
	struct encl_key_signer *s = NULL;

	FAILS(encl_key_signer_open(c, k, 1577836799, &s, &e), ENCL_SIGN, early);
	FAILS(encl_key_signer_open(c, k, 1893456001, &s, &e), ENCL_SIGN, late);
	OK(encl_key_signer_open(c, k, 1577836800, &s, &e));
	encl_key_signer_free(s);
	OK(encl_key_signer_open(c, k, 1893456000, &s, &e));
	encl_key_signer_free(s);
	OK(encl_key_signer_open(c, k, 0, &s, &e));
	encl_key_signer_free(s);
}

static void
refuses(const char *cert, const char *key, const char *fmt, const char *path,
	const char *path2)
{
	char want[2048];
	struct encl_key_signer *s = NULL;
	char *at = want;

	/* fmt has @ for path and # for path2 */
	for (; *fmt; fmt++) {
		const char *put = *fmt == '@' ? path : *fmt == '#' ? path2 : NULL;

		if (!put) {
			*at++ = *fmt;
			continue;
		}
		memcpy(at, put, strlen(put));
		at += strlen(put);
	}
	*at = 0;
	FAILS(encl_key_signer_open(cert, key, YEAR_2024, &s, &e), ENCL_SIGN, want);
}

TEST(sign_bad_keys)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-384");
	encl_auto(EVP_PKEY_free) EVP_PKEY *other = EVP_EC_gen("P-384");
	encl_auto(EVP_PKEY_free) EVP_PKEY *rsa = EVP_RSA_gen(2048);
	encl_auto(EVP_PKEY_free) EVP_PKEY *koblitz = EVP_EC_gen("secp256k1");
	const char *c = write_cert("cert", key, NULL, 1);
	const char *k;
	static const char curve[] =
		"@: the key is not on P-256, P-384 or P-521; make one with: openssl ecparam "
		"-name secp384r1 -genkey -noout";

	k = write_key("other", other, NULL);
	refuses(c, k, "@ does not belong to the key in #: key values mismatch", c, k);
	k = write_key("rsa", rsa, NULL);
	refuses(c, k, curve, k, NULL);
	k = write_key("koblitz", koblitz, NULL);
	refuses(c, k, curve, k, NULL);
	k = write_key("encrypted", key, "secret");
	refuses(c, k,
		"@: the key is encrypted; decrypt it first: openssl pkey -in @ -out KEY",
		k, NULL);
	refuses(c, c, "@: not a PEM private key", c, NULL);
	refuses(c, "/no/such", "open /no/such: No such file or directory", NULL, NULL);
}

TEST(sign_bad_certificates)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-384");
	const char *k = write_key("key", key, NULL);
	const char *c = write_cert("usage", key, "keyCertSign", 1);
	encl_auto(encl_free) char *both = NULL;
	encl_auto(encl_free) char *one = NULL;
	size_t n;

	refuses(c, k, "@: its key usage does not allow digital signatures", c, NULL);
	refuses("/no/such", k, "open /no/such: No such file or directory", NULL, NULL);
	OK(encl_read_file(k, 65536, &one, &n, &e));
	both = encl_xasprintf("%s%s", "-----BEGIN CERTIFICATE-----\nAAAA\n", one);
	c = test_path("both");
	OK(encl_write_file(c, both, strlen(both), 0600, &e));
	refuses(c, k,
		"@: holds a private key, which would become part of the image; give a file "
		"with certificates only",
		c, NULL);
	OK(encl_write_file(c, "", 0, 0600, &e));
	refuses(c, k, "@: not a PEM certificate: no start line", c, NULL);
}

TEST(sign_certificate_too_long)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-384");
	const char *k = write_key("key", key, NULL);
	const char *c = write_cert("cert", key, NULL, 60);
	struct encl_key_signer *s = NULL;

	EQ_INT(-1, encl_key_signer_open(c, k, YEAR_2024, &s, &e));
	EQ_INT(ENCL_SIGN, e.code);
	CHECK(strstr(e.msg,
		     " bytes, 32768 are allowed: use a certificate file without its "
		     "chain and comments"));
	CHECK(!strncmp(e.msg, "the signature section would have ", 33));
}

/* A longer certificate file in place of the vectors': sizes and table follow. */
TEST(sign_replaced_by_a_longer_certificate)
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-521");
	const char *k = write_key("key", key, NULL);
	const char *c = write_cert("cert", key, NULL, 9);
	encl_auto(encl_key_signer_free) struct encl_key_signer *s = NULL;
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_eif_close) struct encl_eif after = {.fd = -1};
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	struct encl_measurements m;
	struct encl_digest sha256;
	struct encl_eif_result r;
	uint32_t crc;

	OK(encl_key_signer_open(c, k, YEAR_2024, &s, &e));
	OK(encl_eif_open(VECTORS "signed.eif", &eif, &e));
	OK(encl_tmpfile_open(&t, test_path("longer.eif"), 0644, &e));
	OK(encl_eif_resign(&eif, t.fd, encl_key_signer_base(s), 2, &r, &e));
	OK(encl_tmpfile_commit(&t, &e));
	OK(encl_eif_open(test_path("longer.eif"), &after, &e));
	CHECK(after.signature_size > eif.signature_size + 5000);
	OK(encl_eif_measure(&after, 1, &m, &crc, &sha256, &e));
	EQ_INT(after.crc, crc);
	CHECK(encl_digest_equal(&r.sha256, &sha256));
	OK(encl_signature_read(after.signature, after.signature_size, &info, &e));
	CHECK(info.signature_ok);
	EQ_STR(pcr_hex(&m.pcr0), pcr_hex(&info.signed_pcr0));
}

/* ---- strict reading ---- */

static int
read_changed(size_t off, int change, size_t cut)
{
	const struct encl_eif_bytes *v = vector("sigsection.bin");
	encl_auto(encl_free) uint8_t *copy = encl_xmemdup(v->p, v->n);
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};

	copy[off] = (uint8_t)(copy[off] ^ change);
	return encl_signature_read(copy, v->n - cut, &info, &e);
}

TEST(sign_read_shape)
{
	static const char shape[] = "signature: not one {signing_certificate, signature}";

	FAILS(read_changed(0, 0x03, 0), ENCL_SIGN, shape);  /* array(2) */
	FAILS(read_changed(1, 0x03, 0), ENCL_SIGN, shape);  /* map(1) */
	FAILS(read_changed(3, 0x01, 0), ENCL_SIGN, shape);  /* key */
	FAILS(read_changed(22, 0xc0, 0), ENCL_SIGN, shape); /* not an array */
	FAILS(read_changed(0, 0, 1), ENCL_SIGN, shape);
	FAILS(read_changed(0, 0, vector("sigsection.bin")->n), ENCL_SIGN, shape);
}

/* The vectors' section with another COSE_Sign1 in it. */
static int
read_cose(const uint8_t *cose, size_t n, struct encl_signature_info *info)
{
	const struct encl_eif_bytes *pem = vector("cert.pem");
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 65536};

	encl_signature_encode(pem->p, pem->n, cose, n, &b);
	return encl_signature_read(b.data, b.len, info, &e);
}

TEST(sign_read_cose)
{
	const struct encl_eif_bytes *v = vector("cose.bin");
	encl_auto(encl_free) uint8_t *copy = encl_xmemdup(v->p, v->n + 0);
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	const uint8_t *bytes = v->p;

	OK(read_cose(copy, v->n, &info));
	CHECK(info.signature_ok);
	encl_signature_info_clear(&info);
	copy[v->n - 1] ^= 1; /* s */
	OK(read_cose(copy, v->n, &info));
	CHECK(!info.signature_ok);
	copy[v->n - 1] ^= 1;
	copy[5] = 0x26; /* -39 */
	FAILS(read_cose(copy, v->n, &info), ENCL_SIGN,
	      "signature: its algorithm is not ES256, ES384 or ES512");
	copy[5] = 0x23; /* ES512 */
	FAILS(read_cose(copy, v->n, &info), ENCL_SIGN,
	      "signature: 96 bytes of r and s; P-521 has 132");
	copy[5] = bytes[5];
	copy[6] = 0xa1;
	FAILS(read_cose(copy, v->n, &info), ENCL_SIGN, "signature: not a COSE_Sign1");
	copy[6] = 0xa0;
	FAILS(read_cose(copy, v->n - 1, &info), ENCL_SIGN, "signature: not a COSE_Sign1");
	copy[8 + 1 + 3] ^= 1; /* register_index */
	FAILS(read_cose(copy, v->n, &info), ENCL_SIGN,
	      "signature: does not sign one PCR0");
}

TEST(sign_read_not_shortest)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 65536};
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	const struct encl_eif_bytes *v = vector("sigsection.bin");

	encl_buf_add(&b, "\x98\x01", 2); /* array(1) in two bytes */
	encl_buf_add(&b, (const uint8_t *)v->p + 1, v->n - 1);
	FAILS(encl_signature_read(b.data, b.len, &info, &e), ENCL_SIGN,
	      "signature: not in CBOR's shortest form");
}

TEST(sign_read_certificate)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 65536};
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	const struct encl_eif_bytes *v = vector("cose.bin");

	encl_signature_encode("nothing", 7, v->p, v->n, &b);
	FAILS(encl_signature_read(b.data, b.len, &info, &e), ENCL_SIGN,
	      "signature's certificate: not a PEM certificate: no start line");
	FAILS(encl_signature_read(b.data, 32769, &info, &e), ENCL_SIGN,
	      "signature: 32769 bytes; at most 32768 are allowed");
}

TEST(sign_cbor_known_bytes)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4096};
	struct encl_pcr pcr;
	uint8_t want[106];

	for (size_t i = 0; i < ENCL_PCR_SIZE; i++)
		pcr.bytes[i] = (uint8_t)i;
	encl_signature_payload(&pcr, &b);
	CHECK(encl_unhex(
		      "a26e72656769737465725f696e646578006e72656769737465725f76616c75659830"
		      "000102030405060708090a0b0c0d0e0f1011121314151617181818191 81a",
		      want, 1) == false);
	EQ_INT(106, b.len);
	CHECK(encl_unhex(
		"a26e72656769737465725f696e646578006e72656769737465725f76616c75659830",
		want, 34));
	EQ_MEM(want, 34, b.data, 34);
	for (size_t i = 0; i < 24; i++)
		EQ_INT(i, b.data[34 + i]);
	for (size_t i = 24; i < 48; i++) {
		EQ_INT(0x18, b.data[34 + 24 + 2 * (i - 24)]);
		EQ_INT(i, b.data[34 + 24 + 2 * (i - 24) + 1]);
	}
	encl_buf_clear(&b);
	encl_signature_encode(
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 59,
		"\xd2\x84\x43\xa1\x01\x38\x22\xa0\x40\x40", 10, &b);
	EQ_INT(169, b.len);
	EQ_MEM("\xa2\x73signing_certificate\x98\x3b\x18-", 25, b.data + 1, 25);
	EQ_MEM("isignature\x8a\x18\xd2\x18\x84\x18\x43\x18\xa1\x01\x18\x38\x18\x22\x18\xa0"
	       "\x18\x40\x18\x40",
	       30, b.data + 169 - 30, 30);
}

TEST(sign_cbor_reader)
{
	static const uint8_t indefinite[] = {0x9f, 0x01, 0xff};
	static const uint8_t lying[] = {0x9b, 0xff, 0xff, 0xff, 0xff,
					0xff, 0xff, 0xff, 0xff};
	static const uint8_t large[] = {0x81, 0x19, 0x01, 0x00};
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 10};
	struct encl_cbor c;

	encl_cbor_init(&c, indefinite, sizeof indefinite);
	encl_cbor_ints(&c, &b);
	CHECK(!encl_cbor_done(&c));
	encl_cbor_init(&c, lying, sizeof lying);
	encl_cbor_ints(&c, &b);
	CHECK(!encl_cbor_done(&c));
	encl_cbor_init(&c, large, sizeof large);
	encl_cbor_ints(&c, &b);
	CHECK(!encl_cbor_done(&c));
	EQ_INT(0, b.len);
}

/* ---- signatures made elsewhere ---- */

static int
parse_made(const char *hex, const char *text, uint8_t rs[ENCL_ECDSA_MAX])
{
	encl_auto(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t bytes[512];
	size_t n = hex ? strlen(hex) / 2 : strlen(text);

	if (hex)
		CHECK(encl_unhex(hex, bytes, n));
	return encl_signature_file_parse(hex ? bytes : (const uint8_t *)text, n,
					 encl_curve_of(key), "s", rs, &e);
}
#define ZEROS30 "000000000000000000000000000000000000000000000000000000000000"
#define ZEROS	"00000000000000000000000000000000000000000000000000000000000000"

TEST(sign_made_elsewhere_forms)
{
	uint8_t want[64] = {[31] = 5, [32] = 0x80, [63] = 7};
	uint8_t got[ENCL_ECDSA_MAX];

	OK(parse_made(ZEROS "05"
			    "80" ZEROS30 "07",
		      NULL, got));
	EQ_MEM(want, 64, got, 64);
	/* INTEGER 5, INTEGER 0x0080…07 of 33 bytes */
	OK(parse_made(
		"3026"
		"020105"
		"02210080000000000000000000000000000000000000000000000000000000000000"
		"07",
		NULL, got));
	EQ_MEM(want, 64, got, 64);
	OK(parse_made(NULL,
		      "MCYCAQUCIQCAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"
		      "AAAAAAAAAAAAAAAABw==\n",
		      got));
	EQ_MEM(want, 64, got, 64);
}

TEST(sign_made_elsewhere_refused)
{
	static const char none[] =
		"s: not a signature of a key on P-256: neither DER nor the 64 bytes of r "
		"and s, nor base64 of one of them";
	static const char encoding[] =
		"s: not a DER ECDSA signature: bytes behind it, or another encoding";
	uint8_t rs[ENCL_ECDSA_MAX];

	FAILS(parse_made(NULL, "", rs), ENCL_SIGN, none);
	FAILS(parse_made(NULL, "====", rs), ENCL_SIGN, none);
	FAILS(parse_made(NULL, "MCY", rs), ENCL_SIGN, none);
	FAILS(parse_made(ZEROS, NULL, rs), ENCL_SIGN, none);
	FAILS(parse_made("3006020105020107ff", NULL, rs), ENCL_SIGN, encoding);
	FAILS(parse_made("308106020105020107", NULL, rs), ENCL_SIGN, encoding);
	FAILS(parse_made("3006020105", NULL, rs), ENCL_SIGN,
	      "s: not a DER ECDSA signature");
	FAILS(parse_made(
		      "3026"
		      "020105"
		      "022101800000000000000000000000000000000000000000000000000000000000"
		      "0007",
		      NULL, rs),
	      ENCL_SIGN,
	      "s: r or s is no number of P-256: the signature is of a key on another "
	      "curve");
}

TEST(sign_to_sign)
{
	encl_auto(encl_to_sign_clear) struct encl_to_sign t = {.alg = NULL};
	struct encl_pcr pcr0 = {.bytes = {1}};

	OK(encl_to_sign(VECTORS "cert.pem", 0, &pcr0, &t, &e));
	EQ_STR("ES384", t.alg);
	EQ_INT(ENCL_SHA384, t.digest.algo);
	EQ_MEM("\x84jSignature1\x44\xa1\x01\x38\x22\x40\x58\x52\xa2nregister_index", 35,
	       t.bytes.data, 35);
	EQ_INT(102, t.bytes.len);
	EQ_STR("b37d9b2ec2e66c7d19a39882a2a6d2f1f9e71ed699ccd905d00d379489696951"
	       "a05e113210cf334fe47649943cb47b3e",
	       pcr_hex(&t.pcr8));
}
