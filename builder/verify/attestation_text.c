/* SPDX-License-Identifier: Apache-2.0 */
/* A document as people send it around: raw, hex, base64 (RFC 4648 §4 and §5). */
#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/parse.h"
#include "verify/attestation.h"

enum { ARRAY = 0x84, TAG = 0xd2 };

static int
fail(struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED,
			 "not an attestation document, nor one in hex or base64");
}

/* Without white space; the URL alphabet as the other one; padded. */
static bool
tidy(const uint8_t *p, size_t n, struct encl_buf *out)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (strchr(" \t\r\n", c) && c)
			continue;
		if (c <= ' ' || c > '~')
			return false;
		encl_buf_add_byte(out, c == '-' ? '+' : c == '_' ? '/' : c);
	}
	return out->len && !out->over;
}

static bool
is_hex(const struct encl_buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!isxdigit(text->data[i]))
			return false;
	return text->len % 2 == 0;
}

static bool
from_hex(const struct encl_buf *text, struct encl_buf *out)
{
	uint8_t byte;

	for (size_t i = 0; i < text->len; i += 2) {
		char two[3] = {(char)text->data[i], (char)text->data[i + 1], 0};

		if (!encl_unhex(two, &byte, 1))
			return false;
		encl_buf_add_byte(out, byte);
	}
	return true;
}

/* EVP_DecodeBlock takes white space at its ends, and "=" anywhere: neither is here. */
static bool
from_base64(struct encl_buf *text, struct encl_buf *out)
{
	size_t padding = 0;
	uint8_t four[3];

	while (padding < 2 && text->len && text->data[text->len - 1] == '=') {
		text->len--;
		padding++;
	}
	if (text->len % 4 == 1 || memchr(text->data, '=', text->len) ||
	    (padding && (text->len + padding) % 4))
		return false;
	for (size_t i = 0; i < text->len; i += 4) {
		size_t left = text->len - i < 4 ? text->len - i : 4;
		unsigned char in[5] = "AAAA";

		memcpy(in, text->data + i, left);
		if (EVP_DecodeBlock(four, in, 4) != 3)
			return false;
		encl_buf_add(out, four, left - 1);
	}
	return true;
}

int
encl_attestation_unwrap(const uint8_t *p, size_t n, struct encl_buf *out,
			struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = ENCL_ATTESTATION_TEXT};

	encl_buf_clear(out);
	if (n && (p[0] == ARRAY || p[0] == TAG)) {
		encl_buf_add(out, p, n);
	} else if (!tidy(p, n, &text) ||
		   !(is_hex(&text) ? from_hex(&text, out) : from_base64(&text, out))) {
		return fail(e);
	}
	if (out->over)
		return encl_fail(e, ENCL_FAILED,
				 "not an attestation document: longer than %zu bytes",
				 out->cap);
	return 0;
}
