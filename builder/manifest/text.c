/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to "these are characters": UTF-8 (RFC 3629) and the printable set of
 * YAML 1.1, checked here because libyaml gives no line and column for it.
 */
#include "manifest/text.h"

#include <stdint.h>

#include "manifest/report.h"

/* Length of the UTF-8 sequence at p (n bytes left) and its code point; 0: invalid. */
static size_t
decode(const unsigned char *p, size_t n, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc2 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
				   : 4;
	uint32_t c;

	if (!len || len > n || p[0] > 0xf4)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

/* YAML 1.1 §4.1.1 without the byte order mark. */
static bool
printable(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= ' ' && c < 0x7f) ||
	       c == 0x85 || (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

static void
complain(struct encl_manifest_report *r, struct encl_pos pos, uint32_t c)
{
	if (c == 0)
		encl_manifest_report_add(r, pos, "", "a NUL character");
	else if (c == 0xfeff)
		encl_manifest_report_add(r, pos, "",
					 "a byte order mark; save the file without one");
	else
		encl_manifest_report_add(r, pos, "", "a control character (U+%04X)", c);
}

bool
encl_manifest_text_check(const char *text, size_t n, struct encl_manifest_report *r)
{
	const unsigned char *p = (const unsigned char *)text;
	struct encl_pos pos = {.line = 1, .column = 1};

	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		size_t len = decode(p + i, n - i, &c);

		if (!len) {
			encl_manifest_report_add(r, pos, "", "byte 0x%02x is not UTF-8",
						 p[i]);
			return false;
		}
		if (!printable(c)) {
			complain(r, pos, c);
			return false;
		}
		i += len;
		pos.column++;
		if (c == '\n')
			pos = (struct encl_pos){.line = pos.line + 1, .column = 1};
	}
	return true;
}
