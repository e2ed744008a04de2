/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which huge pages make up an enclave's memory, and what keeps one from starting.
 * Sizes are powers of two, so each divides the larger ones, and taking the largest
 * that still fit gives the largest sum that is not above a target: once for what
 * can be left out of all that is there, which tells the least that suffices, and once
 * for exactly that, which then comes out with the fewest pages.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "launch/host.h"
#include "launch/host_internal.h"

enum { MIB_SHIFT = 20, TEXT_MAX = 4096, OBSTACLES = 16 };
static const uint64_t least_size = UINT64_C(2) << MIB_SHIFT;
static const uint64_t most = UINT64_C(1) << 62;

/* ---- choosing ---- */

/* The driver takes 2 MiB and more. */
static bool
is_of_use(const struct encl_host_pages *p)
{
	return p->free && p->size >= least_size && !(p->size & (p->size - 1));
}

static uint64_t
sum_of_free(const struct encl_host_node *node)
{
	uint64_t sum = 0, one;

	for (size_t i = 0; i < node->n_pages; i++)
		if (is_of_use(&node->pages[i]) &&
		    (__builtin_mul_overflow(node->pages[i].size, node->pages[i].free,
					    &one) ||
		     __builtin_add_overflow(sum, one, &sum)))
			return most;
	return sum < most ? sum : most;
}

/* The largest sum of pages that is not above target; out may be NULL. */
static uint64_t
fill(const struct encl_host_node *node, uint64_t target, struct encl_host_choice *out,
     size_t *n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < node->n_pages; i++) {
		const struct encl_host_pages *p = &node->pages[i];
		uint64_t count = is_of_use(p) ? (target - sum) / p->size : 0;

		if (count > p->free)
			count = p->free;
		sum += count * p->size;
		if (count && out)
			out[(*n)++] = (struct encl_host_choice){p->size, count};
	}
	return sum;
}

static void
add_size(struct encl_buf *b, uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	bytes >>= 10;
	while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	encl_buf_add_fmt(b, "%" PRIu64 " %s", bytes, units[unit]);
}

/* "3 x 1 GiB, 256 x 2 MiB" */
static char *
describe(const struct encl_host_node *node)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = TEXT_MAX};

	for (size_t i = 0; i < node->n_pages; i++) {
		if (!is_of_use(&node->pages[i]))
			continue;
		encl_buf_add_fmt(&b, "%s%" PRIu64 " x ", b.len ? ", " : "",
				 node->pages[i].free);
		add_size(&b, node->pages[i].size);
	}
	return encl_xstrdup(b.len ? encl_buf_text(&b) : "none");
}

int
encl_host_choose_pages(const struct encl_host_node *node, uint64_t mib,
		       struct encl_host_choice *out, size_t *n, uint64_t *got_mib,
		       struct encl_err *e)
{
	uint64_t all = sum_of_free(node), least;
	struct encl_host_choice chosen[ENCL_HOST_SIZES];
	size_t n_chosen = 0;

	if (!mib || mib > all >> MIB_SHIFT) {
		encl_auto(encl_free) char *there = describe(node);

		return encl_fail(e, ENCL_HOST,
				 "%" PRIu64 " MiB are wanted; node %u has %" PRIu64
				 " MiB in free huge pages (%s)",
				 mib, node->id, all >> MIB_SHIFT, there);
	}
	least = all - fill(node, all - (mib << MIB_SHIFT), NULL, NULL);
	fill(node, least, chosen, &n_chosen);
	memcpy(out, chosen, n_chosen * sizeof *chosen);
	*n = n_chosen;
	*got_mib = least >> MIB_SHIFT;
	return 0;
}

/* ---- what keeps an enclave from starting ---- */

struct lines {
	char **v;
	size_t n;
};

static void ENCL_PRINTF(2, 3) add_line(struct lines *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	l->v[l->n++] = encl_xvasprintf(fmt, ap);
	va_end(ap);
}

static void
check_device(const struct encl_host *h, struct lines *l)
{
	if (!h->driver && !h->device)
		add_line(l, "the driver is not there: modprobe nitro_enclaves (the "
			    "instance has to be started with enclaves enabled: aws ec2 "
			    "run-instances --enclave-options Enabled=true)");
	else if (!h->device)
		add_line(l,
			 "the driver is loaded, but there is no %s: start an instance "
			 "with enclaves enabled (aws ec2 run-instances "
			 "--enclave-options Enabled=true)",
			 ENCL_HOST_DEVICE);
	else if (!h->device_writable)
		add_line(
			l,
			"%s: no right to use it: sudo usermod -aG ne \"$USER\", then log "
			"in anew",
			ENCL_HOST_DEVICE);
}

static size_t
count_pool(const struct encl_host *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_cpus; i++)
		n += h->cpus[i].pooled;
	return n;
}

static bool
pool_is_on_one_node(const struct encl_host *h)
{
	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].pooled && h->cpus[i].node != (unsigned)h->pool_node)
			return false;
	return true;
}

static unsigned
whole_cores(const struct encl_host *h, unsigned cpus)
{
	unsigned t = h->threads_per_core ? h->threads_per_core : 1;

	return (cpus + t - 1) / t * t;
}

static void
check_cpus(const struct encl_host *h, uint64_t mib, unsigned cpus, struct lines *l)
{
	size_t pool = count_pool(h);

	if (whole_cores(h, cpus) != cpus)
		add_line(
			l,
			"%u processor%s no whole core%s: a core has %u threads here; ask "
			"for %u",
			cpus, cpus == 1 ? " is" : "s are", cpus == 1 ? "" : "s",
			h->threads_per_core, whole_cores(h, cpus));
	if (!pool)
		add_line(l,
			 "no processors are set aside for enclaves: sudo enclavebuild "
			 "host setup --apply --memory %" PRIu64 " --cpus %u",
			 mib, whole_cores(h, cpus));
	else if (!pool_is_on_one_node(h))
		add_line(l,
			 "the processors that are set aside are of several nodes: sudo "
			 "enclavebuild host setup --apply --memory %" PRIu64 " --cpus %u",
			 mib, whole_cores(h, cpus));
	else if (pool < cpus)
		add_line(l,
			 "%u processors are wanted; %zu are set aside for enclaves: sudo "
			 "enclavebuild host setup --apply --memory %" PRIu64 " --cpus %u",
			 cpus, pool, mib, whole_cores(h, cpus));
}

/* Without a pool any node will do. */
static void
check_memory(const struct encl_host *h, uint64_t mib, unsigned cpus, struct lines *l)
{
	struct encl_host_choice choice[ENCL_HOST_SIZES];
	struct encl_err first = {0}, e;
	uint64_t got;
	size_t n;

	for (size_t i = 0; i < h->n_nodes; i++) {
		if (h->pool_node >= 0 && h->nodes[i].id != (unsigned)h->pool_node)
			continue;
		if (!encl_host_choose_pages(&h->nodes[i], mib, choice, &n, &got, &e))
			return;
		if (!first.code)
			first = e;
	}
	add_line(l,
		 "%s: sudo enclavebuild host setup --apply --memory %" PRIu64
		 " --cpus %u",
		 first.msg, mib, whole_cores(h, cpus));
}

char **
encl_host_obstacles(const struct encl_host *h, uint64_t mib, unsigned cpus)
{
	struct lines l = {encl_xcalloc(OBSTACLES, sizeof *l.v), 0};

	check_device(h, &l);
	check_cpus(h, mib, cpus, &l);
	check_memory(h, mib, cpus, &l);
	return l.v;
}
