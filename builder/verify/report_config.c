/* SPDX-License-Identifier: Apache-2.0 */
/* launch's config to records. */
#include "verify/report_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ramdisk/launch_config.h"

enum { RECORDS_MAX = 100000 };

void
encl_config_clear(struct encl_config *c)
{
	free(c->text);
	free(c->v);
	memset(c, 0, sizeof *c);
}

/* One record at p, in place: its bytes, or 0. */
static size_t
read_record(char *p, size_t left, struct encl_config_record *out)
{
	struct encl_launch_item item;
	size_t n = encl_launch_config_next(p, left, &item);

	if (!n || !*item.key || memchr(item.value, '\0', item.n))
		return 0;
	out->key = p;
	out->value = p + (item.value - p);
	p[strlen(item.key)] = '\0'; /* the space behind it */
	out->value[item.n] = '\0';  /* its newline */
	return n;
}

bool
encl_config_read(const char *text, size_t n, struct encl_config *out)
{
	encl_auto(encl_config_clear) struct encl_config c = {.n = 0};
	size_t at = encl_launch_config_begin(text, n);
	size_t room = 0;
	size_t length;

	if (!at)
		return false;
	c.text = encl_xmemdup(text, n);
	for (;;) {
		if (c.n == RECORDS_MAX)
			return false;
		if (c.n == room) {
			room = room ? 2 * room : 64;
			c.v = encl_xrealloc(c.v, room, sizeof *c.v);
		}
		length = read_record(c.text + at, n - at, &c.v[c.n]);
		if (!length)
			return false;
		at += length;
		if (!strcmp(c.v[c.n].key, "end"))
			break;
		c.n++;
	}
	while (c.n_global < c.n && strcmp(c.v[c.n_global].key, "unit") != 0)
		c.n_global++;
	if (at != n)
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
