/* SPDX-License-Identifier: Apache-2.0 */
/* explicit_bzero before free, for text, buffers and JSON. */
#include "base/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

void
encl_secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void
encl_secret_buf_init(struct encl_buf *b, size_t cap)
{
	encl_buf_init(b, cap);
	b->room = cap + 1;
	b->data = encl_xcalloc(b->room, 1);
}

void
encl_secret_buf_clear(struct encl_buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->room);
	encl_buf_clear(b);
}

int
encl_secret_json_parse(const char *text, size_t n, const char *what, json_t **out,
		       struct encl_err *e)
{
	static const char mark[] = ": not valid JSON: ";
	char *said;
	char *near;

	if (!encl_json_parse(text, n, what, out, e))
		return 0;
	said = strstr(e->msg, mark);
	near = said ? strstr(said, " near '") : NULL;
	if (near)
		explicit_bzero(near, sizeof e->msg - (size_t)(near - e->msg));
	return -1;
}

/* Depth is bounded by encl_json_parse. */
static void
wipe(json_t *v)
{
	json_t *member;
	const char *key;
	size_t i;

	if (json_is_string(v))
		explicit_bzero((char *)(uintptr_t)json_string_value(v),
			       json_string_length(v));
	else if (json_is_array(v))
		json_array_foreach (v, i, member)
			wipe(member);
	else
		json_object_foreach (v, key, member)
			wipe(member);
}

void
encl_secret_json_free(json_t *v)
{
	if (v)
		wipe(v);
	json_decref(v);
}
