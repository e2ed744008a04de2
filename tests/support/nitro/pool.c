/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Huge pages: who has which of which node.  A mapping's memory is a memfd that
 * grows as it is touched, whatever its pages claim to be; a page that no node could
 * give is cut off its end, so that touching it raises SIGBUS, as the kernel does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "machine.h"

static struct pool *
find_pool(struct machine *m, int node, uint64_t size)
{
	struct node *n = &m->nodes[node];

	for (size_t i = 0; i < n->n_pools; i++)
		if (n->pools[i].size == size)
			return &n->pools[i];
	return NULL;
}

static unsigned
free_pages(struct machine *m, uint64_t size, uint64_t nodes, bool *known)
{
	unsigned n = 0;

	for (int i = 0; i < MAX_NODES; i++) {
		const struct pool *p = find_pool(m, i, size);

		*known |= p != NULL;
		if (p && (nodes >> i & 1))
			n += p->total - p->used;
	}
	return n;
}

static bool
take_page(struct machine *m, struct page *page, uint64_t size, int node)
{
	struct pool *p = find_pool(m, node, size);

	if (!p || p->used >= p->total)
		return false;
	for (unsigned i = 0; i < p->most; i++)
		if (!p->taken[i]) {
			p->taken[i] = true;
			p->used++;
			page->node = node;
			page->index = i;
			return true;
		}
	return false;
}

static void
give_page(struct machine *m, struct page *page, uint64_t size)
{
	struct pool *p = page->node < 0 ? NULL : find_pool(m, page->node, size);

	if (p) {
		p->taken[page->index] = false;
		p->used--;
	}
	page->node = -1;
}

/* The local node's first. */
static void
place(struct machine *m, struct mapping *p, uint64_t nodes)
{
	size_t had = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct page *page = &p->pages[i];
		bool got = (nodes >> m->local_node & 1) &&
			   take_page(m, page, p->size, (int)m->local_node);

		for (int node = 0; !got && node < MAX_NODES; node++)
			got = (nodes >> node & 1) && take_page(m, page, p->size, node);
		had += got;
	}
	if (ftruncate(p->fd, (off_t)(had * p->size)))
		abort();
}

int
pool_map(struct machine *m, struct client *c, const struct nitro_request *q,
	 struct nitro_answer *a, int *fd)
{
	const uint64_t size = q->a[1], nodes = q->a[2] ? q->a[2] : UINT64_MAX;
	const size_t n = (size_t)((q->a[0] + size - 1) / size);
	struct mapping *p;
	bool known = false;
	unsigned there = free_pages(m, size, nodes, &known);
	int error = table_fault(m, "MMAP");

	if (error)
		return error;
	if (!known || !n)
		return EINVAL;
	if (n > there)
		return ENOMEM;
	p = encl_xcalloc(1, sizeof *p);
	*p = (struct mapping){.id = ++m->ids,
			      .size = size,
			      .fd = memfd_create("huge pages", MFD_CLOEXEC),
			      .populated = q->a[3],
			      .n = n,
			      .pages = encl_xcalloc(n, sizeof *p->pages),
			      .owner = c,
			      .next = m->mappings};
	for (size_t i = 0; i < n; i++)
		p->pages[i] = (struct page){.node = -1, .mapped = true};
	place(m, p, nodes);
	m->mappings = p;
	a->a[0] = p->id;
	*fd = dup(p->fd);
	tree_pages(m);
	return 0;
}

struct mapping *
pool_find(struct machine *m, uint64_t id)
{
	for (struct mapping *p = m->mappings; p; p = p->next)
		if (p->id == id)
			return p;
	return NULL;
}

/* A physical address: sizes and nodes lie far apart. */
uint64_t
pool_address(const struct machine *m, const struct mapping *p, size_t page)
{
	const struct page *at = &p->pages[page];
	uint64_t base = ((uint64_t)at->node << 50) | (p->size << 8);

	return base + at->index * p->size * (m->scattered ? 2 : 1);
}

static void
sweep(struct machine *m)
{
	for (struct mapping **at = &m->mappings; *at;) {
		struct mapping *p = *at;
		bool held = false;

		for (size_t i = 0; i < p->n; i++) {
			struct page *page = &p->pages[i];

			if (!page->mapped && !page->vm)
				give_page(m, page, p->size);
			held |= page->mapped || page->vm;
		}
		if (held) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		close(p->fd);
		free(p->pages);
		free(p);
	}
	tree_pages(m);
}

int
pool_unmap(struct machine *m, const struct nitro_request *q)
{
	struct mapping *p = pool_find(m, q->a[0]);

	if (!p || q->a[1] % p->size || q->a[2] % p->size)
		return EINVAL;
	for (uint64_t i = q->a[1] / p->size; i < (q->a[1] + q->a[2]) / p->size; i++)
		if (i < p->n)
			p->pages[i].mapped = false;
	sweep(m);
	return 0;
}

/* Pages that were touched stay where they are. */
int
pool_place(struct machine *m, const struct nitro_request *q)
{
	struct mapping *p = pool_find(m, q->a[0]);

	if (!p)
		return EFAULT;
	if (p->populated)
		return 0;
	for (size_t i = 0; i < p->n; i++)
		give_page(m, &p->pages[i], p->size);
	place(m, p, q->a[1] ? q->a[1] : UINT64_MAX);
	tree_pages(m);
	return 0;
}

void
pool_drop(struct machine *m, const struct client *c, const struct vm *vm)
{
	for (struct mapping *p = m->mappings; p; p = p->next)
		for (size_t i = 0; i < p->n; i++) {
			if (c && p->owner == c)
				p->pages[i].mapped = false;
			if (vm && p->pages[i].vm == vm)
				p->pages[i].vm = NULL;
		}
	sweep(m);
}
