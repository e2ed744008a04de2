/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysfs to processors, nodes and the pool.  The driver switches the pool's processors
 * off, and the kernel then shows neither their core nor their place in a node's list:
 * the node is told by the processor's link, the core by how the processors that are
 * on (processor 0 always is) are numbered.
 */
#include "launch/host.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "launch/host_internal.h"

#define CPU_DIR	 "/sys/devices/system/cpu"
#define NODE_DIR "/sys/devices/system/node"

enum { KIB_PER_MIB = 1024, KIB_SHIFT = 10, MEMORY_SHIFT = 52 };

/* ---- values of files ---- */

static bool
is_there(const struct encl_host *h, const char *path)
{
	encl_auto(encl_free) char *full = encl_xasprintf("%s%s", h->root, path);
	struct stat st;

	return !stat(full, &st);
}

/* *n is 0 and *ids NULL where there is no such file. */
static int
read_list(const struct encl_host *h, const char *path, unsigned **ids, size_t *n,
	  struct encl_err *e)
{
	encl_auto(encl_free) char *full = encl_xasprintf("%s%s", h->root, path);
	encl_auto(encl_free) char *text = NULL;

	*ids = NULL;
	*n = 0;
	if (encl_host_text(full, &text, e))
		return -1;
	if (text && encl_host_parse_list(text, ids, n, e))
		return encl_wrap(e, "%s", full);
	return 0;
}

/* *out is 0 where there is no such file. */
static int
read_number(const char *path, uint64_t max, uint64_t *out, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;

	*out = 0;
	if (encl_host_text(path, &text, e))
		return -1;
	if (!text)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (!encl_parse_uint(text, 10, max, out))
		return encl_fail(e, ENCL_HOST, "%s: not a number, or too large", path);
	return 0;
}

/* "MemFree:   123 kB" of a meminfo, in MiB; 0 where it does not say. */
static uint64_t
meminfo(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;
	char digits[24] = {0};
	uint64_t kib;

	if (!at)
		return 0;
	at += strlen(key);
	at += strspn(at, " ");
	memcpy(digits, at, strnlen(at, sizeof digits - 1));
	digits[strspn(digits, "0123456789")] = '\0';
	if (!encl_parse_uint(digits, 10, UINT64_C(1) << (MEMORY_SHIFT - KIB_SHIFT), &kib))
		return 0;
	return kib / KIB_PER_MIB;
}

/* ---- huge pages ---- */

/* "hugepages-2048kB" to bytes; 0: it is none of a size that can be. */
static uint64_t
page_size(const char *name)
{
	static const char before[] = "hugepages-", after[] = "kB";
	size_t n = strlen(name);
	char digits[16] = {0};
	uint64_t kib;

	if (n < sizeof before + sizeof after - 1 ||
	    n - (sizeof before - 1) - (sizeof after - 1) >= sizeof digits ||
	    strncmp(name, before, sizeof before - 1) != 0 ||
	    strcmp(name + n - (sizeof after - 1), after) != 0)
		return 0;
	memcpy(digits, name + sizeof before - 1,
	       n - (sizeof before - 1) - (sizeof after - 1));
	if (!encl_parse_uint(digits, 10, UINT64_C(1) << 32, &kib) || !kib ||
	    (kib & (kib - 1)))
		return 0;
	return kib << KIB_SHIFT;
}

static int
larger_first(const void *a, const void *b)
{
	const struct encl_host_pages *x = a;
	const struct encl_host_pages *y = b;

	return (x->size < y->size) - (x->size > y->size);
}

/* reserved: by mappings that have not taken theirs yet; of which node is not known. */
static int
read_pages_of(const char *folder, const char *name, uint64_t reserved,
	      struct encl_host_pages *p, struct encl_err *e)
{
	encl_auto(encl_free) char *total =
		encl_xasprintf("%s/%s/nr_hugepages", folder, name);
	encl_auto(encl_free) char *free_pages =
		encl_xasprintf("%s/%s/free_hugepages", folder, name);
	const uint64_t max = (UINT64_C(1) << MEMORY_SHIFT) / p->size;

	if (read_number(total, max, &p->total, e) ||
	    read_number(free_pages, max, &p->free, e))
		return -1;
	if (p->free > p->total)
		p->free = p->total;
	p->free -= p->free < reserved ? p->free : reserved;
	return 0;
}

static void
close_dir_at(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int
read_pages(const struct encl_host *h, const char *folder, struct encl_host_node *node,
	   struct encl_err *e)
{
	encl_auto(encl_free) char *full = encl_xasprintf("%s%s", h->root, folder);
	encl_auto(close_dir) DIR *d = opendir(full);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		struct encl_host_pages *p = &node->pages[node->n_pages];
		uint64_t size = page_size(entry->d_name), reserved;
		encl_auto(encl_free) char *all =
			encl_xasprintf("%s/sys/kernel/mm/hugepages/%s/resv_hugepages",
				       h->root, entry->d_name);

		if (!size)
			continue;
		if (node->n_pages == ENCL_HOST_SIZES)
			return encl_fail(e, ENCL_HOST, "%s has more than %d sizes", full,
					 ENCL_HOST_SIZES);
		p->size = size;
		if (read_number(all, (UINT64_C(1) << MEMORY_SHIFT) / size, &reserved,
				e) ||
		    read_pages_of(full, entry->d_name, reserved, p, e))
			return -1;
		node->n_pages++;
	}
	qsort(node->pages, node->n_pages, sizeof *node->pages, larger_first);
	return 0;
}

/* ---- nodes ---- */

static int
read_node(const struct encl_host *h, struct encl_host_node *node, struct encl_err *e)
{
	encl_auto(encl_free) char *folder =
		encl_xasprintf("%s/node%u/hugepages", NODE_DIR, node->id);
	encl_auto(encl_free) char *file =
		encl_xasprintf("%s%s/node%u/meminfo", h->root, NODE_DIR, node->id);
	encl_auto(encl_free) char *text = NULL;

	if (encl_host_text(file, &text, e))
		return -1;
	node->total_mib = meminfo(text, "MemTotal:");
	node->free_mib = meminfo(text, "MemFree:");
	return read_pages(h, folder, node, e);
}

/* A kernel without NUMA has one node, and shows what it has elsewhere. */
static int
read_only_node(struct encl_host *h, const char *text, struct encl_err *e)
{
	h->nodes = encl_xcalloc(1, sizeof *h->nodes);
	h->n_nodes = 1;
	h->nodes[0].total_mib = meminfo(text, "MemTotal:");
	h->nodes[0].free_mib = meminfo(text, "MemFree:");
	return read_pages(h, "/sys/kernel/mm/hugepages", &h->nodes[0], e);
}

static int
read_nodes(struct encl_host *h, struct encl_err *e)
{
	encl_auto(encl_free) char *file = encl_xasprintf("%s/proc/meminfo", h->root);
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) unsigned *ids = NULL;
	size_t n;

	if (encl_host_text(file, &text, e) ||
	    read_list(h, NODE_DIR "/online", &ids, &n, e))
		return -1;
	h->available_mib = meminfo(text, "MemAvailable:");
	if (!n)
		return read_only_node(h, text, e);
	if (n > ENCL_HOST_NODES)
		return encl_fail(e, ENCL_HOST, "%s%s/online: more than %d nodes", h->root,
				 NODE_DIR, ENCL_HOST_NODES);
	h->nodes = encl_xcalloc(n, sizeof *h->nodes);
	h->n_nodes = n;
	for (size_t i = 0; i < n; i++)
		h->nodes[i].id = ids[i];
	for (size_t i = 0; i < n; i++)
		if (read_node(h, &h->nodes[i], e))
			return -1;
	return 0;
}

/* ---- processors ---- */

static struct encl_host_cpu *
find_cpu(const struct encl_host *h, unsigned id)
{
	size_t low = 0, high = h->n_cpus;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (h->cpus[middle].id == id)
			return &h->cpus[middle];
		if (h->cpus[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static unsigned
node_of(const struct encl_host *h, unsigned cpu)
{
	for (size_t i = 0; h->n_nodes > 1 && i < h->n_nodes; i++) {
		encl_auto(encl_free) char *link =
			encl_xasprintf("%s/cpu%u/node%u", CPU_DIR, cpu, h->nodes[i].id);

		if (is_there(h, link))
			return h->nodes[i].id;
	}
	return h->nodes[0].id;
}

static int
read_cpus(struct encl_host *h, struct encl_err *e)
{
	encl_auto(encl_free) unsigned *present = NULL;
	encl_auto(encl_free) unsigned *online = NULL;
	size_t n_present, n_online;

	if (read_list(h, CPU_DIR "/present", &present, &n_present, e) ||
	    read_list(h, CPU_DIR "/online", &online, &n_online, e))
		return -1;
	if (!n_present)
		return encl_fail(e, ENCL_HOST, "%s%s/present names no processor", h->root,
				 CPU_DIR);
	h->cpus = encl_xcalloc(n_present, sizeof *h->cpus);
	h->n_cpus = n_present;
	h->threads_per_core = 1;
	for (size_t i = 0; i < n_present; i++)
		h->cpus[i] = (struct encl_host_cpu){.id = present[i],
						    .core = present[i],
						    .node = node_of(h, present[i])};
	for (size_t i = 0; i < n_online; i++)
		if (find_cpu(h, online[i]))
			find_cpu(h, online[i])->online = true;
	return 0;
}

/* ---- the driver ---- */

static int
read_pool(struct encl_host *h, struct encl_err *e)
{
	encl_auto(encl_free) unsigned *ids = NULL;
	size_t n;

	h->pool_node = -1;
	if (read_list(h, ENCL_HOST_POOL, &ids, &n, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct encl_host_cpu *cpu = find_cpu(h, ids[i]);

		if (!cpu)
			return encl_fail(e, ENCL_HOST,
					 "%s%s names processor %u, which is not there",
					 h->root, ENCL_HOST_POOL, ids[i]);
		cpu->pooled = true;
		if (h->pool_node < 0)
			h->pool_node = (int)cpu->node;
	}
	return 0;
}

/* ---- cores ---- */

static int
read_siblings(struct encl_host *h, struct encl_host_cpu *cpu, unsigned *stride,
	      struct encl_err *e)
{
	static const char *const names[] = {"core_cpus_list", "thread_siblings_list"};
	encl_auto(encl_free) unsigned *ids = NULL;
	size_t n = 0;

	for (size_t i = 0; !n && i < sizeof names / sizeof *names; i++) {
		encl_auto(encl_free) char *file = encl_xasprintf(
			"%s/cpu%u/topology/%s", CPU_DIR, cpu->id, names[i]);

		free(encl_take(ids, NULL));
		if (read_list(h, file, &ids, &n, e))
			return -1;
	}
	if (!n)
		return 0;
	cpu->core = ids[0];
	if (n > h->threads_per_core) {
		h->threads_per_core = (unsigned)n;
		*stride = ids[1] - ids[0];
	}
	return 0;
}

/* Is the processor's core to be told by the numbers, and not yet told? */
static bool
is_lone(const struct encl_host *h, const bool *told, unsigned id, unsigned node)
{
	const struct encl_host_cpu *cpu = find_cpu(h, id);

	return cpu && cpu->pooled && !cpu->online && cpu->node == node && !told[id];
}

/* The pool has whole cores; their threads are stride apart, as those of the others. */
static void
group_pool(struct encl_host *h, unsigned stride)
{
	encl_auto(encl_free) bool *told = encl_xcalloc(ENCL_HOST_CPUS, sizeof *told);

	for (size_t i = 0; stride && i < h->n_cpus; i++) {
		const struct encl_host_cpu *first = &h->cpus[i];
		unsigned all = 0;

		while (all < h->threads_per_core &&
		       first->id + all * stride < ENCL_HOST_CPUS &&
		       is_lone(h, told, first->id + all * stride, first->node))
			all++;
		if (all < h->threads_per_core)
			continue;
		for (unsigned j = 0; j < all; j++) {
			find_cpu(h, first->id + j * stride)->core = first->id;
			told[first->id + j * stride] = true;
		}
	}
}

static int
read_cores(struct encl_host *h, struct encl_err *e)
{
	unsigned stride = 0;

	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].online && read_siblings(h, &h->cpus[i], &stride, e))
			return -1;
	group_pool(h, stride);
	return 0;
}

/* ---- all ---- */

static void
read_driver(struct encl_host *h)
{
	static const char *const units[] = {
		"/etc/systemd/system/" ENCL_HOST_SERVICE,
		"/usr/lib/systemd/system/" ENCL_HOST_SERVICE,
		"/lib/systemd/system/" ENCL_HOST_SERVICE,
	};
	encl_auto(encl_free) char *device =
		encl_xasprintf("%s%s", h->root, ENCL_HOST_DEVICE);

	h->driver = is_there(h, "/sys/module/nitro_enclaves");
	h->device = is_there(h, ENCL_HOST_DEVICE);
	h->device_writable = h->device && !access(device, R_OK | W_OK);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		h->service = h->service || is_there(h, units[i]);
}

int
encl_host_read(struct encl_host *out, struct encl_err *e)
{
	encl_auto(encl_host_clear) struct encl_host h = {.root = encl_host_path("")};

	if (read_nodes(&h, e) || read_cpus(&h, e) || read_pool(&h, e) ||
	    read_cores(&h, e))
		return -1;
	read_driver(&h);
	*out = encl_take(h, (struct encl_host){0});
	return 0;
}

void
encl_host_clear(struct encl_host *h)
{
	free(h->root);
	free(h->cpus);
	free(h->nodes);
	*h = (struct encl_host){0};
}

const struct encl_host_node *
encl_host_node(const struct encl_host *h, unsigned id)
{
	for (size_t i = 0; i < h->n_nodes; i++)
		if (h->nodes[i].id == id)
			return &h->nodes[i];
	return NULL;
}

char *
encl_host_pool(const struct encl_host *h)
{
	encl_auto(encl_free) unsigned *ids = encl_xcalloc(h->n_cpus + 1, sizeof *ids);
	size_t n = 0;

	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].pooled)
			ids[n++] = h->cpus[i].id;
	return encl_host_format_list(ids, n);
}
