/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the solver share. */
#ifndef ENCL_SOURCES_SOLVE_INTERNAL_H
#define ENCL_SOURCES_SOLVE_INTERNAL_H

#include <solv/solver.h>

#include "sources/solve.h"

/* A list of Ids that frees itself. */
static inline void
encl_queue_clear(Queue *q)
{
	queue_free(q);
}
ENCL_AUTO_VAL(Queue, encl_queue_clear);

/*
 * solve_assume.c: takes the packages of these names (and usr-is-merged) out of
 * the pool and every dependency that they would satisfy out of the others.
 * Once a pool; prepares its index of providers too.
 */
void encl_solve_assume(struct encl_universe *u, const struct encl_strings *names);

/* solve_walk.c: better first; by `prefer`, then priority, then name. */
int encl_solve_compare(const struct encl_universe *u, const struct encl_strings *prefer,
		       Id a, Id b);

/* The candidate of a name: the newest version of the best suite; 0: none. */
Id encl_solve_candidate(const struct encl_universe *u, Id name);

/*
 * What apt would mark for installation, in its order, starting from the
 * solvables in start: the first alternative unless another is marked already,
 * a package before those that provide its name.
 */
void encl_solve_walk(const struct encl_universe *u, const struct encl_strings *prefer,
		     const Queue *start, Queue *out);

/* solve_why.c: for each of d (sorted by name) its reason. */
void encl_solve_why(const struct encl_universe *u, const Queue *start, const Queue *set,
		    const char **why);

#endif
