/* SPDX-License-Identifier: Apache-2.0 */
/* Packages as lines of the lock. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "sources/deb_store.h"
#include "sources/universe.h"

static json_t *
hex_json(const struct encl_digest *d)
{
	char hex[2 * ENCL_DIGEST_MAX + 1];

	encl_hex(d->bytes, encl_digest_size(d->algo), hex);
	return json_string(hex);
}

json_t *
encl_debs_to_json(const struct encl_debs *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++) {
		const struct encl_deb *p = &d->v[i];
		json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "name", p->name,
				      "version", p->version, "arch", p->arch, "suite",
				      p->suite, "filename", p->filename, "size",
				      (json_int_t)p->size);

		json_object_set_new(o, "sha256", hex_json(&p->deb));
		json_object_set_new(o, "dataSha256", hex_json(&p->data));
		if (p->why)
			json_object_set_new(o, "why", json_string(p->why));
		json_array_append_new(list, o);
	}
	return list;
}

static int
read_digest(const json_t *o, const char *key, const char *what, struct encl_digest *out,
	    struct encl_err *e)
{
	struct encl_digest d = {.algo = ENCL_SHA256};
	const char *hex;

	if (encl_json_str(o, key, what, &hex, e))
		return -1;
	if (!encl_unhex(hex, d.bytes, encl_digest_size(ENCL_SHA256)))
		return encl_fail(e, ENCL_FAILED, "%s: \"%s\" is not a sha256", what, key);
	*out = d;
	return 0;
}

/* Names go into paths, URLs and listings: what Debian allows and no more. */
static bool
is_plain(const char *s)
{
	if (!*s || *s == '.' || *s == '-')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			 ".+-~:_/") == strlen(s);
}

static int
read_one(const json_t *o, struct encl_arena *a, struct encl_deb *d, struct encl_err *e)
{
	const struct {
		const char *key;
		const char **place;
	} texts[] = {{"name", &d->name},
		     {"version", &d->version},
		     {"arch", &d->arch},
		     {"suite", &d->suite},
		     {"filename", &d->filename}};
	const char *what = "lock: package";
	const char *why = json_string_value(json_object_get(o, "why"));

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *s;

		if (encl_json_str(o, texts[i].key, what, &s, e))
			return -1;
		if (!is_plain(s) ||
		    (texts[i].place == &d->filename && !encl_deb_filename_ok(s)))
			return encl_fail(e, ENCL_FAILED,
					 "lock: package %s: \"%s\" is not acceptable",
					 d->name ? d->name : "", texts[i].key);
		*texts[i].place = encl_arena_strdup(a, s);
	}
	d->why = why ? encl_arena_strdup(a, why) : NULL;
	if (encl_json_u64(o, "size", what, &d->size, e) ||
	    read_digest(o, "sha256", what, &d->deb, e) ||
	    read_digest(o, "dataSha256", what, &d->data, e))
		return -1;
	d->has_data = true;
	return 0;
}

int
encl_debs_from_json(const json_t *list, struct encl_debs *out, struct encl_err *e)
{
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};

	d.v = encl_xcalloc(json_array_size(list), sizeof *d.v);
	d.arena = encl_arena_new();
	for (size_t i = 0; i < json_array_size(list); i++, d.n++)
		if (read_one(json_array_get(list, i), d.arena, &d.v[i], e))
			return -1;
	*out = d;
	memset(&d, 0, sizeof d);
	return 0;
}
