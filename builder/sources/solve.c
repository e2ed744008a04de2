/* SPDX-License-Identifier: Apache-2.0 */
/* Requests into libsolv jobs, its decision into a list, its problems into text. */
#include "sources/solve.h"

#include <solv/evr.h>
#include <solv/problems.h>
#include <solv/solver.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/parse.h"
#include "sources/packages.h"
#include "sources/solve_internal.h"

enum { MAX_PROBLEMS = 4, MAX_LISTED = 12 };

static void
solver_clear(Solver *s)
{
	solver_free(s);
}
ENCL_AUTO_PTR(Solver, solver_clear);

/* What is being put together. */
struct request {
	struct encl_universe *u;
	const struct encl_layer_packages *packages;
	struct encl_log *log;
	Queue jobs;
	Queue start; /* the solvables that were asked for, first choice */
	int asked;   /* of them by the manifest; the rest is essential */
};

static void
request_clear(struct request *r)
{
	queue_free(&r->jobs);
	queue_free(&r->start);
}
ENCL_AUTO_VAL(struct request, request_clear);

static void
add(struct request *r, Id p)
{
	queue_push2(&r->jobs, SOLVER_INSTALL | SOLVER_SOLVABLE, p);
	queue_push(&r->start, p);
}

/* The versions that there are of a name, for an error. */
static int
no_such(const struct encl_universe *u, const char *asked, Id name, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 512};
	unsigned n = 0;

	for (Id p = 2; p < u->pool->nsolvables && n < MAX_LISTED; p++) {
		Solvable *s = pool_id2solvable(u->pool, p);

		if (s->repo && s->name == name)
			encl_buf_add_fmt(&list, "%s%s/%s", n++ ? ", " : "",
					 pool_id2str(u->pool, s->evr), s->repo->name);
	}
	return encl_fail(e, ENCL_FAILED, "no package \"%s\"; there are versions %s",
			 asked, encl_buf_text(&list));
}

/* NAME=VERSION or NAME/SUITE */
static int
ask_exact(struct request *r, const char *asked, const char *at, struct encl_err *e)
{
	Pool *pool = r->u->pool;
	encl_auto(encl_free) char *text = encl_xstrndup(asked, (size_t)(at - asked));
	Id name = pool_str2id(pool, text, 0);
	Id best = 0;
	bool any = false;

	for (Id p = 2; name && p < pool->nsolvables; p++) {
		Solvable *s = pool_id2solvable(pool, p);

		if (!s->repo || s->name != name)
			continue;
		any = true;
		if (*at == '=' ? pool_evrcmp_str(pool, pool_id2str(pool, s->evr), at + 1,
						 EVRCMP_COMPARE) != 0
			       : strcmp(s->repo->name, at + 1) != 0)
			continue;
		if (!best || pool_evrcmp(pool, s->evr, pool_id2solvable(pool, best)->evr,
					 EVRCMP_COMPARE) > 0)
			best = p;
	}
	if (!any)
		return encl_packages_unknown(r->u, text, e);
	if (!best)
		return no_such(r->u, asked, name, e);
	add(r, best);
	return 0;
}

/* The providers of a virtual package, one a name, best first. */
static void
list_providers(const struct request *r, Id name, Queue *out)
{
	Pool *pool = r->u->pool;
	Id p;
	Id pp;

	FOR_PROVIDES(p, pp, name)
	{
		int at = 0;

		if (encl_solve_candidate(r->u, pool_id2solvable(pool, p)->name) != p)
			continue;
		while (at < out->count && encl_solve_compare(r->u, &r->packages->prefer,
							     out->elements[at], p) < 0)
			at++;
		queue_insert(out, at, p);
	}
}

static int
ask_virtual(struct request *r, const char *asked, Id name, struct encl_err *e)
{
	encl_auto(encl_queue_clear) Queue list;
	encl_auto(encl_buf_clear) struct encl_buf names = {.cap = 512};
	const char *first;

	queue_init(&list);
	list_providers(r, name, &list);
	if (!list.count)
		return encl_packages_unknown(r->u, asked, e);
	first = pool_id2str(r->u->pool,
			    pool_id2solvable(r->u->pool, list.elements[0])->name);
	for (size_t i = 0; i < r->packages->prefer.n; i++)
		if (!strcmp(r->packages->prefer.v[i], first))
			queue_truncate(&list, 1);
	if (list.count == 1) {
		encl_info(r->log, "%s is virtual: taking %s", asked, first);
		add(r, list.elements[0]);
		return 0;
	}
	for (int i = 0; i < list.count && i < MAX_LISTED; i++)
		encl_buf_add_fmt(
			&names, "%s%s", i ? ", " : "",
			pool_id2str(
				r->u->pool,
				pool_id2solvable(r->u->pool, list.elements[i])->name));
	return encl_fail(e, ENCL_FAILED,
			 "\"%s\" is a virtual package: install one of %s%s, or put it "
			 "into \"prefer\"",
			 asked, encl_buf_text(&names),
			 list.count > MAX_LISTED ? ", …" : "");
}

static int
ask(struct request *r, const char *asked, struct encl_err *e)
{
	const char *at = asked + strcspn(asked, "=/");
	Id name;
	Id p;

	for (size_t i = 0; i < r->packages->exclude.n; i++)
		if (!strncmp(asked, r->packages->exclude.v[i], (size_t)(at - asked)) &&
		    !r->packages->exclude.v[i][at - asked])
			return encl_fail(e, ENCL_USAGE,
					 "\"%s\" is in \"install\" and in \"exclude\"",
					 r->packages->exclude.v[i]);
	if (*at)
		return ask_exact(r, asked, at, e);
	name = pool_str2id(r->u->pool, asked, 0);
	p = name ? encl_solve_candidate(r->u, name) : 0;
	if (p) {
		add(r, p);
		return 0;
	}
	return name ? ask_virtual(r, asked, name, e)
		    : encl_packages_unknown(r->u, asked, e);
}

static void
ask_essential(struct request *r)
{
	Pool *pool = r->u->pool;

	for (Id p = 2; p < pool->nsolvables; p++) {
		Solvable *s = pool_id2solvable(pool, p);

		if (s->repo && s->name < r->u->names && r->u->essential[s->name] &&
		    encl_solve_candidate(r->u, s->name) == p)
			add(r, p);
	}
}

static int
ask_all(struct request *r, struct encl_err *e)
{
	for (size_t i = 0; i < r->packages->install.n; i++)
		if (ask(r, r->packages->install.v[i], e))
			return -1;
	r->asked = r->start.count;
	if (r->packages->essential == ENCL_ESSENTIAL_ALL)
		ask_essential(r);
	return 0;
}

/* Each problem with all the rules that make it one. */
static int
explain(Solver *solver, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = 900};
	int n = (int)solver_problem_count(solver);

	for (Id problem = 1; problem <= n && problem <= MAX_PROBLEMS; problem++) {
		encl_auto(encl_queue_clear) Queue rules;

		queue_init(&rules);
		solver_findallproblemrules(solver, problem, &rules);
		for (int i = 0; i < rules.count; i++) {
			Id source;
			Id target;
			Id dep;
			SolverRuleinfo type = solver_ruleinfo(solver, rules.elements[i],
							      &source, &target, &dep);

			if (type == SOLVER_RULE_JOB && rules.count > 1)
				continue; /* says no more than that it was asked for */
			encl_buf_add_fmt(&text, "%s%s", text.len ? "; " : "",
					 solver_problemruleinfo2str(solver, type, source,
								    target, dep));
		}
	}
	return encl_fail(
		e, ENCL_FAILED, "the packages cannot be installed together: %s%s",
		encl_buf_text(&text), n > MAX_PROBLEMS || text.over ? "; …" : "");
}

/* Adds the walked packages to the jobs as action says and solves. */
static Solver *
attempt(const struct request *r, const Queue *walked, Id action, int *problems)
{
	encl_auto(encl_queue_clear) Queue jobs;
	Solver *solver = solver_create(r->u->pool);

	queue_init_clone(&jobs, &r->jobs);
	for (int i = 0; i < walked->count; i++)
		queue_push2(&jobs, action | SOLVER_SOLVABLE, walked->elements[i]);
	solver_set_flag(solver, SOLVER_FLAG_IGNORE_RECOMMENDED, 1);
	*problems = solver_solve(solver, &jobs);
	return solver;
}

/*
 * apt's choice where it can be installed.  Where it cannot (apt would give up,
 * or start to remove), libsolv searches, and favours what apt would take.
 */
static int
decide(struct request *r, Queue *set, struct encl_err *e)
{
	encl_auto(solver_clear) Solver *solver = NULL;
	encl_auto(encl_queue_clear) Queue walked;
	encl_auto(encl_queue_clear) Queue decided;
	int problems;

	queue_init(&walked);
	queue_init(&decided);
	encl_solve_walk(r->u, &r->packages->prefer, &r->start, &walked);
	solver = attempt(r, &walked, SOLVER_INSTALL, &problems);
	if (problems) {
		solver_free(encl_take(solver, NULL));
		solver = attempt(r, &walked, SOLVER_FAVOR, &problems);
	}
	if (problems)
		return explain(solver, e);
	solver_get_decisionqueue(solver, &decided);
	for (int i = 0; i < decided.count; i++)
		if (decided.elements[i] > 1)
			queue_push(set, decided.elements[i]);
	return 0;
}

static int
collect(struct request *r, const Queue *set, struct encl_debs *out, struct encl_err *e)
{
	encl_auto(encl_debs_clear) struct encl_debs d = {.n = 0};
	encl_auto(encl_free) const char **why =
		encl_xcalloc((size_t)r->u->pool->nsolvables, sizeof *why);

	for (int i = 0; i < r->start.count; i++)
		if (!why[r->start.elements[i]])
			why[r->start.elements[i]] =
				i < r->asked ? "manifest" : "essential";
	encl_solve_why(r->u, &r->start, set, why);
	d.arena = encl_arena_new();
	for (int i = 0; i < set->count; i++) {
		Id p = set->elements[i];

		if (encl_packages_take(r->u, p, why[p] ? why[p] : "manifest", &d, e))
			return -1;
	}
	encl_packages_sort(&d);
	*out = d;
	memset(&d, 0, sizeof d);
	return 0;
}

int
encl_solve(struct encl_env *env, struct encl_universe *u,
	   const struct encl_layer_packages *packages, struct encl_debs *out,
	   struct encl_err *e)
{
	encl_auto(request_clear) struct request r = {
		.u = u, .packages = packages, .log = env->log};
	encl_auto(encl_queue_clear) Queue set;

	queue_init(&r.jobs);
	queue_init(&r.start);
	queue_init(&set);
	encl_solve_assume(u, &packages->exclude);
	if (ask_all(&r, e) || decide(&r, &set, e))
		return -1;
	return collect(&r, &set, out, e);
}
