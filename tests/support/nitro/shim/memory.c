/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages: mappings of files that nitrod keeps. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nitro/shim/shim.h"

enum { MAX_MAPPINGS = 16384, HUGE_SHIFT = 26, BIND_POLICY = 2 };

static struct {
	uintptr_t at;
	uint64_t id, size, left, page;
	uint64_t enclave; /* slot of whose it is; 0: ours */
} mappings[MAX_MAPPINGS];
static size_t n_mappings;
static uint64_t policy; /* nodes of set_mempolicy(MPOL_BIND), or 0 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Reserves more than is wanted, and cuts it to what is aligned. */
static void *
map_aligned(int fd, size_t size, size_t page, int prot)
{
	const size_t all = size + page;
	uintptr_t from =
		(uintptr_t)syscall(SYS_mmap, NULL, all, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t at = (from + page - 1) / page * page;

	if ((void *)from == MAP_FAILED)
		return MAP_FAILED;
	if (at > from)
		syscall(SYS_munmap, from, at - from);
	syscall(SYS_munmap, at + size, from + all - at - size);
	return (void *)syscall(SYS_mmap, at, size, prot, MAP_SHARED | MAP_FIXED, fd, 0);
}

static void *
map_huge(size_t size, int prot, int flags)
{
	const int log2 = flags >> HUGE_SHIFT & 63;
	const uint64_t page = log2 ? UINT64_C(1) << log2 : 2 << 20;
	struct nitro_request q = {.op = NITRO_MAP,
				  .a = {size, page, policy, flags & MAP_POPULATE}};
	struct nitro_answer a;
	int fd = -1, error = shim_ask(&q, &a, &fd);
	void *p;

	size = (size + page - 1) / page * page;
	p = error ? MAP_FAILED
		  : map_aligned(fd, size, page > 2 << 20 ? page : 2 << 20, prot);
	if (fd >= 0)
		shim_close(fd);
	if (p == MAP_FAILED) {
		errno = error ? error : ENOMEM;
		return p;
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < MAX_MAPPINGS; i++)
		if (!mappings[i].left) {
			mappings[i].at = (uintptr_t)p;
			mappings[i].id = a.a[0];
			mappings[i].size = mappings[i].left = size;
			mappings[i].page = page;
			mappings[i].enclave = 0;
			n_mappings = i + 1 > n_mappings ? i + 1 : n_mappings;
			break;
		}
	pthread_mutex_unlock(&lock);
	return p;
}

void *
mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_HUGETLB && flags & MAP_ANONYMOUS)
		return map_huge(size, prot, flags);
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

void *
mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, size, prot, flags, fd, offset);
}

/* The mapping around an address, or n_mappings. */
static size_t
mapping_of(uintptr_t at)
{
	size_t i = 0;

	while (i < n_mappings && (!mappings[i].left || at < mappings[i].at ||
				  at >= mappings[i].at + mappings[i].size))
		i++;
	return i;
}

int
munmap(void *p, size_t size)
{
	const uintptr_t at = (uintptr_t)p;
	size_t i = n_mappings ? mapping_of(at) : 0;
	struct nitro_request q = {.op = NITRO_UNMAP};
	struct nitro_answer a;
	int error;

	if (i < n_mappings) {
		size = (size + mappings[i].page - 1) / mappings[i].page *
		       mappings[i].page;
		q.a[0] = mappings[i].id;
		q.a[1] = at - mappings[i].at;
		q.a[2] = size;
		error = shim_ask(&q, &a, NULL);
		if (error)
			return shim_fail(error);
		mappings[i].left -= size < mappings[i].left ? size : mappings[i].left;
	}
	return (int)syscall(SYS_munmap, p, size);
}

/* mbind and set_mempolicy have no wrapper in the C library.  BIND_POLICY alone
 * matters; nodes beyond 64 there are none. */
static long
set_nodes(void *at, unsigned long size, int mode, const unsigned long *nodes)
{
	struct nitro_request q = {.op = NITRO_PLACE};
	struct nitro_answer a;
	size_t i = n_mappings ? mapping_of((uintptr_t)at) : 0;
	int error;

	(void)size;
	if (i >= n_mappings)
		return 0;
	q.a[0] = mappings[i].id;
	q.a[1] = mode == BIND_POLICY && nodes ? *nodes : 0;
	error = shim_ask(&q, &a, NULL);
	return error ? shim_fail(error) : 0;
}

long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	va_list ap;
	long v[6];

	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		v[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_mbind && n_mappings)
		return set_nodes((void *)v[0], (unsigned long)v[1], (int)v[2],
				 (const unsigned long *)v[3]);
	if (number == SYS_set_mempolicy && getenv("NITROD_SOCKET")) {
		const unsigned long *nodes = (const unsigned long *)v[1];

		policy = (int)v[0] == BIND_POLICY && nodes ? *nodes : 0;
		return 0;
	}
	return real(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}

/* ---- whose they are ---- */

/* A region as stretches of mappings. */
void
shim_pieces(struct nitro_request *q, uintptr_t at, uint64_t size)
{
	while (size && q->n_pieces < NITRO_PIECES) {
		struct nitro_piece *piece = &q->pieces[q->n_pieces++];
		size_t i = mapping_of(at);
		unsigned char there;

		*piece = (struct nitro_piece){.size = size};
		if (i < n_mappings) {
			uint64_t end = mappings[i].at + mappings[i].size - at;

			piece->id = mappings[i].id;
			piece->offset = at - mappings[i].at;
			piece->size = size < end ? size : end;
		} else if (mincore((void *)at, 4096, &there)) {
			piece->id = UINT64_MAX;
		}
		at += piece->size;
		size -= piece->size;
	}
}

void
shim_give_away(uint64_t enclave, uintptr_t at, uint64_t size)
{
	for (size_t i = 0; i < n_mappings; i++)
		if (mappings[i].at < at + size && at < mappings[i].at + mappings[i].size)
			mappings[i].enclave = enclave;
	mprotect((void *)at, size, PROT_NONE);
}

/* What was an enclave's is ours again, and empty. */
void
shim_take_back(uint64_t enclave)
{
	for (size_t i = 0; i < n_mappings; i++) {
		void *at = (void *)mappings[i].at;

		if (!mappings[i].left || mappings[i].enclave != enclave)
			continue;
		mappings[i].enclave = 0;
		mprotect(at, mappings[i].size, PROT_READ | PROT_WRITE);
		madvise(at, mappings[i].size, MADV_REMOVE);
	}
}
