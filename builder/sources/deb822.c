/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of Debian's control format. */
#include "sources/deb822.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buf.h"

static size_t
line_length(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? (size_t)(nl - p) : (size_t)(end - p);
}

static bool
is_blank_line(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

bool
encl_deb822_next(struct encl_deb822 *r, const char **stanza, size_t *n)
{
	const char *start = NULL;

	while (r->p < r->end) {
		const char *line = r->p;
		size_t len = line_length(line, r->end);
		bool blank = is_blank_line(line, len);

		r->p = line + len + (line + len < r->end);
		if (!blank && !start)
			start = line;
		if (blank && start) {
			*stanza = start;
			*n = (size_t)(line - start);
			return true;
		}
	}
	if (!start)
		return false;
	*stanza = start;
	*n = (size_t)(r->end - start);
	return true;
}

static void
add_trimmed(struct encl_buf *b, const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
		n--;
	encl_buf_add(b, p, n);
}

char *
encl_deb822_field(const char *stanza, size_t n, const char *name)
{
	const char *end = stanza + n;
	size_t name_len = strlen(name);
	encl_auto(encl_buf_clear) struct encl_buf value = {.cap = n + 1};
	bool inside = false;

	for (const char *line = stanza; line < end;) {
		size_t len = line_length(line, end);

		if (inside && len && (*line == ' ' || *line == '\t')) {
			encl_buf_add_byte(&value, '\n');
			add_trimmed(&value, line, len);
		} else if (inside) {
			break;
		} else if (len > name_len && line[name_len] == ':' &&
			   !strncasecmp(line, name, name_len)) {
			inside = true;
			add_trimmed(&value, line + name_len + 1, len - name_len - 1);
		}
		line += len + 1;
	}
	return inside ? (char *)encl_buf_steal(&value, NULL) : NULL;
}

bool
encl_deb822_yes(const char *value)
{
	return value && (!strcasecmp(value, "yes") || !strcasecmp(value, "true"));
}

char *
encl_deb822_word(char **p)
{
	char *start = *p + strspn(*p, " \t\r\n");
	size_t n = strcspn(start, " \t\r\n");

	if (!n)
		return NULL;
	*p = start + n + (start[n] != 0);
	start[n] = 0;
	return start;
}
