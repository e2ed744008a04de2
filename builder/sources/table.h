/* SPDX-License-Identifier: Apache-2.0 */
/* The text tables of manifests/: '#' comments, columns parted by blanks. */
#ifndef ENCL_SOURCES_TABLE_H
#define ENCL_SOURCES_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { ENCL_TABLE_COLUMNS = 8, ENCL_TABLE_LINE = 256 };

struct encl_table_row {
	unsigned line;
	size_t n;
	const char *
		column[ENCL_TABLE_COLUMNS]; /* into text; the last one keeps its blanks */
	char text[ENCL_TABLE_LINE];
};

/*
 * The next row at *at, which moves on; *found false at the end.  columns: how
 * many a row has.  ENCL_FAILED "table line N: …" where a row has fewer or is
 * too long.
 */
int encl_table_next(const char **at, unsigned *line, size_t columns,
		    struct encl_table_row *row, bool *found,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
