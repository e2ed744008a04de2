/* SPDX-License-Identifier: Apache-2.0 */
/* launch's config to records. */
#include "verify/report_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

#define FIRST_LINE "enclave-launch 2\n"

enum { KEY_MAX = 64, RECORDS_MAX = 100000, DIGITS_MAX = 8 };

void
encl_config_clear(struct encl_config *c)
{
	free(c->text);
	free(c->v);
	memset(c, 0, sizeof *c);
}

/* "KEY LENGTH\n" at p: its end, or NULL. */
static char *
read_head(char *p, char *end, char **key, uint64_t *size)
{
	char *line = memchr(p, '\n', (size_t)(end - p));
	char *space = line ? memchr(p, ' ', (size_t)(line - p)) : NULL;

	if (!space || space == p || space - p > KEY_MAX || line - space > DIGITS_MAX)
		return NULL;
	*space = *line = '\0';
	*key = p;
	return encl_parse_uint(space + 1, 10, UINT32_MAX, size) ? line + 1 : NULL;
}

/* One record at p: where the next begins, or NULL. */
static char *
read_record(char *p, char *end, struct encl_config_record *out)
{
	uint64_t size = 0;
	char *value = read_head(p, end, &out->key, &size);

	if (!value || size >= (uint64_t)(end - value) || value[size] != '\n' ||
	    memchr(value, '\0', size))
		return NULL;
	value[size] = '\0';
	out->value = value;
	return value + size + 1;
}

bool
encl_config_read(const char *text, size_t n, struct encl_config *out)
{
	encl_auto(encl_config_clear) struct encl_config c = {.n = 0};
	const size_t head = strlen(FIRST_LINE);
	size_t room = 0;
	char *end;
	char *p;

	if (n < head || memcmp(text, FIRST_LINE, head) != 0)
		return false;
	c.text = encl_xmalloc(n + 1);
	memcpy(c.text, text, n);
	end = c.text + n;
	*end = '\0';
	p = c.text + head;
	for (;;) {
		if (c.n == RECORDS_MAX)
			return false;
		if (c.n == room) {
			room = room ? 2 * room : 64;
			c.v = encl_xrealloc(c.v, room, sizeof *c.v);
		}
		p = read_record(p, end, &c.v[c.n]);
		if (!p)
			return false;
		if (!strcmp(c.v[c.n].key, "end"))
			break;
		c.n++;
	}
	while (c.n_global < c.n && strcmp(c.v[c.n_global].key, "unit") != 0)
		c.n_global++;
	if (p != end)
		return false;
	*out = c;
	memset(&c, 0, sizeof c);
	return true;
}

const char *
encl_config_find(const struct encl_config *c, size_t from, size_t end, const char *key)
{
	for (size_t i = from; i < end; i++)
		if (!strcmp(c->v[i].key, key))
			return c->v[i].value;
	return NULL;
}

size_t
encl_config_unit_end(const struct encl_config *c, size_t from)
{
	size_t i = from + 1;

	while (i < c->n && strcmp(c->v[i].key, "unit") != 0)
		i++;
	return i;
}
