/* SPDX-License-Identifier: Apache-2.0 */
/* --exchange NAME=FOLDER to a folder that is shared. */
#include "shared.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

void
shared_clear(struct shared *s)
{
	free(s->v);
	memset(s, 0, sizeof *s);
}

/* False where the image's own words about it make no sense. */
static bool
read_entry(const json_t *entry, struct encl_folder *out)
{
	const char *mode = json_string_value(json_object_get(entry, "mode"));
	json_int_t vsock = json_integer_value(json_object_get(entry, "vsock"));
	json_int_t mib = json_integer_value(json_object_get(entry, "maxMiB"));

	out->name = json_string_value(json_object_get(entry, "name"));
	if (!out->name || !mode || vsock < 1 || vsock >= UINT32_MAX || mib < 1 ||
	    mib > 65536)
		return false;
	out->vsock = (uint32_t)vsock;
	out->writable = !strcmp(mode, "both");
	out->max_bytes = (uint64_t)mib << 20;
	return true;
}

static int
find(const char *text, const json_t *about, struct encl_folder *out, struct encl_err *e)
{
	const char *equals = strchr(text, '=');
	const json_t *entry;
	size_t n, i;

	if (!equals || !equals[1])
		return encl_fail(e, ENCL_USAGE, "--exchange %s: write NAME=FOLDER", text);
	n = (size_t)(equals - text);
	json_array_foreach (json_object_get(about, "exchange"), i, entry) {
		if (!read_entry(entry, out) || strlen(out->name) != n ||
		    strncmp(out->name, text, n) != 0)
			continue;
		out->path = equals + 1;
		return 0;
	}
	return encl_fail(e, ENCL_USAGE,
			 "--exchange %s: the image's manifest has no exchange of that "
			 "name",
			 text);
}

int
shared_choose(const struct args *args, const json_t *about, struct shared *out,
	      struct encl_err *e)
{
	encl_auto(shared_clear) struct shared s = {0};
	const char *text;
	size_t n = 0;

	while (args_nth(args, "exchange", n))
		n++;
	if (n && args_has(args, "no-vsock"))
		return encl_fail(e, ENCL_USAGE,
				 "--exchange needs vsock; leave --no-vsock out");
	s.v = encl_xcalloc(n + 1, sizeof *s.v);
	for (; (text = args_nth(args, "exchange", s.n)); s.n++) {
		if (find(text, about, &s.v[s.n], e))
			return -1;
		for (size_t i = 0; i < s.n; i++)
			if (!strcmp(s.v[i].name, s.v[s.n].name))
				return encl_fail(e, ENCL_USAGE,
						 "--exchange %s is given twice",
						 s.v[i].name);
	}
	*out = encl_take(s, (struct shared){0});
	return 0;
}
