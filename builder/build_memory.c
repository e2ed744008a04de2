/* SPDX-License-Identifier: Apache-2.0 */
/* What a planned build will need of memory, for `plan` and the measurements file. */
#include <inttypes.h>

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

void
encl_build_memory(const struct encl_build *b, struct encl_memory_need *need)
{
	enum { OVERLAY = 32 };
	const struct encl_manifest *m = b->m;
	uint64_t writable = m->boot.writable_mib;

	need->kernel = b->kernel.image.size;
	need->ramdisks = encl_ramdisk_size(b->boot);
	need->ramfs = encl_memory_ramfs(encl_build_cmdline(b));
	if (m->boot.format == ENCL_ROOT_SQUASHFS) {
		need->squashfs = encl_ramdisk_size(b->app);
		need->overlay = writable && writable < OVERLAY ? writable : OVERLAY;
	} else {
		need->ramdisks += encl_ramdisk_size(b->app);
	}
	need->docker = m->docker.given;
	need->storage = b->docker.settings.storage_mib;
	for (size_t i = 0; i < m->n_services; i++)
		need_unit(need, &m->services[i].unit);
	for (size_t i = 0; i < m->docker.n_containers; i++)
		need_unit(need, &m->docker.containers[i].unit);
	if (m->app.given || (!m->n_services && !m->docker.given))
		need->n_unlimited++;
}

void
encl_build_check_memory(const struct encl_build *b, const struct encl_memory_need *need)
{
	const uint64_t given = b->m->resources.memory_mib;
	struct encl_memory memory;

	encl_memory_estimate(need, &memory);
	if (given && (given < memory.boot_mib || given < memory.run_mib))
		encl_warn(b->env->log,
			  "resources.memoryMiB is %" PRIu64
			  "; the image will need about %" PRIu64
			  " MiB while its ramdisks are unpacked and %" PRIu64
			  " MiB while it runs",
			  given, memory.boot_mib, memory.run_mib);
}
