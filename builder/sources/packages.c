/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A package layer: lock solves it against signed indexes and fetches all of
 * it; emit takes exactly what the pin names, in the order of names.
 */
#include "sources/packages.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "sources/solve.h"
#include "sources/source.h"

void
encl_package_set_clear(struct encl_package_set *s)
{
	free(s->v);
	encl_arena_free(s->arena);
	memset(s, 0, sizeof *s);
}

int
encl_packages_lock(struct encl_env *env, const struct encl_manifest *m,
		   const struct encl_layer_packages *packages, const json_t *old_pin,
		   json_t **pin, struct encl_err *e)
{
	encl_auto(encl_universe_clear) struct encl_universe u = {.pool = NULL};
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	json_t *sources;

	(void)old_pin; /* what did not move is in the cache */
	if (encl_universe_load(env, m, packages->sources, packages->n_sources, &u, e) ||
	    encl_solve(env, &u, packages, &d, e))
		return -1;
	sources = encl_packages_sources(&u);
	encl_universe_clear(&u); /* the indexes are large, and done with */
	if (encl_debs_prepare(env, m, packages->sources, packages->n_sources, &d, e)) {
		json_decref(sources);
		return -1;
	}
	*pin = json_pack("{s:o, s:o}", "sources", sources, "packages",
			 encl_debs_to_json(&d));
	return 0;
}

int
encl_packages_emit(struct encl_env *env, const struct encl_manifest *m,
		   const struct encl_layer_packages *packages, const json_t *pin,
		   struct encl_entry_sink *sink, struct encl_package_set *set,
		   struct encl_err *e)
{
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	encl_auto(encl_package_set_clear) struct encl_package_set s = {.n = 0};
	json_t *list;

	if (encl_json_array(pin, "packages", "lock: packages", &list, e) ||
	    encl_debs_from_json(list, &d, e) ||
	    encl_debs_prepare(env, m, packages->sources, packages->n_sources, &d, e))
		return -1;
	encl_packages_sort(&d);
	s.arena = encl_arena_new();
	s.v = encl_xcalloc(d.n, sizeof *s.v);
	for (size_t i = 0; i < d.n; i++, s.n++)
		if (encl_deb_emit_one(env, &d.v[i], packages->docs, sink, s.arena,
				      &s.v[i], e))
			return -1;
	*set = s;
	memset(&s, 0, sizeof s);
	return 0;
}
