/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and hexadecimal alphabet. */
#include "launch/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789+/";

size_t
base64_encode(const uint8_t *p, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 |
			     (uint32_t)(i + 1 < n ? p[i + 1] : 0) << 8 |
			     (uint32_t)(i + 2 < n ? p[i + 2] : 0);

		out[at++] = alphabet[v >> 18];
		out[at++] = alphabet[v >> 12 & 63];
		out[at++] = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
		out[at++] = i + 2 < n ? alphabet[v & 63] : '=';
	}
	return at;
}

/* Four characters to one to three bytes; 0: they are none. */
static size_t
four(const char *text, bool last, uint8_t out[3])
{
	uint32_t v = 0;
	size_t n = 3;

	if (last && text[3] == '=')
		n = text[2] == '=' ? 1 : 2;
	for (size_t i = 0; i < 4; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (i > n)
			at = alphabet; /* "=" */
		if (!at)
			return 0;
		v = v << 6 | (uint32_t)(at - alphabet);
	}
	if (v & ((1U << 8 * (3 - n)) - 1))
		return 0;
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return n;
}

bool
base64_decode(const char *text, uint8_t *out, size_t room, size_t *n)
{
	const size_t length = strlen(text);
	size_t at = 0;

	if (length % 4)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		uint8_t bytes[3];
		size_t k = four(text + i, i + 4 == length, bytes);

		if (!k || k > room - at)
			return false;
		memcpy(out + at, bytes, k);
		at += k;
	}
	*n = at;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
hex_decode(const char *text, size_t n, uint8_t *out, size_t room, size_t *out_n)
{
	if (n % 2 || n / 2 > room)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*out_n = n / 2;
	return true;
}

void
hex_encode(const uint8_t *p, size_t n, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = hex[p[i] >> 4];
		*out++ = hex[p[i] & 15];
	}
	*out = 0;
}
