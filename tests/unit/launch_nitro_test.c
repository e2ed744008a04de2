/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's errors in words, what is refused before a call, the image's copy. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "eif.h"
#include "launch/nitro_check.h"
#include "launch/nitro_device.h"
#include "launch/nitro_image.h"
#include "launch/nitro_memory.h"
#include "test.h"

/* Of the vectors, by a program of its own (expect.json). */
#define PCR0                                                                             \
	"63995f94005f4a22918ffeadde48f820a36c1364fc9753cf2ee9787a8846db5c"               \
	"5b7a516a5badec0e63e3e2795e458a8a"

/* ---- errors ---- */

static const struct {
	int err;
	enum encl_code code;
	const char *name;
	const char *says; /* the way out, in part */
} errors[] = {
	{256, ENCL_HOST, "NE_ERR_VCPU_ALREADY_USED", "choose others with --cpu-ids"},
	{257, ENCL_HOST, "NE_ERR_VCPU_NOT_IN_CPU_POOL", "host setup\" enlarges it"},
	{258, ENCL_USAGE, "NE_ERR_VCPU_INVALID_CPU_CORE", "to no core of the pool"},
	{259, ENCL_FAILED, "NE_ERR_INVALID_MEM_REGION_SIZE", "no multiple of 2 MiB"},
	{260, ENCL_FAILED, "NE_ERR_INVALID_MEM_REGION_ADDR", "not one of this process"},
	{261, ENCL_FAILED, "NE_ERR_UNALIGNED_MEM_REGION_ADDR", "no multiple of 2 MiB"},
	{262, ENCL_FAILED, "NE_ERR_MEM_REGION_ALREADY_USED", "is the enclave's already"},
	{263, ENCL_HOST, "NE_ERR_MEM_NOT_HUGE_PAGE", "reserve some with"},
	{264, ENCL_HOST, "NE_ERR_MEM_DIFFERENT_NUMA_NODE", "allow mbind"},
	{265, ENCL_HOST, "NE_ERR_MEM_MAX_REGIONS", "reserve larger huge pages"},
	{266, ENCL_FAILED, "NE_ERR_NO_MEM_REGIONS_ADDED", "has no memory yet"},
	{267, ENCL_FAILED, "NE_ERR_NO_VCPUS_ADDED", "has no CPU yet"},
	{268, ENCL_USAGE, "NE_ERR_ENCLAVE_MEM_MIN_SIZE", "at least 64 MiB"},
	{269, ENCL_USAGE, "NE_ERR_FULL_CORES_NOT_USED", "raise --cpus to a multiple"},
	{270, ENCL_LOST, "NE_ERR_NOT_IN_INIT_STATE", "start it again"},
	{271, ENCL_USAGE, "NE_ERR_INVALID_VCPU", "no CPU of that number"},
	{272, ENCL_HOST, "NE_ERR_NO_CPUS_AVAIL_IN_POOL", "end another enclave"},
	{273, ENCL_HOST, "NE_ERR_INVALID_PAGE_SIZE", "below 2 MiB"},
	{274, ENCL_HOST, "NE_ERR_INVALID_FLAG_VALUE", "does not know a flag"},
	{275, ENCL_USAGE, "NE_ERR_INVALID_ENCLAVE_CID", "choose another with --cid"},
	{EPERM, ENCL_HOST, "EPERM", "member of the group ne"},
	{EACCES, ENCL_HOST, "EACCES", "usermod -aG ne"},
	{ENOENT, ENCL_HOST, "ENOENT", "EnclaveOptions"},
	{ENXIO, ENCL_HOST, "ENXIO", "load the module nitro_enclaves"},
	{ENODEV, ENCL_HOST, "ENODEV", "offers no enclaves"},
	{ENOTTY, ENCL_HOST, "ENOTTY", "the device is not the driver's"},
	{ENOMEM, ENCL_HOST, "ENOMEM", "lower --memory"},
	{EMFILE, ENCL_HOST, "EMFILE", "ulimit -n"},
	{ENFILE, ENCL_HOST, "ENFILE", "fs.file-max"},
	{EBUSY, ENCL_HOST, "EBUSY", "end another enclave"},
	{EAGAIN, ENCL_HOST, "EAGAIN", "try again in some seconds"},
	{ENOSPC, ENCL_HOST, "ENOSPC", "no room for another enclave"},
	{EFAULT, ENCL_FAILED, "EFAULT", "not one of this process"},
	{EINVAL, ENCL_LOST, "EINVAL", "the hypervisor refuses it"},
	{EIO, ENCL_LOST, "EIO", "the hypervisor failed"},
	{EINTR, ENCL_LOST, "EINTR", "a signal came"},
	{ETIMEDOUT, ENCL_LOST, "ETIMEDOUT", "within 2 minutes"},
	{EEXIST, ENCL_HOST, "EEXIST", "has such an enclave already"},
};
enum { ERRORS = sizeof errors / sizeof *errors };

TEST(launch_nitro_errors)
{
	char *said[ERRORS];

	for (size_t i = 0; i < ERRORS; i++) {
		encl_auto(encl_free) char *end =
			encl_xasprintf("(%s, %d)", errors[i].name, errors[i].err);

		EQ_INT(-1, encl_nitro_fail(&e, "NE_CALL 3", errors[i].err));
		EQ_INT(errors[i].code, e.code);
		EQ_INT(errors[i].err, e.sys);
		CHECK(!strncmp(e.msg, "NE_CALL 3: ", 11));
		if (!strstr(e.msg, errors[i].says) || !strstr(e.msg, end))
			test_fail(__FILE__, __LINE__, "%s: %s", errors[i].name, e.msg);
		said[i] = encl_xstrndup(e.msg, (size_t)(strstr(e.msg, end) - e.msg));
		for (size_t j = 0; j < i; j++)
			if (!strcmp(said[i], said[j]) &&
			    !strstr(said[i], "mistake of enclavebuild"))
				test_fail(__FILE__, __LINE__, "%s and %s say the same",
					  errors[i].name, errors[j].name);
	}
	for (size_t i = 0; i < ERRORS; i++)
		free(said[i]);
}

TEST(launch_nitro_errors_exact)
{
	EQ_INT(-1, encl_nitro_fail(&e, "NE_ADD_VCPU 3", 269));
	EQ_STR("NE_ADD_VCPU 3: an enclave takes whole cores, and one is taken in part; "
	       "raise --cpus to a multiple of the threads of a core, or name all threads "
	       "of each core in --cpu-ids (NE_ERR_FULL_CORES_NOT_USED, 269)",
	       e.msg);
	EQ_INT(-1, encl_nitro_fail(&e, "NE_START_ENCLAVE", 276));
	EQ_STR("NE_START_ENCLAVE: the driver refuses it (error 276); see the kernel's log "
	       "(dmesg)",
	       e.msg);
	EQ_INT(ENCL_LOST, e.code);
	EQ_INT(-1, encl_nitro_fail(&e, "NE_START_ENCLAVE", ENOLINK));
	EQ_STR("NE_START_ENCLAVE: Link has been severed (error 67); see the kernel's log "
	       "(dmesg)",
	       e.msg);
}

TEST(launch_nitro_passing)
{
	CHECK(encl_nitro_passing(EIO) && encl_nitro_passing(EBUSY));
	CHECK(encl_nitro_passing(EINVAL) && encl_nitro_passing(ENOMEM));
	CHECK(!encl_nitro_passing(0) && !encl_nitro_passing(EACCES));
	CHECK(!encl_nitro_passing(ETIMEDOUT));
	for (int err = ENCL_NITRO_ERRNO_MIN; err <= ENCL_NITRO_ERRNO_MAX; err++)
		CHECK(!encl_nitro_passing(err));
}

/* The calls as they are, on what is no such device. */
TEST(launch_nitro_no_device)
{
	static const char other[] =
		"the device is not the driver's; see \"enclavebuild host check\" "
		"(ENOTTY, 25)";
	uint64_t offset;
	uint32_t id = 7;
	int fd;

	FAILS(encl_nitro_open("/nonexistent/nitro_enclaves", &fd, &e), ENCL_HOST,
	      "/nonexistent/nitro_enclaves: the device is not there; the instance has to "
	      "be launched with enclaves enabled (EnclaveOptions) and the module "
	      "nitro_enclaves loaded; see \"enclavebuild host check\" (ENOENT, 2)");
	OK(encl_nitro_open("/dev/null", &fd, &e));
	CHECK(encl_nitro_create(fd, &(int){0}, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_CREATE_VM: "));
	CHECK(encl_nitro_load_offset(fd, &offset, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_GET_IMAGE_LOAD_INFO: "));
	CHECK(encl_nitro_add_memory(fd, &id, 6 << 20, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_SET_USER_MEMORY_REGION (6 MiB): "));
	CHECK(encl_nitro_add_cpu(fd, &id, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_ADD_VCPU 7: "));
	id = 0;
	CHECK(encl_nitro_add_cpu(fd, &id, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_ADD_VCPU: "));
	CHECK(encl_nitro_begin(fd, true, &id, &e) == -1);
	EQ_STR(other, e.msg + strlen("NE_START_ENCLAVE: "));
	close(fd);
}

/* ---- refusals ---- */

TEST(launch_nitro_patience)
{
	EQ_INT(180, encl_nitro_patience(0, 0));
	EQ_INT(180, encl_nitro_patience(UINT64_C(6) << 30, 100 << 10));
	EQ_INT(270, encl_nitro_patience((UINT64_C(6) << 30) + 1, 100 << 10));
	EQ_INT(360, encl_nitro_patience((UINT64_C(6) << 30) + 1, (100 << 10) + 1));
}

TEST(launch_nitro_cid)
{
	OK(encl_nitro_check_cid(0, true, &e));
	OK(encl_nitro_check_cid(4, true, &e));
	OK(encl_nitro_check_cid(UINT32_MAX - 1, false, &e));
	for (uint32_t cid = 1; cid <= 3; cid++)
		CHECK(encl_nitro_check_cid(cid, false, &e) == -1);
	FAILS(encl_nitro_check_cid(UINT32_MAX, false, &e), ENCL_USAGE,
	      "CID 4294967295 is reserved (1, 2, 3 and 4294967295 are); choose another "
	      "with --cid, or leave it out: then the driver chooses one");
	FAILS(encl_nitro_check_cid(UINT32_MAX - 10000, true, &e), ENCL_USAGE,
	      "CID 4294957295 has no port for a console; choose a smaller one with --cid");
}

#if defined __x86_64__
TEST(launch_nitro_image)
{
	struct encl_eif eif = {.path = (char[]){"app.eif"}, .size = (100 << 20) + 1};

	OK(encl_nitro_check_image(&eif, 109, &e));
	FAILS(encl_nitro_check_image(&eif, 108, &e), ENCL_USAGE,
	      "108 MiB of memory cannot even hold the image (it takes 109 MiB before "
	      "anything runs); raise --memory, \"enclavebuild plan\" says to how much");
	FAILS(encl_nitro_check_image(&eif, 63, &e), ENCL_USAGE,
	      "63 MiB of memory: an enclave needs at least 64 MiB; raise --memory");
	eif.arch = ENCL_ARCH_AARCH64;
	FAILS(encl_nitro_check_image(&eif, 512, &e), ENCL_USAGE,
	      "app.eif is for another architecture, this machine is x86_64: an enclave "
	      "has its parent's");
}
#endif

TEST(launch_nitro_signature)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_nitro_plan plan = {.mib = 64};

	OK(encl_eif_open(VECTORS "unsigned.eif", &eif, &e));
	OK(encl_nitro_check_signature(&eif, 0, &plan, &e));
	CHECK(!plan.is_signed);
	encl_eif_close(&eif);
	OK(encl_eif_open(VECTORS "signed.eif", &eif, &e));
	OK(encl_nitro_check_signature(&eif, 1600000000, &plan, &e));
	CHECK(plan.is_signed);
	EQ_STR(PCR0, pcr_hex(&plan.signed_pcr0));
	FAILS(encl_nitro_check_signature(&eif, 1577836799, &plan, &e), ENCL_SIGN,
	      VECTORS
	      "signed.eif: the signing certificate is valid from Jan  1 00:00:00 "
	      "2020 GMT on only, the hypervisor would refuse it; is this machine's "
	      "clock right?");
	FAILS(encl_nitro_check_signature(&eif, 4800000000, &plan, &e), ENCL_SIGN,
	      VECTORS
	      "signed.eif: the signing certificate expired on Jan  1 00:00:00 2120 GMT, "
	      "the hypervisor would refuse it; sign the image again (\"enclavebuild "
	      "sign\")");
	eif.signature[eif.signature_size - 1] ^= 1;
	FAILS(encl_nitro_check_signature(&eif, 1600000000, &plan, &e), ENCL_SIGN,
	      VECTORS "signed.eif: signature: does not verify with the key of its "
		      "certificate; the hypervisor would refuse it");
}

/* 8 CPUs on 4 cores (0 and 4, 1 and 5, …), of which 1 to 3 and their other threads
 * are in the pool. */
static struct encl_host
host_of_eight(struct encl_host_cpu cpus[8])
{
	struct encl_host h = {.cpus = cpus, .n_cpus = 8};

	for (unsigned i = 0; i < 8; i++)
		cpus[i] = (struct encl_host_cpu){
			.id = i, .core = i % 4, .pooled = i % 4 != 0};
	return h;
}

TEST(launch_nitro_cpus)
{
	struct encl_host_cpu cpus[8];
	struct encl_host h = host_of_eight(cpus);

	OK(encl_nitro_check_cpus(&h, (unsigned[]){1, 5}, 2, &e));
	OK(encl_nitro_check_cpus(&h, (unsigned[]){1, 2, 3, 5, 6, 7}, 6, &e));
	FAILS(encl_nitro_check_cpus(&h, (unsigned[]){1, 2, 5}, 3, &e), ENCL_USAGE,
	      "--cpu-ids: CPU 2 shares its core with CPU 6: an enclave takes whole cores; "
	      "name both");
	FAILS(encl_nitro_check_cpus(&h, (unsigned[]){4}, 1, &e), ENCL_HOST,
	      "--cpu-ids: CPU 4 is not in the pool for enclaves (1-3,5-7); choose from "
	      "it, or enlarge it with \"enclavebuild host setup\"");
	FAILS(encl_nitro_check_cpus(&h, (unsigned[]){99}, 1, &e), ENCL_USAGE,
	      "--cpu-ids: CPU 99 is not in the pool for enclaves (1-3,5-7); choose from "
	      "it, or enlarge it with \"enclavebuild host setup\"");
	for (size_t i = 0; i < 8; i++)
		cpus[i].pooled = false;
	FAILS(encl_nitro_check_cpus(&h, (unsigned[]){1}, 1, &e), ENCL_HOST,
	      "--cpu-ids: CPU 1 is not in the pool for enclaves (which is empty); choose "
	      "from it, or enlarge it with \"enclavebuild host setup\"");
}

/* ---- memory ---- */

TEST(launch_nitro_memory_none)
{
	struct encl_host_node node = {.id = 0};
	struct encl_host h = {
		.root = (char[]){""}, .nodes = &node, .n_nodes = 1, .pool_node = -1};
	struct encl_nitro_memory m;

	/* Looked at again before it fails: the machine of the test has no pool. */
	setenv("ENCLAVEBUILD_HOST_ROOT", "tests/support/no-such-host", 1);
	CHECK(encl_nitro_memory_take(&h, 64, &m, &e) == -1);
	unsetenv("ENCLAVEBUILD_HOST_ROOT");
	EQ_INT(ENCL_HOST, e.code);
}

TEST(launch_nitro_memory_at)
{
	uint8_t a[10], b[5];
	struct encl_nitro_memory m = {{{a, 10, 0}, {b, 5, 0}}, 2, 15};
	uint64_t n = 0;

	CHECK(encl_nitro_memory_at(&m, 0, &n) == a);
	EQ_INT(10, n);
	CHECK(encl_nitro_memory_at(&m, 9, &n) == a + 9);
	EQ_INT(1, n);
	CHECK(encl_nitro_memory_at(&m, 10, &n) == b);
	EQ_INT(5, n);
	CHECK(encl_nitro_memory_at(&m, 14, &n) == b + 4);
	CHECK(!encl_nitro_memory_at(&m, 15, &n));
	CHECK(!encl_nitro_memory_at(&m, UINT64_MAX, &n));
}

/* ---- the copy ---- */

enum { FIRST = 700, SECOND = 3000, AT = 100 };

struct copy {
	uint8_t first[SECOND], second[SECOND];
	struct encl_nitro_memory m;
	struct encl_eif eif;
	struct encl_pcr pcr0;
};

static void
open_copy(struct copy *c, const char *path)
{
	memset(c, 0, sizeof *c);
	c->m.regions[0] = (struct encl_nitro_region){c->first, FIRST, 0};
	c->m.regions[1] = (struct encl_nitro_region){c->second, SECOND, 0};
	c->m.n = 2;
	c->m.size = FIRST + SECOND;
	c->eif.fd = -1;
	OK(encl_eif_open(path, &c->eif, &e));
}

static int
load(struct copy *c, const struct encl_pcr *want)
{
	const struct encl_nitro_load l = {.eif = &c->eif, .want = want};

	return encl_nitro_load(&l, &c->m, AT, &c->pcr0, &e);
}

static void
write_at(const char *path, size_t off, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	EQ_INT(n, pwrite(fd, p, n, (off_t)off));
	close(fd);
}

/* Regions end within the header's table and within a section. */
TEST(launch_nitro_load)
{
	const struct encl_eif_bytes *want = vector("signed.eif");
	struct copy c;

	open_copy(&c, VECTORS "signed.eif");
	OK(load(&c, NULL));
	EQ_MEM(want->p, FIRST - AT, c.first + AT, FIRST - AT);
	EQ_MEM((const uint8_t *)want->p + (FIRST - AT), want->n - (FIRST - AT), c.second,
	       want->n - (FIRST - AT));
	EQ_INT(0, c.first[AT - 1]);
	EQ_INT(0, c.second[want->n - (FIRST - AT)]);
	EQ_STR(PCR0, pcr_hex(&c.pcr0));
	FAILS(load(&c, &(struct encl_pcr){{0}}), ENCL_MISMATCH,
	      VECTORS
	      "signed.eif: what was loaded has another PCR0 than what was checked; "
	      "nothing was started");
	/* every place where a region may end */
	for (size_t first = AT; first < AT + want->n; first++) {
		c.m.regions[0].size = first;
		c.m.size = first + SECOND;
		OK(load(&c, NULL));
	}
	c.m.regions[0].size = 100;
	c.m.regions[1].size = want->n - 1;
	c.m.size = 100 + want->n - 1;
	FAILS(load(&c, NULL), ENCL_USAGE,
	      "0 MiB of memory cannot hold the image; raise --memory");
	encl_eif_close(&c.eif);
}

/* The file changes between the reader's look and the copy. */
static void
changes(size_t off, const char *bytes, size_t n, const char *want)
{
	const char *path = patched("signed.eif", 0, ".eif", 4);
	encl_auto(encl_free) char *message = encl_xasprintf("%s%s", path, want);
	struct copy c;

	open_copy(&c, path);
	write_at(path, off, bytes, n);
	FAILS(load(&c, NULL), ENCL_MISMATCH, message);
	encl_eif_close(&c.eif);
}

TEST(launch_nitro_load_changed)
{
	static const char changed[] = " changed while it was loaded; nothing was started";

	/* flags, count, CRC, a size of the table, a section's type, its size, a
	 * byte of the signature */
	changes(7, "\1", 1, changed);
	changes(0x1b, "\5", 1, changed);
	changes(544, "\0", 1, changed);
	changes(0x11c + 7, "\6", 1, changed);
	changes(549, "\3", 1, changed);
	changes(548 + 11, "\6", 1, changed);
	changes(2441, "\0", 1, changed);
	/* the kernel: only its bytes tell */
	changes(560, "k", 1,
		": its bytes have the CRC-32 c3fcd0c6, the header says b07857df: the file "
		"is damaged");
}

TEST(launch_nitro_load_shorter)
{
	const char *path = patched("signed.eif", 0, ".eif", 4);
	encl_auto(encl_free) char *message =
		encl_xasprintf("%s became shorter while it was loaded", path);
	struct copy c;

	open_copy(&c, path);
	CHECK(!truncate(path, 2000));
	FAILS(load(&c, NULL), ENCL_MISMATCH, message);
	encl_eif_close(&c.eif);
}

/* A page that is gone is an error of the call, not a signal. */
TEST(launch_nitro_load_no_page)
{
	struct copy c;

	open_copy(&c, VECTORS "signed.eif");
	c.m.regions[1].p = (uint8_t *)(uintptr_t)4096;
	FAILS(load(&c, NULL), ENCL_HOST,
	      "a huge page of the enclave is gone; others took it, or a control group "
	      "allows no more");
	encl_eif_close(&c.eif);
}

static bool
always(void *arg)
{
	(void)arg;
	return true;
}

TEST(launch_nitro_load_cancelled)
{
	struct copy c;

	open_copy(&c, VECTORS "signed.eif");
	const struct encl_nitro_load l = {.eif = &c.eif, .cancelled = always};

	FAILS(encl_nitro_load(&l, &c.m, AT, &c.pcr0, &e), ENCL_LOST,
	      "ended while it was loaded");
	encl_eif_close(&c.eif);
}
