/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apt's first choice, computed without looking at conflicts: libsolv is told
 * to favour it, and decides.
 */
#include <solv/bitmap.h>
#include <solv/evr.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/solve_internal.h"

enum { MAX_ALTERNATIVES = 4096 };

static size_t
preference(const struct encl_strings *prefer, const char *name)
{
	size_t i = 0;

	while (i < prefer->n && strcmp(prefer->v[i], name) != 0)
		i++;
	return i;
}

/* A package without Priority is as one that is optional. */
static int
rank(const struct encl_universe *u, Id name)
{
	int known = name < u->names ? u->priority[name] : 0;

	return known ? known : 4;
}

int
encl_solve_compare(const struct encl_universe *u, const struct encl_strings *prefer, Id a,
		   Id b)
{
	const Solvable *x = pool_id2solvable(u->pool, a);
	const Solvable *y = pool_id2solvable(u->pool, b);
	const char *name_x = pool_id2str(u->pool, x->name);
	const char *name_y = pool_id2str(u->pool, y->name);
	size_t px = preference(prefer, name_x);
	size_t py = preference(prefer, name_y);
	int rank_x = rank(u, x->name);
	int rank_y = rank(u, y->name);

	if (px != py)
		return px < py ? -1 : 1;
	if (x->repo->priority != y->repo->priority)
		return x->repo->priority > y->repo->priority ? -1 : 1;
	if (rank_x != rank_y)
		return rank_x - rank_y;
	return strcmp(name_x, name_y);
}

static bool
is_better_version(const Pool *pool, Id a, Id b)
{
	const Solvable *x = pool_id2solvable(pool, a);
	const Solvable *y = pool_id2solvable(pool, b);

	if (x->repo->priority != y->repo->priority)
		return x->repo->priority > y->repo->priority;
	return pool_evrcmp(pool, x->evr, y->evr, EVRCMP_COMPARE) > 0;
}

Id
encl_solve_candidate(const struct encl_universe *u, Id name)
{
	Pool *pool = u->pool;
	Id best = 0;
	Id p;
	Id pp;

	FOR_PROVIDES(p, pp, name)
	{
		if (pool_id2solvable(pool, p)->name == name &&
		    (!best || is_better_version(pool, p, best)))
			best = p;
	}
	return best;
}

struct walk {
	const struct encl_universe *u;
	const struct encl_strings *prefer;
	Map marked;
	Queue *out;
	/* solvables whose dependencies are being followed */
	struct frame {
		Queue deps;
		int next;
	} * stack;
	size_t depth;
	size_t room;
};

static void
enter(struct walk *w, Id p)
{
	struct frame *f;

	MAPSET(&w->marked, p);
	queue_push(w->out, p);
	if (w->depth == w->room) {
		w->room = w->room ? w->room * 2 : 64;
		w->stack = encl_xrealloc(w->stack, w->room, sizeof *w->stack);
	}
	f = &w->stack[w->depth++];
	queue_init(&f->deps);
	solvable_lookup_deparray(pool_id2solvable(w->u->pool, p), SOLVABLE_REQUIRES,
				 &f->deps, 0);
	f->next = 0;
}

static bool
is_satisfied(const struct walk *w, Id dep)
{
	Pool *pool = w->u->pool;
	Id p;
	Id pp;

	FOR_PROVIDES(p, pp, dep)
	{
		if (MAPTST(&w->marked, p))
			return true;
	}
	return false;
}

/* Best candidate of one alternative (no "|" in it), or 0. */
static Id
choose(const struct walk *w, Id dep)
{
	Pool *pool = w->u->pool;
	Id name = dep;
	Id best = 0;
	Id p;
	Id pp;

	for (Reldep *r; (r = encl_reldep(pool, name));)
		name = r->name;
	FOR_PROVIDES(p, pp, dep)
	{
		Id own = pool_id2solvable(pool, p)->name;

		if (encl_solve_candidate(w->u, own) != p)
			continue;
		if (own == name)
			return p;
		if (!best || encl_solve_compare(w->u, w->prefer, p, best) < 0)
			best = p;
	}
	return best;
}

static void
follow(struct walk *w, Id dep)
{
	Id found = 0;

	if (dep == SOLVABLE_PREREQMARKER || is_satisfied(w, dep))
		return;
	for (unsigned i = 0; i < MAX_ALTERNATIVES && !found; i++) {
		Reldep *r = encl_reldep(w->u->pool, dep);

		if (!r || r->flags != REL_OR) {
			found = choose(w, dep);
			break;
		}
		found = choose(w, r->name);
		dep = r->evr;
	}
	if (found)
		enter(w, found);
}

void
encl_solve_walk(const struct encl_universe *u, const struct encl_strings *prefer,
		const Queue *start, Queue *out)
{
	struct walk w = {.u = u, .prefer = prefer, .out = out};

	map_init(&w.marked, u->pool->nsolvables);
	for (int i = 0; i < start->count; i++) {
		if (!MAPTST(&w.marked, start->elements[i]))
			enter(&w, start->elements[i]);
		while (w.depth) {
			struct frame *f = &w.stack[w.depth - 1];

			if (f->next < f->deps.count) {
				follow(&w, f->deps.elements[f->next++]);
			} else {
				queue_free(&f->deps);
				w.depth--;
			}
		}
	}
	map_free(&w.marked);
	free(w.stack);
}
