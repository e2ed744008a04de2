/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to HTML text: UTF-8 (RFC 3629) read strictly, the rest as \xHH. */
#include "verify/report_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#define NARROW_SPACE "\xe2\x80\xaf" /* U+202F */

struct range {
	uint32_t first, last;
};

/* Characters that are not seen, or that change how others are: Unicode's Cc, Cf, Zl,
 * Zp, Default_Ignorable_Code_Point, blank letters, combining marks of all scripts
 * together, private use, noncharacters. */
static const struct range hidden[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},	 {0x00ad, 0x00ad},   {0x0300, 0x036f},
	{0x0600, 0x0605},   {0x061c, 0x061c},	 {0x06dd, 0x06dd},   {0x070f, 0x070f},
	{0x115f, 0x1160},   {0x17b4, 0x17b5},	 {0x180b, 0x180f},   {0x1ab0, 0x1aff},
	{0x1dc0, 0x1dff},   {0x2000, 0x200f},	 {0x2028, 0x202f},   {0x205f, 0x206f},
	{0x20d0, 0x20ff},   {0x2800, 0x2800},	 {0x3000, 0x3000},   {0x3164, 0x3164},
	{0xd800, 0xf8ff},   {0xfdd0, 0xfdef},	 {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	 {0xfff0, 0xffff},   {0x110bd, 0x110bd},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},	 {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff},
	{0x3fffe, 0x3ffff}, {0xe0000, 0x10ffff},
};

static bool
is_hidden(uint32_t c)
{
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

/* Bytes of a character by its first one; 0: none begins so. */
static size_t
length_of(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Bytes of the character at p, and the character; 0: not UTF-8. */
static size_t
decode(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t need = length_of(*p);
	uint32_t c = need == 1 ? *p : *p & (0xffU >> (need + 1));

	if (!need || need > n)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return need;
}

static void
add_escaped(struct encl_buf *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		encl_buf_add_fmt(out, "\\x%02x", p[i]);
}

static void
add_ascii(struct encl_buf *out, unsigned char c)
{
	static const char special[] = "&<>\"'";
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;",
					       "&#39;"};
	const char *at = strchr(special, c);

	if (at)
		encl_buf_add_str(out, entities[at - special]);
	else
		encl_buf_add_byte(out, c);
}

void
encl_report_text(struct encl_buf *out, const char *bytes, size_t n, size_t max)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t i = 0;

	while (i < n && i < max) {
		uint32_t c = 0;
		size_t used = decode(p + i, n - i, &c);

		if (!used || is_hidden(c) || c == '\\')
			add_escaped(out, p + i, used ? used : 1);
		else if (used == 1)
			add_ascii(out, p[i]);
		else
			encl_buf_add(out, p + i, used);
		i += used ? used : 1;
	}
	if (i < n)
		encl_buf_add_fmt(out, "… (+%zu bytes)", n - i);
}

/* Columns of the character at p as it will be shown, and its bytes. */
static size_t
columns_of(const unsigned char *p, size_t n, size_t *used)
{
	uint32_t c = 0;

	*used = decode(p, n, &c);
	if (!*used || is_hidden(c) || c == '\\') {
		*used = *used ? *used : 1;
		return 4 * *used;
	}
	return *used == 1 ? 1 : 2;
}

size_t
encl_report_columns(const char *text, size_t n)
{
	size_t columns = 0;
	size_t used;

	for (size_t i = 0; i < n; i += used)
		columns += columns_of((const unsigned char *)text + i, n - i, &used);
	return columns;
}

size_t
encl_report_fit(const char *text, size_t n, size_t columns)
{
	size_t have = 0;
	size_t used;

	for (size_t i = 0; i < n; i += used) {
		have += columns_of((const unsigned char *)text + i, n - i, &used);
		if (have > columns)
			return i;
	}
	return n;
}

void
encl_report_count(struct encl_buf *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			encl_buf_add_str(out, NARROW_SPACE);
		encl_buf_add_byte(out, (uint8_t)digits[i]);
	}
}

void
encl_report_size(struct encl_buf *out, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	unsigned shift = 10;
	size_t unit = 0;
	uint64_t tenths;

	if (bytes < 1024) {
		encl_buf_add_fmt(out,
				 "%" PRIu64 "\xc2\xa0"
				 "B",
				 bytes);
		return;
	}
	while (unit < 3 && bytes >> (shift + 10)) {
		unit++;
		shift += 10;
	}
	tenths = (bytes >> shift) * 10 +
		 ((bytes & (((uint64_t)1 << shift) - 1)) * 10 >> shift);
	encl_buf_add_fmt(out, "%" PRIu64 ".%" PRIu64 "\xc2\xa0%s", tenths / 10,
			 tenths % 10, units[unit]);
}
