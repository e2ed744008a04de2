/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a table to rows. */
#include "sources/table.h"

#include <string.h>

static size_t
split(char *p, size_t columns, const char **column)
{
	size_t n = 0;

	while (n < columns) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		column[n++] = p;
		if (n == columns)
			break;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = 0;
	}
	return n;
}

int
encl_table_next(const char **at, unsigned *line, size_t columns,
		struct encl_table_row *row, bool *found, struct encl_err *e)
{
	*found = false;
	while (**at && !*found) {
		const char *p = *at;
		size_t n = strcspn(p, "\n");

		*at += n + (p[n] == '\n');
		++*line;
		while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
			n--;
		if (n == 0 || *p == '#')
			continue;
		if (n >= sizeof row->text)
			return encl_fail(e, ENCL_FAILED, "table line %u is too long",
					 *line);
		memcpy(row->text, p, n);
		row->text[n] = 0;
		row->line = *line;
		row->n = split(row->text, columns, row->column);
		if (row->n != columns)
			return encl_fail(e, ENCL_FAILED,
					 "table line %u has %zu of %zu columns", *line,
					 row->n, columns);
		*found = true;
	}
	return 0;
}
