/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/document.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/buf.h"
#include "base/stream.h"
#include "sign/cbor.h"
#include "test.h"

static const char none[] = "not an attestation document";

/* The payload's map; pcr: the byte that PCR0 is made of; n_pcr: how long it is. */
static void
add_payload(struct encl_buf *out, const char *module, uint8_t pcr, size_t n_pcr,
	    bool nonce)
{
	uint8_t bytes[64];

	memset(bytes, pcr, sizeof bytes);
	encl_cbor_add_map(out, nonce ? 4 : 3);
	encl_cbor_add_text(out, "module_id");
	encl_cbor_add_text(out, module);
	encl_cbor_add_text(out, "digest");
	encl_cbor_add_text(out, "SHA384");
	encl_cbor_add_text(out, "pcrs");
	encl_cbor_add_map(out, 2);
	encl_cbor_add_uint(out, 1);
	encl_cbor_add_bytes(out, bytes, 48);
	encl_cbor_add_uint(out, 0);
	encl_cbor_add_bytes(out, bytes, n_pcr);
	if (!nonce)
		return;
	encl_cbor_add_text(out, "nonce");
	encl_cbor_add_bytes(out, "12345678", 8);
}

static void
add_document(struct encl_buf *out, const struct encl_buf *payload)
{
	encl_cbor_add_array(out, 4);
	encl_cbor_add_bytes(out, "\xa1\x01\x38\x22", 4);
	encl_cbor_add_map(out, 0);
	encl_cbor_add_bytes(out, payload->data, payload->len);
	encl_cbor_add_bytes(out, "signature", 9);
}

static void
make(struct encl_buf *out, const char *module, uint8_t pcr, size_t n_pcr, bool nonce)
{
	encl_auto(encl_buf_clear) struct encl_buf payload;

	encl_buf_init(&payload, 4096);
	encl_buf_init(out, 8192);
	add_payload(&payload, module, pcr, n_pcr, nonce);
	add_document(out, &payload);
}

TEST(launch_document_reads)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	struct encl_document d;
	uint8_t pcr0[48];

	memset(pcr0, 0xab, sizeof pcr0);
	make(&b, "i-1234-enc\x1b[2J", 0xab, 48, true);
	OK(encl_document_read(b.data, b.len, &d, &e));
	EQ_STR("i-1234-enc?[2J", d.module);
	CHECK(!memcmp(d.pcr0, pcr0, sizeof pcr0));
	CHECK(!d.debug);
	EQ_INT(8, d.n_nonce);
	CHECK(!memcmp(d.nonce, "12345678", 8));
}

TEST(launch_document_debug)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	struct encl_document d;

	make(&b, "m", 0, 48, false);
	OK(encl_document_read(b.data, b.len, &d, &e));
	CHECK(d.debug);
	EQ_INT(0, d.n_nonce);
}

TEST(launch_document_base64)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	struct encl_document d;
	char text[1024];

	/* all three lengths modulo 3 */
	for (size_t n = 1; n <= 3; n++) {
		make(&b, &"mmm"[3 - n], 7, 48, true);
		EVP_EncodeBlock((unsigned char *)text, b.data, (int)b.len);
		OK(encl_document_decode(text, &d, &e));
		EQ_INT(n, strlen(d.module));
		encl_buf_clear(&b);
	}
	FAILS(encl_document_decode("", &d, &e), ENCL_FAILED, none);
	FAILS(encl_document_decode("abc", &d, &e), ENCL_FAILED, none);
	FAILS(encl_document_decode("ab!d", &d, &e), ENCL_FAILED, none);
	FAILS(encl_document_decode("AAAA", &d, &e), ENCL_FAILED, none);
}

/* Of AWS's hypervisor, which writes a map of indefinite length. */
TEST(launch_document_of_aws)
{
	static const uint8_t begins[] = {0x4b, 0x8d, 0x4c, 0xf2};
	encl_auto(encl_free) char *text = NULL;
	struct encl_document d;
	size_t n, to = 0;

	OK(encl_read_file("tests/support/attestation/aws-2026.b64", 65536, &text, &n,
			  &e));
	for (size_t i = 0; i < n; i++)
		if (text[i] != '\n')
			text[to++] = text[i];
	text[to] = 0;
	OK(encl_document_decode(text, &d, &e));
	EQ_STR("i-0368fa67e156d6d23-enc019b8596b1a9dad6", d.module);
	CHECK(!memcmp(d.pcr0, begins, sizeof begins));
	CHECK(!d.debug);
}

TEST(launch_document_refuses)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	struct encl_document d;
	uint8_t big[ENCL_DOCUMENT_MAX + 1] = {0};

	FAILS(encl_document_read(big, 0, &d, &e), ENCL_FAILED, none);
	FAILS(encl_document_read(big, sizeof big, &d, &e), ENCL_FAILED, none);
	make(&b, "m", 1, 47, true);
	FAILS(encl_document_read(b.data, b.len, &d, &e), ENCL_FAILED, none);
	encl_buf_clear(&b);
	make(&b, "m", 1, 48, true);
	for (size_t n = 0; n < b.len; n++)
		FAILS(encl_document_read(b.data, n, &d, &e), ENCL_FAILED, none);
	encl_buf_add_byte(&b, 0);
	FAILS(encl_document_read(b.data, b.len, &d, &e), ENCL_FAILED, none);
}
