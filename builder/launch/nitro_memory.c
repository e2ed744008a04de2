/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Huge pages by mmap(MAP_HUGETLB), bound to the pool's node by mbind(2), called as
 * a system call: libnuma is not needed.  What mmap reserves it reserves on any node,
 * and a control group may refuse it later; so every page is written to, by read(2)
 * from /dev/zero: where there is none the kernel says EFAULT there, while a store of
 * our own would be a SIGBUS.
 */
#include "launch/nitro_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Others may take pages between our look at them and our mmap. */
enum { ATTEMPTS = 3, NODE_WORDS = ENCL_HOST_NODES / 64 };

_Static_assert(ENCL_HOST_NODES % 64 == 0, "nodes fill words");

void
encl_nitro_memory_clear(struct encl_nitro_memory *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->regions[i].page)
			munmap(m->regions[i].p, m->regions[i].size);
	memset(m, 0, sizeof *m);
}

uint8_t *
encl_nitro_memory_at(const struct encl_nitro_memory *m, uint64_t offset, uint64_t *n)
{
	for (size_t i = 0; i < m->n; i++) {
		if (offset < m->regions[i].size) {
			*n = m->regions[i].size - offset;
			return m->regions[i].p + offset;
		}
		offset -= m->regions[i].size;
	}
	return NULL;
}

/* With one node there is nothing to choose; where we may not choose, the driver
 * still refuses pages of another node. */
static int
bind_to(const struct encl_host *h, void *p, uint64_t size, struct encl_err *e)
{
	uint64_t nodes[NODE_WORDS] = {0};

	if (h->n_nodes < 2)
		return 0;
	nodes[h->pool_node / 64] = UINT64_C(1) << (h->pool_node % 64);
	/* the kernel takes one bit less than it is told */
	if (!syscall(SYS_mbind, p, size, MPOL_BIND, nodes, ENCL_HOST_NODES + 1, 0) ||
	    errno == EPERM || errno == ENOSYS)
		return 0;
	return encl_fail_sys(e, ENCL_HOST, "bind memory to NUMA node %d", h->pool_node);
}

static int
touch(const struct encl_nitro_region *r, struct encl_err *e)
{
	encl_auto(encl_close_fd) int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (zero < 0)
		return encl_fail_sys(e, ENCL_HOST, "open /dev/zero");
	for (uint64_t at = 0; at < r->size; at += r->page) {
		ssize_t n;

		do
			n = read(zero, r->p + at, 1);
		while (n < 0 && errno == EINTR);
		if (n == 1)
			continue;
		return encl_fail(e, ENCL_HOST,
				 "only %" PRIu64 " of %" PRIu64 " huge pages of %" PRIu64
				 " MiB can be had: others took them, or a control group "
				 "(hugetlb limits of a container or unit) allows no more",
				 at / r->page, r->size / r->page, r->page >> 20);
	}
	return 0;
}

static int
take_region(const struct encl_host *h, const struct encl_host_choice *c,
	    struct encl_nitro_memory *m, struct encl_err *e)
{
	const unsigned log2 = (unsigned)__builtin_ctzll(c->size);
	const int page = (int)(log2 << MAP_HUGE_SHIFT);
	struct encl_nitro_region r = {.size = c->size * c->count, .page = c->size};
	void *p = mmap(NULL, r.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | page, -1, 0);

	if (p == MAP_FAILED)
		return encl_fail_sys(
			e, ENCL_HOST,
			"take %" PRIu64 " huge pages of %" PRIu64
			" MiB; \"enclavebuild host check\" shows how many are free",
			c->count, c->size >> 20);
	r.p = p;
	m->regions[m->n++] = r;
	m->size += r.size;
	/* A program that we start shall not have them too: they would be copied; nor a
	 * core dump: it would read what is the enclave's by then. */
	madvise(p, r.size, MADV_DONTFORK);
	madvise(p, r.size, MADV_DONTDUMP);
	if (bind_to(h, p, r.size, e))
		return -1;
	return touch(&r, e);
}

static int
take_once(const struct encl_host *h, uint64_t mib, struct encl_nitro_memory *m,
	  struct encl_err *e)
{
	const struct encl_host_node *node;
	struct encl_host_choice choice[ENCL_HOST_SIZES];
	uint64_t got;
	size_t n;

	node = h->pool_node < 0 ? NULL : encl_host_node(h, (unsigned)h->pool_node);
	if (!node)
		return encl_fail(e, ENCL_HOST,
				 "there is no pool of CPUs for enclaves; see "
				 "\"enclavebuild host check\"");
	if (encl_host_choose_pages(node, mib, choice, &n, &got, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (take_region(h, &choice[i], m, e))
			return -1;
	return 0;
}

static int
look_and_take(uint64_t mib, struct encl_nitro_memory *m, struct encl_err *e)
{
	encl_auto(encl_host_clear) struct encl_host now = {.root = NULL};

	return encl_host_read(&now, e) || take_once(&now, mib, m, e) ? -1 : 0;
}

int
encl_nitro_memory_take(const struct encl_host *h, uint64_t mib,
		       struct encl_nitro_memory *out, struct encl_err *e)
{
	encl_auto(encl_nitro_memory_clear) struct encl_nitro_memory m = {.n = 0};
	int rc = take_once(h, mib, &m, e);

	for (int i = 1; rc && i < ATTEMPTS; i++) {
		encl_nitro_memory_clear(&m);
		rc = look_and_take(mib, &m, e);
	}
	if (rc)
		return -1;
	*out = encl_take(m, (struct encl_nitro_memory){0});
	return 0;
}
