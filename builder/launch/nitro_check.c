/* SPDX-License-Identifier: Apache-2.0 */
/* An image, what was asked for and this machine, to one refusal or a plan. */
#include "launch/nitro_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "launch/enclave.h"
#include "launch/memory.h"
#include "launch/nitro_device.h"
#include "sign/sign.h"

enum { DEFAULT_CPUS = 2, CONSOLE_PORTS = 10000 };

void
encl_nitro_plan_clear(struct encl_nitro_plan *p)
{
	encl_host_clear(&p->host);
	free(p->ids);
	memset(p, 0, sizeof *p);
}

unsigned
encl_nitro_patience(uint64_t image_bytes, uint64_t mib)
{
	const uint64_t by_image =
		(image_bytes ? image_bytes - 1 : 0) / (UINT64_C(6) << 30);
	const uint64_t by_memory = (mib ? mib - 1 : 0) / (100 << 10);

	return (unsigned)(90 * (2 + by_image + by_memory));
}

static const char *
foreign_arch(enum encl_arch arch)
{
#if defined __x86_64__
	return arch == ENCL_ARCH_X86_64 ? NULL : "x86_64";
#elif defined __aarch64__
	return arch == ENCL_ARCH_AARCH64 ? NULL : "aarch64";
#else
	(void)arch;
	return "of another architecture";
#endif
}

int
encl_nitro_check_image(const struct encl_eif *eif, uint64_t mib, struct encl_err *e)
{
	const char *here = foreign_arch(eif->arch);
	const uint64_t least =
		ENCL_NITRO_LOAD_MIB + (eif->size + ((1 << 20) - 1)) / (1 << 20);

	if (here)
		return encl_fail(e, ENCL_USAGE,
				 "%s is for another architecture, this machine is %s: an "
				 "enclave has its parent's",
				 eif->path, here);
	if (mib < ENCL_NITRO_MIN_MIB)
		return encl_fail(e, ENCL_USAGE,
				 "%" PRIu64
				 " MiB of memory: an enclave needs at least %d "
				 "MiB; raise --memory",
				 mib, ENCL_NITRO_MIN_MIB);
	if (mib < least)
		return encl_fail(e, ENCL_USAGE,
				 "%" PRIu64
				 " MiB of memory cannot even hold the image (it takes "
				 "%" PRIu64 " MiB before anything runs); raise --memory, "
				 "\"enclavebuild plan\" says to how much",
				 mib, least);
	return 0;
}

int
encl_nitro_check_signature(const struct encl_eif *eif, uint64_t now,
			   struct encl_nitro_plan *p, struct encl_err *e)
{
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};

	if (!eif->signature)
		return 0;
	if (encl_signature_read(eif->signature, eif->signature_size, &info, e))
		return encl_wrap(e, "%s", eif->path);
	if (!info.signature_ok)
		return encl_fail(e, ENCL_SIGN,
				 "%s: signature: does not verify with the key of its "
				 "certificate; the hypervisor would refuse it",
				 eif->path);
	if ((int64_t)now > info.not_after_epoch)
		return encl_fail(e, ENCL_SIGN,
				 "%s: the signing certificate expired on %s, the "
				 "hypervisor would refuse it; sign the image again "
				 "(\"enclavebuild sign\")",
				 eif->path, info.not_after);
	if ((int64_t)now < info.not_before_epoch)
		return encl_fail(
			e, ENCL_SIGN,
			"%s: the signing certificate is valid from %s on only, the "
			"hypervisor would refuse it; is this machine's clock right?",
			eif->path, info.not_before);
	p->is_signed = true;
	p->signed_pcr0 = info.signed_pcr0;
	return 0;
}

int
encl_nitro_check_cid(uint32_t cid, bool debug, struct encl_err *e)
{
	if ((cid >= 1 && cid <= 3) || cid == UINT32_MAX)
		return encl_fail(e, ENCL_USAGE,
				 "CID %" PRIu32
				 " is reserved (1, 2, 3 and 4294967295 are); "
				 "choose another with --cid, or leave it out: then the "
				 "driver chooses one",
				 cid);
	if (debug && cid > UINT32_MAX - CONSOLE_PORTS - 1)
		return encl_fail(e, ENCL_USAGE,
				 "CID %" PRIu32 " has no port for a console; choose a "
				 "smaller one with --cid",
				 cid);
	return 0;
}

/* ---- CPUs ---- */

static const struct encl_host_cpu *
find_cpu(const struct encl_host *h, unsigned id)
{
	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].id == id)
			return &h->cpus[i];
	return NULL;
}

static bool
has(const unsigned *ids, size_t n, unsigned id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static int
check_cpu(const struct encl_host *h, const unsigned *ids, size_t n, unsigned id,
	  struct encl_err *e)
{
	const struct encl_host_cpu *cpu = find_cpu(h, id);
	encl_auto(encl_free) char *pool = encl_host_pool(h);

	if (!cpu || !cpu->pooled)
		return encl_fail(
			e, cpu ? ENCL_HOST : ENCL_USAGE,
			"--cpu-ids: CPU %u is not in the pool for enclaves (%s); "
			"choose from it, or enlarge it with \"enclavebuild host "
			"setup\"",
			id, *pool ? pool : "which is empty");
	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].core == cpu->core && !has(ids, n, h->cpus[i].id))
			return encl_fail(
				e, ENCL_USAGE,
				"--cpu-ids: CPU %u shares its core with CPU %u: an "
				"enclave takes whole cores; name both",
				id, h->cpus[i].id);
	return 0;
}

int
encl_nitro_check_cpus(const struct encl_host *h, const unsigned *ids, size_t n,
		      struct encl_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (check_cpu(h, ids, n, ids[i], e))
			return -1;
	return 0;
}

/* ---- all of it ---- */

static int
refuse(char **obstacles, uint64_t mib, unsigned cpus, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf text;

	encl_buf_init(&text, sizeof e->msg);
	for (size_t i = 0; obstacles[i]; i++)
		encl_buf_add_fmt(&text, "%s%s", i ? "; " : "", obstacles[i]);
	return encl_fail(e, ENCL_HOST,
			 "an enclave of %" PRIu64
			 " MiB and %u CPUs cannot start here: %s",
			 mib, cpus, encl_buf_text(&text));
}

static int
check_host(const struct encl_nitro_plan *p, struct encl_err *e)
{
	char **obstacles = encl_host_obstacles(&p->host, p->mib, p->cpus);
	int rc = obstacles[0] ? refuse(obstacles, p->mib, p->cpus, e) : 0;

	for (size_t i = 0; obstacles[i]; i++)
		free(obstacles[i]);
	free(obstacles);
	return rc;
}

static uint64_t
estimate(const struct encl_eif *eif)
{
	struct encl_memory_need need;
	struct encl_memory memory;

	encl_memory_of_image(eif, &need);
	encl_memory_estimate(&need, &memory);
	return memory.mib;
}

static int
choose_cpus(const struct encl_run_options *o, struct encl_nitro_plan *p,
	    struct encl_err *e)
{
	size_t n;

	p->cpus = o->cpus ? o->cpus : DEFAULT_CPUS;
	if (!o->cpu_ids)
		return 0;
	if (encl_host_parse_list(o->cpu_ids, &p->ids, &n, e)) {
		e->code = ENCL_USAGE;
		return encl_wrap(e, "--cpu-ids");
	}
	p->cpus = (unsigned)n;
	return encl_nitro_check_cpus(&p->host, p->ids, n, e);
}

int
encl_nitro_check(const struct encl_eif *eif, const struct encl_run_options *o,
		 struct encl_nitro_plan *out, struct encl_err *e)
{
	encl_auto(encl_nitro_plan_clear) struct encl_nitro_plan p = {
		.mib = o->memory_mib};

	if (!p.mib)
		p.mib = estimate(eif);
	if (encl_nitro_check_image(eif, p.mib, e) ||
	    encl_nitro_check_signature(eif, encl_now(), &p, e) ||
	    encl_nitro_check_cid(o->cid, o->debug, e) || encl_host_read(&p.host, e) ||
	    choose_cpus(o, &p, e) || check_host(&p, e))
		return -1;
	*out = encl_take(p, (struct encl_nitro_plan){0});
	return 0;
}
