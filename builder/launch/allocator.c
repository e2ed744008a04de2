/* SPDX-License-Identifier: Apache-2.0 */
/* What is to change on this machine so that an enclave of a size fits. */
#include "launch/allocator.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "launch/allocator_state.h"

enum { MIB_SHIFT = 20 };
static const uint64_t least_page = UINT64_C(2) << MIB_SHIFT;
static const uint64_t most_page = UINT64_C(1)
				  << 30; /* larger ones are not had at run time */

void
encl_allocator_plan_clear(struct encl_allocator_plan *p)
{
	free(p->pool);
	free(p->old_pool);
	*p = (struct encl_allocator_plan){0};
}

char *
encl_allocator_yaml(uint64_t mib, const char *pool)
{
	return encl_xasprintf("---\nmemory_mib: %" PRIu64 "\ncpu_pool: %s\n", mib, pool);
}

/* ---- processors ---- */

/* All threads of the core are there for it (or for the enclaves already), on the
 * node, and processor 0 is none of them. */
static unsigned
threads_of(const struct encl_host *h, unsigned core, unsigned node)
{
	unsigned n = 0;

	for (size_t i = 0; i < h->n_cpus; i++) {
		const struct encl_host_cpu *c = &h->cpus[i];

		if (c->core != core)
			continue;
		if (c->id == 0 || c->node != node || !(c->online || c->pooled))
			return 0;
		n++;
	}
	return n;
}

static size_t
take_core(const struct encl_host *h, unsigned core, unsigned *ids, size_t n)
{
	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].core == core)
			ids[n++] = h->cpus[i].id;
	return n;
}

static int
by_id(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The pool's own cores first; NULL where the node has not so many. */
static char *
choose_cores(const struct encl_host *h, unsigned node, unsigned cpus)
{
	encl_auto(encl_free) unsigned *ids = encl_xcalloc(h->n_cpus + 1, sizeof *ids);
	size_t n = 0;

	for (int pooled = 1; pooled >= 0; pooled--)
		for (size_t i = 0; i < h->n_cpus && n < cpus; i++) {
			const struct encl_host_cpu *c = &h->cpus[i];

			if (c->core == c->id && c->pooled == (pooled != 0) &&
			    threads_of(h, c->core, node) == h->threads_per_core)
				n = take_core(h, c->core, ids, n);
		}
	if (n != cpus)
		return NULL;
	qsort(ids, n, sizeof *ids, by_id);
	return encl_host_format_list(ids, n);
}

/* ---- pages ---- */

/* Largest first; ours are free to be counted again.  The smaller sizes are there for
 * what the node does not give in larger ones. */
static bool
choose_pages(const struct encl_host_node *node, const struct encl_allocator_state *ours,
	     uint64_t mib, struct encl_allocator_plan *p)
{
	uint64_t left = mib << MIB_SHIFT;

	p->n_pages = 0;
	for (size_t i = 0; i < node->n_pages; i++) {
		const struct encl_host_pages *g = &node->pages[i];
		uint64_t have = encl_allocator_state_added(ours, node->id, g->size);
		uint64_t others = g->total - (have < g->total ? have : g->total);
		uint64_t count = left / g->size;

		if (g->size < least_page || g->size > most_page)
			continue;
		if (g->size == least_page && left % g->size)
			count++;
		if (!count && !have && !p->n_pages)
			continue;
		p->pages[p->n_pages++] =
			(struct encl_allocator_pages){g->size, g->total, others + count};
		left -= count * g->size < left ? count * g->size : left;
	}
	return !left;
}

static uint64_t
new_mib(const struct encl_allocator_plan *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_pages; i++)
		if (p->pages[i].after > p->pages[i].before)
			sum += (p->pages[i].after - p->pages[i].before) *
				       p->pages[i].size >>
			       MIB_SHIFT;
	return sum;
}

static bool
plan_node(const struct encl_host *h, const struct encl_host_node *node,
	  const struct encl_allocator_state *ours, uint64_t mib, unsigned cpus,
	  struct encl_allocator_plan *p)
{
	free(encl_take(p->pool, NULL));
	p->pool = choose_cores(h, node->id, cpus);
	p->node = node->id;
	return p->pool && mib <= node->total_mib && choose_pages(node, ours, mib, p) &&
	       new_mib(p) <= node->free_mib;
}

static int
fail_room(const struct encl_host *h, uint64_t mib, unsigned cpus, struct encl_err *e)
{
	uint64_t free_mib = 0;

	for (size_t i = 0; i < h->n_nodes; i++)
		if (h->nodes[i].free_mib > free_mib)
			free_mib = h->nodes[i].free_mib;
	return encl_fail(e, ENCL_HOST,
			 "no node has %u processors in whole cores besides processor 0's "
			 "and %" PRIu64 " MiB (at most %" PRIu64
			 " MiB are free on one): ask for less, or take a larger instance",
			 cpus, mib, free_mib);
}

int
encl_allocator_plan(const struct encl_host *h, uint64_t mib, unsigned cpus,
		    struct encl_allocator_plan *out, struct encl_err *e)
{
	encl_auto(encl_allocator_plan_clear) struct encl_allocator_plan p = {
		.mib = mib, .service = h->service};
	encl_auto(encl_allocator_state_clear) struct encl_allocator_state ours = {0};
	bool found = false;

	if (!cpus || cpus % h->threads_per_core)
		return encl_fail(
			e, ENCL_USAGE,
			"%u processors are no whole cores: a core has %u threads "
			"here",
			cpus, h->threads_per_core);
	if (encl_allocator_state_read(h, &ours, e))
		return -1;
	/* where the pool is already */
	for (int own = 1; own >= 0 && !found; own--)
		for (size_t i = 0; i < h->n_nodes && !found; i++)
			if (((int)h->nodes[i].id == h->pool_node) == (own != 0))
				found = plan_node(h, &h->nodes[i], &ours, mib, cpus, &p);
	if (!found)
		return fail_room(h, mib, cpus, e);
	p.old_pool = encl_host_pool(h);
	*out = encl_take(p, (struct encl_allocator_plan){0});
	return 0;
}
