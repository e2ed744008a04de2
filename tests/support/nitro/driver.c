/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's five calls, by its rules and in its order of checks
 * (drivers/virt/nitro_enclaves/ne_misc_dev.c, docs/8-launch-nitro.md).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "machine.h"

static unsigned
count_cpus(const struct machine *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_CPUS; i++)
		n += m->cpus[i].there;
	return n;
}

static int
free_cpu(const struct machine *m)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].pooled && !m->cpus[i].vm)
			return (int)i;
	return -1;
}

static int
create(struct machine *m, struct client *device, struct nitro_answer *a, int *fd)
{
	int pair[2];
	struct vm *vm;
	struct client *c;
	int error = table_fault(m, "CREATE_VM");

	if (error)
		return error;
	if (free_cpu(m) < 0)
		return NE_ERR_NO_CPUS_AVAIL_IN_POOL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return errno;
	vm = encl_xcalloc(1, sizeof *vm);
	*vm = (struct vm){.slot = ++m->slots,
			  .creator = device->pid,
			  .reader = -1,
			  .beat = -1,
			  .stranger = -1,
			  .next = m->vms};
	m->vms = vm;
	c = encl_xcalloc(1, sizeof *c);
	*c = (struct client){.kind = CLIENT_ENCLAVE,
			     .fd = pair[0],
			     .pid = device->pid,
			     .vm = vm,
			     .next = m->clients};
	m->clients = c;
	vm->client = c;
	a->a[0] = vm->slot;
	*fd = pair[1];
	return 0;
}

static void
take_core(struct machine *m, struct vm *vm, unsigned core)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].pooled && m->cpus[i].core == core)
			m->cpus[i].vm = vm;
}

static int
add_cpu(struct machine *m, struct vm *vm, const struct nitro_request *q,
	struct nitro_answer *a)
{
	uint32_t id = (uint32_t)q->a[1];
	int chosen = -1;

	if (vm->state != VM_INIT)
		return NE_ERR_NOT_IN_INIT_STATE;
	if (id >= count_cpus(m))
		return NE_ERR_INVALID_VCPU;
	for (unsigned i = 0; !id && i < MAX_CPUS && chosen < 0; i++)
		if (m->cpus[i].vm == vm && !m->cpus[i].added)
			chosen = (int)i;
	if (!id && chosen < 0)
		chosen = free_cpu(m);
	if (!id && chosen < 0)
		return NE_ERR_NO_CPUS_AVAIL_IN_POOL;
	if (!id)
		id = (uint32_t)chosen;
	if (m->cpus[id].vm == vm && m->cpus[id].added)
		return NE_ERR_VCPU_ALREADY_USED;
	/* Another enclave's is not in what is left of the pool. */
	if (m->cpus[id].vm != vm && (!m->cpus[id].pooled || m->cpus[id].vm))
		return NE_ERR_VCPU_NOT_IN_CPU_POOL;
	take_core(m, vm, m->cpus[id].core);
	if (q->pid != vm->creator)
		return EIO;
	m->cpus[id].added = true;
	vm->vcpus++;
	a->a[0] = id;
	return 0;
}

/* ---- memory ---- */

static int
check_region(const struct vm *vm, const struct nitro_request *q)
{
	const uint64_t flags = q->a[1], size = q->a[2], address = q->a[3];

	if (flags)
		return NE_ERR_INVALID_FLAG_VALUE;
	if (vm->state != VM_INIT)
		return NE_ERR_NOT_IN_INIT_STATE;
	if (q->pid != vm->creator)
		return EIO;
	if (size % MIN_REGION)
		return NE_ERR_INVALID_MEM_REGION_SIZE;
	if (address % MIN_REGION)
		return NE_ERR_UNALIGNED_MEM_REGION_ADDR;
	if (address >> 47 || size >> 47 || (address + size) >> 47)
		return NE_ERR_INVALID_MEM_REGION_ADDR;
	for (size_t i = 0; i < vm->n_regions; i++)
		if (vm->regions[i].address < address + size &&
		    address < vm->regions[i].address + vm->regions[i].size)
			return NE_ERR_MEM_REGION_ALREADY_USED;
	return size && vm->n_regions < MAX_REGIONS ? 0 : ENOMEM;
}

static int
pool_node(const struct machine *m)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].pooled)
			return (int)m->cpus[i].node;
	return -1;
}

/* The pages of one piece behind the n that are there; their number in *n. */
static int
take_piece(struct machine *m, const struct nitro_piece *piece, struct chunk **chunks,
	   size_t *n)
{
	struct mapping *p = pool_find(m, piece->id);

	if (!piece->id)
		return NE_ERR_MEM_NOT_HUGE_PAGE;
	if (!p)
		return EFAULT;
	for (uint64_t done = 0; done < piece->size; done += p->size) {
		size_t at = (size_t)((piece->offset + done) / p->size);

		if (at >= p->n || !p->pages[at].mapped || p->pages[at].node < 0)
			return EFAULT;
		/* In the middle of a page: the driver sees 4 KiB of it. */
		if (piece->offset % p->size || p->size % MIN_REGION)
			return NE_ERR_INVALID_PAGE_SIZE;
		if (p->pages[at].node != pool_node(m))
			return NE_ERR_MEM_DIFFERENT_NUMA_NODE;
		*chunks = encl_xrealloc(*chunks, *n + 1, sizeof **chunks);
		(*chunks)[(*n)++] = (struct chunk){p, at};
	}
	return 0;
}

/* Neighbours among the pages are one region to the hypervisor. */
static unsigned
count_physical(const struct machine *m, const struct chunk *chunks, size_t n)
{
	uint64_t next = 0;
	unsigned regions = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = pool_address(m, chunks[i].mapping, chunks[i].page);

		regions += at != next || !i;
		next = at + chunks[i].mapping->size;
	}
	return regions;
}

static int
add_memory(struct machine *m, struct vm *vm, const struct nitro_request *q)
{
	struct chunk *chunks = NULL;
	size_t n = 0;
	unsigned physical;
	int error = check_region(vm, q);

	for (uint32_t i = 0; !error && i < q->n_pieces && i < NITRO_PIECES; i++)
		error = take_piece(m, &q->pieces[i], &chunks, &n);
	physical = count_physical(m, chunks, n);
	if (!error && !n)
		error = EFAULT;
	if (!error && vm->physical + physical > m->max_regions)
		error = NE_ERR_MEM_MAX_REGIONS;
	if (error) {
		free(chunks);
		return error;
	}
	vm->chunks = encl_xrealloc(vm->chunks, vm->n_chunks + n, sizeof *vm->chunks);
	for (size_t i = 0; i < n; i++) {
		chunks[i].mapping->pages[chunks[i].page].vm = vm;
		vm->chunks[vm->n_chunks++] = chunks[i];
		vm->memory += chunks[i].mapping->size;
	}
	free(chunks);
	vm->physical += physical;
	vm->regions[vm->n_regions++] = (struct region){q->a[3], q->a[2]};
	return 0;
}

static int
load_info(const struct vm *vm, const struct nitro_request *q, struct nitro_answer *a)
{
	if (vm->state != VM_INIT)
		return NE_ERR_NOT_IN_INIT_STATE;
	if (q->a[1] != NE_EIF_IMAGE)
		return NE_ERR_INVALID_FLAG_VALUE;
	a->a[0] = q->a[1];
	a->a[1] = LOAD_OFFSET;
	return 0;
}

/* ---- start ---- */

static bool
is_running(const struct machine *m, uint64_t cid)
{
	for (const struct vm *vm = m->vms; vm; vm = vm->next)
		if (vm->state == VM_RUNNING && vm->cid == cid)
			return true;
	return false;
}

static int
check_start(struct machine *m, const struct vm *vm, uint64_t flags, uint64_t cid)
{
	if (flags > NE_ENCLAVE_DEBUG_MODE)
		return NE_ERR_INVALID_FLAG_VALUE;
	if ((cid && cid <= PARENT_CID) || cid >= UINT32_MAX)
		return NE_ERR_INVALID_ENCLAVE_CID;
	if (vm->state != VM_INIT)
		return NE_ERR_NOT_IN_INIT_STATE;
	if (!vm->n_chunks)
		return NE_ERR_NO_MEM_REGIONS_ADDED;
	if (vm->memory < 64 * (uint64_t)MIB)
		return NE_ERR_ENCLAVE_MEM_MIN_SIZE;
	if (!vm->vcpus)
		return NE_ERR_NO_VCPUS_ADDED;
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].vm == vm && !m->cpus[i].added)
			return NE_ERR_FULL_CORES_NOT_USED;
	return cid && is_running(m, cid) ? EINVAL : 0; /* the hypervisor's, not known */
}

static int
start(struct machine *m, struct vm *vm, const struct nitro_request *q,
      struct nitro_answer *a)
{
	int error = check_start(m, vm, q->a[1], q->a[2]);

	if (error)
		return error;
	while (!q->a[2] && is_running(m, m->next_cid))
		m->next_cid++;
	vm->cid = q->a[2] ? (uint32_t)q->a[2] : m->next_cid++;
	vm->debug = q->a[1] & NE_ENCLAVE_DEBUG_MODE;
	vm->state = VM_RUNNING;
	vm_start(m, vm);
	a->a[0] = q->a[1];
	a->a[1] = vm->cid;
	return 0;
}

/* ---- the calls ---- */

static const char *
op_name(uint64_t number)
{
	static const struct {
		uint64_t number;
		const char *name;
	} ops[] = {{NE_CREATE_VM, "CREATE_VM"},
		   {NE_ADD_VCPU, "VCPU"},
		   {NE_GET_IMAGE_LOAD_INFO, "LOAD_INFO"},
		   {NE_SET_USER_MEMORY_REGION, "MEMORY"},
		   {NE_START_ENCLAVE, "START"}};

	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (ops[i].number == number)
			return ops[i].name;
	return "UNKNOWN";
}

static int
enclave_ioctl(struct machine *m, struct vm *vm, const struct nitro_request *q,
	      struct nitro_answer *a)
{
	int error = table_fault(m, op_name(q->a[0]));

	if (error)
		return error;
	switch (q->a[0]) {
	case NE_ADD_VCPU:
		return add_cpu(m, vm, q, a);
	case NE_GET_IMAGE_LOAD_INFO:
		return load_info(vm, q, a);
	case NE_SET_USER_MEMORY_REGION:
		return add_memory(m, vm, q);
	case NE_START_ENCLAVE:
		return start(m, vm, q, a);
	default:
		return ENOTTY;
	}
}

int
driver_ioctl(struct machine *m, struct client *c, const struct nitro_request *q,
	     struct nitro_answer *a, int *fd)
{
	int error = ENOTTY;

	if (c->kind == CLIENT_DEVICE && q->a[0] == NE_CREATE_VM)
		error = create(m, c, a, fd);
	else if (c->kind == CLIENT_ENCLAVE && c->vm)
		error = enclave_ioctl(m, c->vm, q, a);
	say(m, "ioctl %s %#llx %#llx %#llx: %d", op_name(q->a[0]),
	    (unsigned long long)q->a[1], (unsigned long long)q->a[2],
	    (unsigned long long)q->a[3], error);
	return error;
}

void
driver_release(struct machine *m, struct vm *vm)
{
	vm_stop(m, vm);
	for (unsigned i = 0; i < MAX_CPUS; i++)
		if (m->cpus[i].vm == vm) {
			m->cpus[i].vm = NULL;
			m->cpus[i].added = false;
		}
	for (struct vm **at = &m->vms; *at; at = &(*at)->next)
		if (*at == vm) {
			*at = vm->next;
			break;
		}
	pool_drop(m, NULL, vm);
	say(m, "enclave %llu released", (unsigned long long)vm->slot);
	free(vm->chunks);
	free(vm);
}
