/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One package by name, for kernels: its newest version, and the dependencies
 * whose names begin with a prefix; nothing is solved.
 */
#include <solv/evr.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "sources/deb_store.h"
#include "sources/packages.h"
#include "sources/source.h"
#include "sources/universe.h"

enum { MAX_FOLLOWED = 16 };

/* The highest version; of suites that are not automatic only where no other
 * has it. */
static Id
best(const struct encl_universe *u, const char *name)
{
	Pool *pool = u->pool;
	Id id = pool_str2id(pool, name, 0);
	Id found = 0;

	for (Id p = 2; id && p < pool->nsolvables; p++) {
		Solvable *s = pool_id2solvable(pool, p);
		Solvable *f = pool_id2solvable(pool, found);

		if (!s->repo || s->name != id)
			continue;
		if (!found || s->repo->priority > f->repo->priority ||
		    (s->repo->priority == f->repo->priority &&
		     pool_evrcmp(pool, s->evr, f->evr, EVRCMP_COMPARE) > 0))
			found = p;
	}
	return found;
}

static bool
is_taken(const struct encl_debs *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].name, name))
			return true;
	return false;
}

static int
take(const struct encl_universe *u, const char *name, const char *why,
     struct encl_debs *d, Id *p, struct encl_err *e)
{
	*p = best(u, name);
	if (!*p)
		return encl_packages_unknown(u, name, e);
	return encl_packages_take(u, *p, why, d, e);
}

/* Adds the dependencies of what was taken last, and theirs. */
static int
take_followed(const struct encl_universe *u, Id p, const char *follow,
	      struct encl_debs *d, struct encl_err *e)
{
	const char *why = pool_id2str(u->pool, pool_id2solvable(u->pool, p)->name);
	Queue deps;
	int rc = 0;

	queue_init(&deps);
	solvable_lookup_deparray(pool_id2solvable(u->pool, p), SOLVABLE_REQUIRES, &deps,
				 -1);
	for (int i = 0; i < deps.count && !rc; i++) {
		Id dep = deps.elements[i];
		const char *name;
		Id q = 0;

		for (Reldep *r; (r = encl_reldep(u->pool, dep));)
			dep = r->name;
		name = pool_id2str(u->pool, dep);
		if (strncmp(name, follow, strlen(follow)) != 0 || is_taken(d, name))
			continue;
		if (d->n >= MAX_FOLLOWED)
			rc = encl_fail(e, ENCL_FAILED, "%s: too many dependencies", why);
		else
			rc = take(u, name, why, d, &q, e);
		if (!rc) /* depth is bounded: each level takes one more of 16 */
			rc = take_followed(u, q, follow, d, e);
	}
	queue_free(&deps);
	return rc;
}

int
encl_deb_lock(struct encl_env *env, const struct encl_manifest *m,
	      const struct encl_apt_source *source, const char *package,
	      const char *follow, json_t **pin, struct encl_err *e)
{
	encl_auto(encl_universe_clear) struct encl_universe u = {.pool = NULL};
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	Id p = 0;

	d.arena = encl_arena_new();
	if (encl_universe_load(env, m, source, 1, &u, e) ||
	    take(&u, package, "manifest", &d, &p, e) ||
	    (follow && take_followed(&u, p, follow, &d, e)))
		return -1;
	encl_packages_sort(&d);
	if (encl_debs_prepare(env, m, source, 1, &d, e))
		return -1;
	*pin = json_pack("{s:o, s:o}", "sources", encl_packages_sources(&u), "packages",
			 encl_debs_to_json(&d));
	return 0;
}

/* emit has no source at hand but the manifest's kernel. */
int
encl_deb_emit(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
	      struct encl_entry_sink *sink, struct encl_err *e)
{
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	json_t *list;

	if (encl_json_array(pin, "packages", "lock: kernel", &list, e) ||
	    encl_debs_from_json(list, &d, e) ||
	    encl_debs_prepare(env, m, &m->boot.kernel.source, 1, &d, e))
		return -1;
	for (size_t i = 0; i < d.n; i++)
		if (encl_deb_emit_one(env, &d.v[i], true, sink, NULL, NULL, e))
			return -1;
	return 0;
}
