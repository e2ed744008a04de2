/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The five calls of linux/nitro_enclaves.h, and a table of what their errors mean
 * to who runs an enclave.
 */
#include "launch/nitro_device.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nitro_enclaves.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/cleanup.h"

/* The kernel's header is what is compiled in; this is what it has to be. */
_Static_assert(NE_CREATE_VM == 0x8008AE20U, "ABI");
_Static_assert(NE_ADD_VCPU == 0xC004AE21U, "ABI");
_Static_assert(NE_GET_IMAGE_LOAD_INFO == 0xC010AE22U, "ABI");
_Static_assert(NE_SET_USER_MEMORY_REGION == 0x4018AE23U, "ABI");
_Static_assert(NE_START_ENCLAVE == 0xC010AE24U, "ABI");
_Static_assert(NE_ERR_VCPU_ALREADY_USED == (int)ENCL_NITRO_ERRNO_MIN, "ABI");
_Static_assert(NE_ERR_INVALID_ENCLAVE_CID == (int)ENCL_NITRO_ERRNO_MAX, "ABI");

struct meaning {
	int err;
	enum encl_code code;
	const char *name;
	const char *text; /* what is wrong; what to do */
};

#define DRIVER(name, code, text)                                                         \
	{                                                                                \
		NE_ERR_##name, code, "NE_ERR_" #name, text                               \
	}
#define ORDINARY(name, code, text)                                                       \
	{                                                                                \
		name, code, #name, text                                                  \
	}

static const struct meaning meanings[] = {
	DRIVER(VCPU_ALREADY_USED, ENCL_HOST,
	       "the CPU is in use by an enclave, or was named twice; choose others with "
	       "--cpu-ids, or leave it out: then the driver chooses free ones"),
	DRIVER(VCPU_NOT_IN_CPU_POOL, ENCL_HOST,
	       "the CPU is not in the pool for enclaves; \"enclavebuild host check\" shows "
	       "the pool, \"enclavebuild host setup\" enlarges it"),
	DRIVER(VCPU_INVALID_CPU_CORE, ENCL_USAGE,
	       "the CPU belongs to no core of the pool; choose others with --cpu-ids "
	       "(\"enclavebuild host check\" shows them)"),
	DRIVER(INVALID_MEM_REGION_SIZE, ENCL_FAILED,
	       "the size of a piece of memory is no multiple of 2 MiB; this is a mistake "
	       "of enclavebuild, please report it"),
	DRIVER(INVALID_MEM_REGION_ADDR, ENCL_FAILED,
	       "the address of a piece of memory is not one of this process; this is a "
	       "mistake of enclavebuild, please report it"),
	DRIVER(UNALIGNED_MEM_REGION_ADDR, ENCL_FAILED,
	       "the address of a piece of memory is no multiple of 2 MiB; this is a "
	       "mistake of enclavebuild, please report it"),
	DRIVER(MEM_REGION_ALREADY_USED, ENCL_FAILED,
	       "a piece of memory is the enclave's already; this is a mistake of "
	       "enclavebuild, please report it"),
	DRIVER(MEM_NOT_HUGE_PAGE, ENCL_HOST,
	       "the memory does not come from huge pages; reserve some with \"enclavebuild "
	       "host setup\""),
	DRIVER(MEM_DIFFERENT_NUMA_NODE, ENCL_HOST,
	       "the memory is of another NUMA node than the pool's CPUs; reserve huge "
	       "pages on that node (\"enclavebuild host check\" shows both), and in a "
	       "container allow mbind (CAP_SYS_NICE)"),
	DRIVER(MEM_MAX_REGIONS, ENCL_HOST,
	       "the memory is in more pieces than the hypervisor takes; reserve larger "
	       "huge pages (1 GiB instead of 2 MiB) with \"enclavebuild host setup\", soon "
	       "after the machine's start"),
	DRIVER(NO_MEM_REGIONS_ADDED, ENCL_FAILED,
	       "the enclave has no memory yet; this is a mistake of enclavebuild, please "
	       "report it"),
	DRIVER(NO_VCPUS_ADDED, ENCL_FAILED,
	       "the enclave has no CPU yet; this is a mistake of enclavebuild, please "
	       "report it"),
	DRIVER(ENCLAVE_MEM_MIN_SIZE, ENCL_USAGE,
	       "an enclave needs at least 64 MiB; raise --memory"),
	DRIVER(FULL_CORES_NOT_USED, ENCL_USAGE,
	       "an enclave takes whole cores, and one is taken in part; raise --cpus to a "
	       "multiple of the threads of a core, or name all threads of each core in "
	       "--cpu-ids"),
	DRIVER(NOT_IN_INIT_STATE, ENCL_LOST,
	       "the enclave has begun or ended already; start it again"),
	DRIVER(INVALID_VCPU, ENCL_USAGE,
	       "this machine has no CPU of that number; correct --cpu-ids"),
	DRIVER(NO_CPUS_AVAIL_IN_POOL, ENCL_HOST,
	       "the pool has no CPU left; end another enclave (\"enclavebuild ps\", "
	       "\"nitro-cli describe-enclaves\"), or enlarge the pool with \"enclavebuild "
	       "host setup\""),
	DRIVER(INVALID_PAGE_SIZE, ENCL_HOST,
	       "huge pages below 2 MiB are of no use to an enclave; reserve larger ones "
	       "with \"enclavebuild host setup\""),
	DRIVER(INVALID_FLAG_VALUE, ENCL_HOST,
	       "the driver does not know a flag; it is too old or too new for "
	       "enclavebuild: update both"),
	DRIVER(INVALID_ENCLAVE_CID, ENCL_USAGE,
	       "the CID is in use, or reserved (1, 2, 3, 4294967295); choose another with "
	       "--cid, or leave it out: then the driver chooses one"),
	ORDINARY(EPERM, ENCL_HOST,
		 "not permitted; run it as root or as a member of the group ne, and in a "
		 "container give it the device"),
	ORDINARY(EACCES, ENCL_HOST,
		 "no right to the device; add the user to its group (\"usermod -aG ne "
		 "USER\", then log in again), or run it as root"),
	ORDINARY(ENOENT, ENCL_HOST,
		 "the device is not there; the instance has to be launched with enclaves "
		 "enabled (EnclaveOptions) and the module nitro_enclaves loaded; see "
		 "\"enclavebuild host check\""),
	ORDINARY(ENXIO, ENCL_HOST,
		 "there is no driver behind the device; load the module nitro_enclaves"),
	ORDINARY(
		ENODEV, ENCL_HOST,
		"the hypervisor offers no enclaves; the instance has to be launched with "
		"enclaves enabled (EnclaveOptions)"),
	ORDINARY(ENOTTY, ENCL_HOST,
		 "the device is not the driver's; see \"enclavebuild host check\""),
	ORDINARY(ENOMEM, ENCL_HOST,
		 "the kernel or the hypervisor has no memory for it; free some, or lower "
		 "--memory"),
	ORDINARY(EMFILE, ENCL_HOST,
		 "this process has too many files open; raise its limit (ulimit -n)"),
	ORDINARY(ENFILE, ENCL_HOST,
		 "this machine has too many files open; raise fs.file-max"),
	ORDINARY(
		EBUSY, ENCL_HOST,
		"the device or the hypervisor is busy; end another enclave, or try again "
		"in some seconds"),
	ORDINARY(EAGAIN, ENCL_HOST, "the hypervisor is busy; try again in some seconds"),
	ORDINARY(
		ENOSPC, ENCL_HOST,
		"the hypervisor has no room for another enclave (4 on one instance); end "
		"one"),
	ORDINARY(EFAULT, ENCL_FAILED,
		 "an address is not one of this process; this is a mistake of "
		 "enclavebuild, please report it"),
	ORDINARY(EINVAL, ENCL_LOST,
		 "the hypervisor refuses it; see the kernel's log (dmesg), and whether "
		 "another enclave has the same --cid"),
	ORDINARY(EIO, ENCL_LOST,
		 "the hypervisor failed; try again, then see the kernel's log (dmesg)"),
	ORDINARY(EINTR, ENCL_LOST, "a signal came in between; try again"),
	ORDINARY(
		ETIMEDOUT, ENCL_LOST,
		"the hypervisor did not answer within 2 minutes; try again, then restart "
		"the instance"),
	ORDINARY(EEXIST, ENCL_HOST,
		 "the hypervisor has such an enclave already; choose "
		 "another --cid"),
};

static const struct meaning *
find(int err)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].err == err)
			return &meanings[i];
	return NULL;
}

int
encl_nitro_fail(struct encl_err *e, const char *what, int err)
{
	const struct meaning *m = find(err);

	if (m)
		encl_fail(e, m->code, "%s: %s (%s, %d)", what, m->text, m->name, err);
	else
		encl_fail(e, ENCL_LOST, "%s: %s (error %d); see the kernel's log (dmesg)",
			  what,
			  err < ENCL_NITRO_ERRNO_MIN ? strerror(err)
						     : "the driver refuses it",
			  err);
	e->sys = err;
	return -1;
}

bool
encl_nitro_passing(int err)
{
	static const int passing[] = {EIO, EBUSY, EAGAIN, EINTR, EINVAL, ENOMEM, ENOSPC};

	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (passing[i] == err)
			return true;
	return false;
}

int
encl_nitro_open(const char *path, int *device, struct encl_err *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return encl_nitro_fail(e, path, errno);
	*device = fd;
	return 0;
}

int
encl_nitro_create(int device, int *enclave, struct encl_err *e)
{
	uint64_t slot = 0;
	int fd = ioctl(device, NE_CREATE_VM, &slot);

	if (fd < 0)
		return encl_nitro_fail(e, "NE_CREATE_VM", errno);
	/* A program that had it too would keep the enclave alive after our end. */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*enclave = fd;
	return 0;
}

int
encl_nitro_load_offset(int enclave, uint64_t *offset, struct encl_err *e)
{
	struct ne_image_load_info info = {.flags = NE_EIF_IMAGE};

	if (ioctl(enclave, NE_GET_IMAGE_LOAD_INFO, &info) < 0)
		return encl_nitro_fail(e, "NE_GET_IMAGE_LOAD_INFO", errno);
	*offset = info.memory_offset;
	return 0;
}

int
encl_nitro_add_memory(int enclave, const void *p, uint64_t size, struct encl_err *e)
{
	struct ne_user_memory_region region = {.flags = NE_DEFAULT_MEMORY_REGION,
					       .memory_size = size,
					       .userspace_addr = (uintptr_t)p};
	char what[64];

	if (ioctl(enclave, NE_SET_USER_MEMORY_REGION, &region) >= 0)
		return 0;
	snprintf(what, sizeof what, "NE_SET_USER_MEMORY_REGION (%" PRIu64 " MiB)",
		 size >> 20);
	return encl_nitro_fail(e, what, errno);
}

int
encl_nitro_add_cpu(int enclave, uint32_t *id, struct encl_err *e)
{
	uint32_t got = *id;
	char what[32] = "NE_ADD_VCPU";

	if (ioctl(enclave, NE_ADD_VCPU, &got) >= 0) {
		*id = got;
		return 0;
	}
	if (*id)
		snprintf(what, sizeof what, "NE_ADD_VCPU %" PRIu32, *id);
	return encl_nitro_fail(e, what, errno);
}

int
encl_nitro_begin(int enclave, bool debug, uint32_t *cid, struct encl_err *e)
{
	struct ne_enclave_start_info info = {.flags = debug ? NE_ENCLAVE_DEBUG_MODE
							    : NE_ENCLAVE_PRODUCTION_MODE,
					     .enclave_cid = *cid};

	if (ioctl(enclave, NE_START_ENCLAVE, &info) < 0)
		return encl_nitro_fail(e, "NE_START_ENCLAVE", errno);
	*cid = (uint32_t)info.enclave_cid;
	return 0;
}
