/* SPDX-License-Identifier: Apache-2.0 */
/* Packages that are assumed to be there: their names leave the pool. */
#include <solv/bitmap.h>
#include <solv/repo.h>

#include "sources/solve_internal.h"

/*
 * The usr-merge links are made by us (rootfs/debian.h), which is all that this
 * package says; without it bookworm's init-system-helpers pulls usrmerge and
 * with that perl.
 */
#define ALWAYS "usr-is-merged"

enum { MAX_DEPTH = 4096 }; /* alternatives in one dependency */

static void
assume_name(struct encl_universe *u, Map *names, const char *text, bool remove)
{
	Pool *pool = u->pool;
	Id name = pool_str2id(pool, text, 0);

	if (!name)
		return;
	MAPSET(names, name);
	if (!remove)
		return;
	for (Id p = 2; p < pool->nsolvables; p++) {
		Solvable *s = pool_id2solvable(pool, p);
		Queue provides;

		if (!s->repo || s->name != name)
			continue;
		queue_init(&provides);
		solvable_lookup_deparray(s, SOLVABLE_PROVIDES, &provides, 0);
		for (int i = 0; i < provides.count; i++) {
			Id id = provides.elements[i];

			for (Reldep *r; (r = encl_reldep(pool, id));)
				id = r->name;
			MAPSET(names, id);
		}
		queue_free(&provides);
		repo_free_solvable(s->repo, p, 0);
	}
}

/* Some alternative of a dependency is an assumed name. */
static bool
is_assumed(const Pool *pool, const Map *names, Id dep)
{
	for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
		Reldep *r = encl_reldep(pool, dep);
		Id left = r && r->flags == REL_OR ? r->name : dep;

		for (Reldep *l; (l = encl_reldep(pool, left));)
			left = l->name;
		if (left < names->size << 3 && MAPTST(names, left))
			return true;
		if (!r || r->flags != REL_OR)
			return false;
		dep = r->evr;
	}
	return false;
}

static void
strip(Pool *pool, const Map *names, Solvable *s)
{
	Queue deps;
	int kept = 0;

	queue_init(&deps);
	solvable_lookup_deparray(s, SOLVABLE_REQUIRES, &deps, 0);
	for (int i = 0; i < deps.count; i++)
		if (!is_assumed(pool, names, deps.elements[i]))
			deps.elements[kept++] = deps.elements[i];
	if (kept != deps.count) {
		queue_truncate(&deps, kept);
		solvable_set_deparray(s, SOLVABLE_REQUIRES, &deps, 0);
	}
	queue_free(&deps);
}

void
encl_solve_assume(struct encl_universe *u, const struct encl_strings *list)
{
	Pool *pool = u->pool;
	Map names;

	if (u->prepared)
		return;
	map_init(&names, pool->ss.nstrings);
	assume_name(u, &names, ALWAYS, false);
	for (size_t i = 0; i < list->n; i++)
		assume_name(u, &names, list->v[i], true);
	for (Id p = 2; p < pool->nsolvables; p++)
		if (pool_id2solvable(pool, p)->repo)
			strip(pool, &names, pool_id2solvable(pool, p));
	map_free(&names);
	pool_createwhatprovides(pool);
	u->prepared = true;
}
