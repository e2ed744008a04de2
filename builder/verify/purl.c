/* SPDX-License-Identifier: Apache-2.0 */
/* Names and versions, whatever bytes they have, to package URLs. */
#include "verify/purl.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS	"0123456789"

/* What stands for itself: RFC 3986's unreserved, the colon, which purl never
 * escapes, and more. */
static void
add_escaped(struct encl_buf *b, const char *bytes, char more)
{
	static const char plain[] = LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "-._~:";
	encl_auto(json_decref) json_t *utf8 = encl_json_text(bytes);
	const char *text = json_string_value(utf8);

	for (; *text; text++)
		if (strchr(plain, *text) || *text == more)
			encl_buf_add_byte(b, (uint8_t)*text);
		else
			encl_buf_add_fmt(b, "%%%02X", (unsigned char)*text);
}

char *
encl_url_escape(const char *text)
{
	struct encl_buf b = {.cap = SIZE_MAX};
	size_t n;

	add_escaped(&b, text, ':');
	encl_buf_add_str(&b, "");
	return (char *)encl_buf_steal(&b, &n);
}

char *
encl_purl(const char *type, const char *space, const char *name, const char *version,
	  const struct encl_purl_qualifier *qualifiers, size_t n)
{
	struct encl_buf b = {.cap = SIZE_MAX};
	char mark = '?';

	encl_buf_add_fmt(&b, "pkg:%s/", type);
	if (space) {
		add_escaped(&b, space, ':');
		encl_buf_add_byte(&b, '/');
	}
	add_escaped(&b, name, ':');
	if (version) {
		encl_buf_add_byte(&b, '@');
		add_escaped(&b, version, ':');
	}
	for (size_t i = 0; i < n; i++) {
		if (!qualifiers[i].value || !*qualifiers[i].value)
			continue;
		encl_buf_add_fmt(&b, "%c%s=", mark, qualifiers[i].key);
		add_escaped(&b, qualifiers[i].value, '/');
		mark = '&';
	}
	return (char *)encl_buf_steal(&b, &n);
}

bool
encl_url_is_plain(const char *text)
{
	size_t labels = 0;
	size_t n = 0;

	if (!strncmp(text, "https://", 8))
		text += 8;
	else if (!strncmp(text, "http://", 7))
		text += 7;
	else
		return false;
	/* labels of letters and digits, the last one of letters alone */
	for (;; text += n + 1, labels++) {
		n = strspn(text, LETTERS DIGITS);
		while (n && text[n] == '-' && strchr(LETTERS DIGITS, text[n + 1]) &&
		       text[n + 1])
			n += 1 + strspn(text + n + 1, LETTERS DIGITS);
		if (!n)
			return false;
		if (text[n] != '.')
			break;
	}
	if (!labels || strspn(text, LETTERS) != n || n < 2 || n > 5)
		return false;
	text += n;
	return (!*text || *text == '/') &&
	       strspn(text, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS
				    "-._~/?&=+%:@,;!$'()*") == strlen(text);
}
