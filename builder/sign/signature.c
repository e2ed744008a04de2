/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature section to bytes and, strictly, back.  What was read is
 * encoded again and compared, so there is one spelling of every section.
 */
#include "sign/signature.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sign/cbor.h"
#include "sign/certificate.h"
#include "sign/cose.h"
#include "sign/sign.h"
#include "sign/ssl.h"

void
encl_signature_payload(const struct encl_pcr *pcr0, struct encl_buf *out)
{
	encl_cbor_add_map(out, 2);
	encl_cbor_add_text(out, "register_index");
	encl_cbor_add_uint(out, 0);
	encl_cbor_add_text(out, "register_value");
	encl_cbor_add_ints(out, pcr0->bytes, ENCL_PCR_SIZE);
}

void
encl_signature_encode(const void *pem, size_t pem_size, const void *cose,
		      size_t cose_size, struct encl_buf *out)
{
	encl_cbor_add_array(out, 1);
	encl_cbor_add_map(out, 2);
	encl_cbor_add_text(out, "signing_certificate");
	encl_cbor_add_ints(out, pem, pem_size);
	encl_cbor_add_text(out, "signature");
	encl_cbor_add_ints(out, cose, cose_size);
}

static int
read_section(const uint8_t *section, size_t n, struct encl_buf *pem,
	     struct encl_buf *cose, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf again = {.cap = ENCL_EIF_MAX_SIGNATURE};
	struct encl_cbor c;

	encl_cbor_init(&c, section, n);
	encl_cbor_want_array(&c, 1);
	encl_cbor_want_map(&c, 2);
	encl_cbor_want_text(&c, "signing_certificate");
	encl_cbor_ints(&c, pem);
	encl_cbor_want_text(&c, "signature");
	encl_cbor_ints(&c, cose);
	if (!encl_cbor_done(&c))
		return encl_fail(e, ENCL_SIGN,
				 "signature: not one {signing_certificate, signature}");
	encl_signature_encode(pem->data, pem->len, cose->data, cose->len, &again);
	if (again.over || again.len != n || memcmp(again.data, section, n) != 0)
		return encl_fail(e, ENCL_SIGN, "signature: not in CBOR's shortest form");
	return 0;
}

static int
read_payload(const uint8_t *p, size_t n, struct encl_pcr *out, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf value = {.cap = ENCL_PCR_SIZE};
	encl_auto(encl_buf_clear) struct encl_buf again = {.cap = 1024};
	struct encl_pcr pcr;
	struct encl_cbor c;

	encl_cbor_init(&c, p, n);
	encl_cbor_want_map(&c, 2);
	encl_cbor_want_text(&c, "register_index");
	encl_cbor_want_uint(&c, 0);
	encl_cbor_want_text(&c, "register_value");
	encl_cbor_ints(&c, &value);
	if (!encl_cbor_done(&c) || value.len != ENCL_PCR_SIZE)
		return encl_fail(e, ENCL_SIGN, "signature: does not sign one PCR0");
	memcpy(pcr.bytes, value.data, ENCL_PCR_SIZE);
	encl_signature_payload(&pcr, &again);
	if (again.len != n || memcmp(again.data, p, n) != 0)
		return encl_fail(e, ENCL_SIGN, "signature: not in CBOR's shortest form");
	*out = pcr;
	return 0;
}

int
encl_signature_read(const uint8_t *section, size_t n, struct encl_signature_info *out,
		    struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf pem = {.cap = ENCL_EIF_MAX_SIGNATURE};
	encl_auto(encl_buf_clear) struct encl_buf cose = {.cap = ENCL_EIF_MAX_SIGNATURE};
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	encl_auto(X509_free) X509 *cert = NULL;
	struct encl_cose c;

	if (n > ENCL_EIF_MAX_SIGNATURE)
		return encl_fail(e, ENCL_SIGN,
				 "signature: %zu bytes; at most %d are allowed", n,
				 ENCL_EIF_MAX_SIGNATURE);
	if (read_section(section, n, &pem, &cose, e) ||
	    encl_cose_read(cose.data, cose.len, &c, e) ||
	    read_payload(c.payload, c.payload_size, &info.signed_pcr0, e) ||
	    encl_certificate_parse(encl_buf_text(&pem), pem.len,
				   "signature's certificate", &cert, e) ||
	    encl_certificate_describe(cert, &info, e))
		return -1;
	info.signature_ok = encl_cose_verify(&c, X509_get0_pubkey(cert));
	*out = info;
	info = (struct encl_signature_info){0};
	return 0;
}

int
encl_signature_pem(const uint8_t *section, size_t n, struct encl_buf *pem,
		   struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf cose = {.cap = ENCL_EIF_MAX_SIGNATURE};

	return read_section(section, n, pem, &cose, e);
}

void
encl_signature_info_clear(struct encl_signature_info *i)
{
	free(i->issuer);
	free(i->algorithm);
	free(i->not_before);
	free(i->not_after);
	free(i->cert_signature);
	memset(i, 0, sizeof *i);
}
