/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine as sysfs shows it (host.h reads it below ENCLAVEBUILD_HOST_ROOT).
 * As in the kernel, a processor that is off has no topology and is not in its node's
 * list; its link to the node stays.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "machine.h"

#define CPU  "/sys/devices/system/cpu"
#define NODE "/sys/devices/system/node"
#define POOL "/sys/module/nitro_enclaves/parameters/ne_cpus"

static char *
make_parents(const struct machine *m, const char *path)
{
	char *full = encl_xasprintf("%s%s", m->root, path);

	for (char *p = full + strlen(m->root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(full, 0755);
		*p = '/';
	}
	return full;
}

/* Replaced as a whole, so that nobody reads half of it. */
static void __attribute__((format(printf, 3, 4)))
put(const struct machine *m, const char *path, const char *fmt, ...)
{
	encl_auto(encl_free) char *full = make_parents(m, path);
	encl_auto(encl_free) char *part = encl_xasprintf("%s.part", full);
	FILE *f = fopen(part, "we");
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	fclose(f);
	rename(part, full);
}

static void
gone(const struct machine *m, const char *path)
{
	encl_auto(encl_free) char *full = encl_xasprintf("%s%s", m->root, path);

	if (unlink(full) && errno != ENOENT)
		rmdir(full);
}

static bool
is_wanted(const struct cpu *c, int node, bool online, bool pooled, int core)
{
	return c->there && (node < 0 || c->node == (unsigned)node) &&
	       (!online || c->online) && (!pooled || c->pooled) &&
	       (core < 0 || c->core == (unsigned)core);
}

/* Which processors, as the kernel lists them ("0-3,8"): all of a node (or -1),
 * online, in the pool, of a core (or -1). */
static const char *
list(const struct machine *m, int node, bool online, bool pooled, int core)
{
	static char text[4][MAX_CPUS * 5];
	static unsigned turn;
	char *out = text[turn++ % 4];
	size_t n = 0;

	*out = 0;
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		unsigned last = i;

		if (!is_wanted(&m->cpus[i], node, online, pooled, core))
			continue;
		while (last + 1 < MAX_CPUS &&
		       is_wanted(&m->cpus[last + 1], node, online, pooled, core))
			last++;
		n += (size_t)snprintf(out + n, 10, last > i ? "%s%u-%u" : "%s%u",
				      n ? "," : "", i, last);
		i = last;
	}
	return out;
}

static void
put_cpu(struct machine *m, unsigned i)
{
	static const char *const files[] = {"core_cpus_list", "thread_siblings_list",
					    "core_id", "physical_package_id"};
	const struct cpu *c = &m->cpus[i];
	encl_auto(encl_free) char *link = encl_xasprintf(CPU "/cpu%u/node%u", i, c->node);
	encl_auto(encl_free) char *at = make_parents(m, link);
	encl_auto(encl_free) char *to = encl_xasprintf("../../node/node%u", c->node);
	encl_auto(encl_free) char *online = encl_xasprintf(CPU "/cpu%u/online", i);
	encl_auto(encl_free) char *dir = encl_xasprintf(CPU "/cpu%u/topology", i);
	const char *core = list(m, -1, true, false, (int)c->core);

	if (symlink(to, at) && errno != EEXIST)
		perror(at);
	if (i)
		put(m, online, "%d", c->online);
	for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
		encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", dir, files[f]);

		if (!c->online)
			gone(m, path);
		else if (f < 2)
			put(m, path, "%s", core);
		else
			put(m, path, "%u", f == 2 ? c->core : c->node);
	}
	if (!c->online)
		gone(m, dir);
}

static void
put_pages(struct machine *m, const char *dir, uint64_t size, unsigned total,
	  unsigned left)
{
	const char *const names[] = {"nr_hugepages", "free_hugepages",
				     "surplus_hugepages", "resv_hugepages"};
	const unsigned values[] = {total, left, 0, 0};

	/* a node has no resv_hugepages */
	for (size_t i = 0; i < (strstr(dir, "/node/") ? 3 : 4); i++) {
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/hugepages/hugepages-%" PRIu64 "kB/%s", dir,
				       size >> 10, names[i]);

		put(m, path, "%u", values[i]);
	}
}

static uint64_t
pages_mib(const struct node *n)
{
	uint64_t mib = 0;

	for (size_t i = 0; i < n->n_pools; i++)
		mib += n->pools[i].total * (n->pools[i].size >> 20);
	return mib;
}

void
tree_pages(struct machine *m)
{
	struct pool sums[MAX_SIZES] = {{0}};
	uint64_t total = 0, left = 0;
	size_t n_sums = 0;
	char ids[64] = "";

	for (unsigned i = 0; i < MAX_NODES; i++) {
		struct node *n = &m->nodes[i];
		encl_auto(encl_free) char *dir = encl_xasprintf(NODE "/node%u", i);
		encl_auto(encl_free) char *cpus = encl_xasprintf("%s/cpulist", dir);
		encl_auto(encl_free) char *memory = encl_xasprintf("%s/meminfo", dir);

		if (!n->there)
			continue;
		snprintf(ids + strlen(ids), 8, "%s%u", *ids ? "," : "", i);
		put(m, cpus, "%s", list(m, (int)i, true, false, -1));
		put(m, memory,
		    "Node %u MemTotal:       %" PRIu64 " kB\n"
		    "Node %u MemFree:        %" PRIu64 " kB",
		    i, n->memory_mib << 10, i, (n->memory_mib - pages_mib(n)) << 10);
		total += n->memory_mib;
		left += n->memory_mib - pages_mib(n);
		for (size_t p = 0; p < n->n_pools; p++) {
			size_t s = 0;

			put_pages(m, dir, n->pools[p].size, n->pools[p].total,
				  n->pools[p].total - n->pools[p].used);
			while (s < n_sums && sums[s].size != n->pools[p].size)
				s++;
			if (s == n_sums && n_sums < MAX_SIZES)
				sums[n_sums++].size = n->pools[p].size;
			sums[s % MAX_SIZES].total += n->pools[p].total;
			sums[s % MAX_SIZES].used += n->pools[p].used;
		}
	}
	for (size_t s = 0; s < n_sums; s++)
		put_pages(m, "/sys/kernel/mm", sums[s].size, sums[s].total,
			  sums[s].total - sums[s].used);
	put(m, NODE "/online", "%s", ids);
	put(m, NODE "/possible", "%s", ids);
	put(m, "/proc/meminfo",
	    "MemTotal:       %" PRIu64 " kB\nMemFree:        %" PRIu64
	    " kB\nMemAvailable:   %" PRIu64 " kB",
	    total << 10, left << 10, left << 10);
}

void
tree_write(struct machine *m)
{
	tree_pages(m);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].there)
			put_cpu(m, i);
	put(m, CPU "/present", "%s", list(m, -1, false, false, -1));
	put(m, CPU "/possible", "%s", list(m, -1, false, false, -1));
	put(m, CPU "/online", "%s", list(m, -1, true, false, -1));
	if (m->driver)
		put(m, POOL, "%s%s", list(m, -1, false, true, -1), m->echoed ? "\n" : "");
	if (m->device)
		put(m, "/dev/nitro_enclaves", "tests/support/nitro.so opens another one");
	else
		gone(m, "/dev/nitro_enclaves");
}

/* ---- what writing to it does ---- */

/* The driver's rules for its pool: what was there is given up first. */
static int
store_pool(struct machine *m, const char *value)
{
	bool want[MAX_CPUS] = {false};
	int node = -1;

	if (m->vms)
		return EPERM;
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].pooled) {
			m->cpus[i].pooled = false;
			m->cpus[i].online = true;
		}
	if (!table_list(value, want) || !value[strspn(value, " \n")])
		return EINVAL;
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		const struct cpu *c = &m->cpus[i];

		if (!want[i])
			continue;
		if (!c->there || !c->online || (node >= 0 && c->node != (unsigned)node) ||
		    c->core == m->cpus[0].core)
			return EINVAL;
		node = (int)c->node;
		for (unsigned s = 0; s < MAX_CPUS; s++)
			if (m->cpus[s].there && m->cpus[s].core == c->core && !want[s])
				return EINVAL;
	}
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (want[i]) {
			m->cpus[i].pooled = true;
			m->cpus[i].online = false;
		}
	return 0;
}

/* As many as fit: into the node's memory, and into the table's limit. */
static unsigned
resize(struct node *n, struct pool *p, unsigned want)
{
	uint64_t others = pages_mib(n) - p->total * (p->size >> 20);
	uint64_t fit =
		n->memory_mib > others ? (n->memory_mib - others) / (p->size >> 20) : 0;

	if (want > p->most)
		want = p->most;
	if (want > fit)
		want = (unsigned)fit;
	p->total = want > p->used ? want : p->used;
	return p->total;
}

static int
store_pages(struct machine *m, const char *path, unsigned want)
{
	const char *name = strstr(path, "/hugepages-"), *of = strstr(path, "/node/node");
	uint64_t size = name ? strtoull(name + 11, NULL, 10) << 10 : 0;
	bool known = false;

	for (unsigned i = 0; i < MAX_NODES; i++)
		for (size_t p = 0; p < m->nodes[i].n_pools; p++)
			if (m->nodes[i].pools[p].size == size &&
			    (!of || strtoul(of + 10, NULL, 10) == i)) {
				known = true;
				/* without a node: from the first on */
				unsigned got =
					resize(&m->nodes[i], &m->nodes[i].pools[p], want);

				want -= got < want ? got : want;
			}
	return known ? 0 : ENOENT;
}

int
tree_store(struct machine *m, const char *path, const char *value)
{
	size_t n = strlen(path);
	int error = table_fault(m, "WRITE");

	if (error)
		return error;
	if (!strcmp(path, POOL)) {
		error = store_pool(m, value);
		if (error != EPERM) /* the newline of an echo is kept */
			m->echoed = !error && strchr(value, '\n');
	} else if (n > 13 && !strcmp(path + n - 13, "/nr_hugepages")) {
		error = store_pages(m, path, (unsigned)strtoul(value, NULL, 10));
	} else {
		error = EACCES;
	}
	say(m, "write %s %.*s: %d", path, (int)strcspn(value, "\n"), value, error);
	tree_write(m);
	return error;
}
