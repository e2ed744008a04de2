/* SPDX-License-Identifier: Apache-2.0 */
/* What a planned build will need of memory, for `plan` and the measurements file. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "build_internal.h"
#include "launch/memory.h"

static void
need_unit(struct encl_memory_need *need, const struct encl_unit *u)
{
	if (u->limits.memory_mib)
		need->limits += u->limits.memory_mib;
	else
		need->n_unlimited++;
}

static void
need_units(const struct encl_manifest *m, struct encl_memory_need *need)
{
	for (size_t i = 0; i < m->n_services; i++)
		need_unit(need, &m->services[i].unit);
	for (size_t i = 0; i < m->docker.n_containers; i++)
		need_unit(need, &m->docker.containers[i].unit);
	if (m->app.given || (!m->n_services && !m->docker.given))
		need->n_unlimited++;
	need->n_containers = m->docker.n_containers;
	for (size_t i = 0; i < m->n_exchanges; i++)
		need->exchange += m->exchanges[i].max_mib;
}

static void
need_ramdisk(struct encl_memory_need *need, const struct encl_ramdisk *r)
{
	uint64_t names;

	need->unpacked += encl_ramdisk_unpacked(r, &names);
	need->names += names;
}

static int
need_image(const struct encl_build *b, uint64_t size, struct encl_memory_need *need,
	   struct encl_err *e)
{
	const struct encl_manifest *m = b->m;
	const struct encl_content *kernel = &b->kernel.image;
	enum { HEADERS = 4096 };

	need->kernel = encl_memory_of_kernel(kernel->blob->fd, kernel->offset,
					     kernel->size, m->arch == ENCL_ARCH_X86_64);
	need->ramfs = encl_memory_ramfs(encl_build_cmdline(b));
	need_ramdisk(need, b->boot);
	need_ramdisk(need, b->app);
	if (m->boot.format == ENCL_ROOT_SQUASHFS) {
		need->squashfs = true;
		need->overlay =
			m->boot.writable_mib ? m->boot.writable_mib : ENCL_MEMORY_OVERLAY;
	}
	if (!size && encl_build_packed(b, &need->packed, e))
		return -1;
	if (size)
		need->packed = size - kernel->size;
	need->eif = size ? size : kernel->size + need->packed + HEADERS;
	return 0;
}

int
encl_build_check_memory(const struct encl_build *b, const struct encl_memory *memory,
			struct encl_err *e)
{
	const struct encl_resources *r = &b->m->resources;
	encl_auto(encl_free) char *at = encl_manifest_at(b->m, r->pos_memory);

	if (!r->memory_mib)
		return 0;
	if (r->memory_mib < memory->least_mib)
		return encl_fail(
			e, ENCL_USAGE,
			"%sresources.memoryMiB: %" PRIu64
			" MiB cannot boot this image: the smallest that can is "
			"%" PRIu64 " (\"enclavebuild plan\" says why; %" PRIu64
			" if all that the manifest declares is used); write auto "
			"or at least that",
			at, r->memory_mib, memory->least_mib, memory->mib);
	if (r->memory_mib < memory->run.mib)
		encl_warn(b->env->log,
			  "%sresources.memoryMiB: %" PRIu64
			  " MiB boot this image, but if all that the manifest declares "
			  "is used (limits, storage) it needs %" PRIu64,
			  at, r->memory_mib, memory->mib);
	return 0;
}

int
encl_build_memory(const struct encl_build *b, uint64_t size, struct encl_memory *out,
		  struct encl_err *e)
{
	struct encl_memory_need need = {0};

	if (need_image(b, size, &need, e))
		return -1;
	need.docker = b->m->docker.given;
	need.storage = b->docker.settings.storage_mib;
	need_units(b->m, &need);
	encl_memory_estimate(&need, out);
	return 0;
}
