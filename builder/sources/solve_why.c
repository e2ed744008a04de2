/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants a package: breadth first from what the manifest asks for. */
#include <solv/bitmap.h>

#include "sources/solve_internal.h"

static void
reach(const struct encl_universe *u, const Map *set, Map *seen, Id from, Queue *todo,
      const char **why)
{
	Pool *pool = u->pool;
	Solvable *s = pool_id2solvable(pool, from);
	encl_auto(encl_queue_clear) Queue deps;

	queue_init(&deps);
	solvable_lookup_deparray(s, SOLVABLE_REQUIRES, &deps, 0);
	for (int i = 0; i < deps.count; i++) {
		Id p;
		Id pp;

		if (deps.elements[i] == SOLVABLE_PREREQMARKER)
			continue;
		FOR_PROVIDES(p, pp, deps.elements[i])
		{
			if (!MAPTST(set, p) || MAPTST(seen, p))
				continue;
			MAPSET(seen, p);
			why[p] = pool_id2str(pool, s->name);
			queue_push(todo, p);
		}
	}
}

void
encl_solve_why(const struct encl_universe *u, const Queue *start, const Queue *set,
	       const char **why)
{
	encl_auto(encl_queue_clear) Queue todo;
	Map in_set;
	Map seen;

	queue_init(&todo);
	map_init(&in_set, u->pool->nsolvables);
	map_init(&seen, u->pool->nsolvables);
	for (int i = 0; i < set->count; i++)
		MAPSET(&in_set, set->elements[i]);
	for (int i = 0; i < start->count; i++) {
		if (!MAPTST(&seen, start->elements[i]))
			queue_push(&todo, start->elements[i]);
		MAPSET(&seen, start->elements[i]);
	}
	for (int i = 0; i < todo.count; i++)
		reach(u, &in_set, &seen, todo.elements[i], &todo, why);
	map_free(&in_set);
	map_free(&seen);
}
