/* SPDX-License-Identifier: Apache-2.0 */
/* From solvables to the lines of a pin, and the error for a name that is none. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "sources/packages.h"

json_t *
encl_packages_sources(const struct encl_universe *u)
{
	json_t *list = json_array();

	for (size_t i = 0; i < u->n; i++) {
		const struct encl_release *r = &u->v[i].release;
		json_t *components = json_array();
		json_t *signers = json_array();
		char hex[2 * ENCL_DIGEST_MAX + 1];

		for (size_t k = 0; k < r->repo->components.n; k++)
			json_array_append_new(components,
					      json_string(r->repo->components.v[k]));
		for (size_t k = 0; k < r->signers.n; k++)
			json_array_append_new(signers, json_string(r->signers.v[k]));
		encl_hex(r->digest.bytes, encl_digest_size(r->digest.algo), hex);
		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:s, s:s, s:o}", "suite",
						r->repo->suite, "components", components,
						"date", r->date, "inReleaseSha256", hex,
						"signers", signers));
	}
	return list;
}

int
encl_packages_take(const struct encl_universe *u, Id p, const char *why,
		   struct encl_debs *d, struct encl_err *e)
{
	encl_auto(encl_solvable_clear) struct encl_solvable s = {.filename = NULL};

	if (encl_solvable_read(u, p, &s, e))
		return -1;
	d->v = encl_xrealloc(d->v, d->n + 1, sizeof *d->v);
	d->v[d->n++] = (struct encl_deb){
		.name = encl_arena_strdup(d->arena, s.name),
		.version = encl_arena_strdup(d->arena, s.version),
		.arch = encl_arena_strdup(d->arena, s.arch),
		.suite = encl_arena_strdup(d->arena, s.suite->release.repo->suite),
		.filename = encl_arena_strdup(d->arena, s.filename),
		.why = encl_arena_strdup(d->arena, why),
		.size = s.size,
		.deb = s.digest,
	};
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_deb *x = a;
	const struct encl_deb *y = b;

	return strcmp(x->name, y->name);
}

void
encl_packages_sort(struct encl_debs *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof *d->v, by_name);
}

int
encl_packages_unknown(const struct encl_universe *u, const char *name, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf suites = {.cap = 256};
	encl_auto(encl_free) char *shown = encl_escape(name, strlen(name));
	unsigned limit = (unsigned)strlen(name) / 3 + 1;
	unsigned nearest = limit + 1;
	const char *near = NULL;

	for (Id p = 2; p < u->pool->nsolvables; p++) {
		Solvable *s = pool_id2solvable(u->pool, p);
		const char *other = s->repo ? pool_id2str(u->pool, s->name) : "";
		unsigned distance = encl_edit_distance(name, other);

		if (distance > limit || distance > nearest ||
		    (distance == nearest && near && strcmp(near, other) <= 0))
			continue;
		nearest = distance;
		near = other;
	}
	for (size_t i = 0; i < u->n; i++)
		encl_buf_add_fmt(&suites, "%s%s", i ? ", " : "",
				 u->v[i].release.repo->suite);
	return encl_fail(e, ENCL_FAILED, "no package \"%s\" in %s%s%s%s", shown,
			 encl_buf_text(&suites), near ? " (did you mean " : "",
			 near ? near : "", near ? "?)" : "");
}
