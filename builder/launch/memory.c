/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes to an estimate; every figure was measured (docs/run.md). */
#include "launch/memory.h"

#include <string.h>

#include "base/stream.h"
#include "eif/eif.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"

/* MiB.  BOOT: what the kernel takes while it boots, and room to breathe (with
 * a squashfs 70 do); RUN: the kernel, init and launch afterwards; ENGINE:
 * dockerd, containerd and shims. */
enum { BOOT = 256, BOOT_SQUASHFS = 160, RUN = 96, ENGINE = 170, STEP = 64 };

static uint64_t
to_mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static void
add(struct encl_memory *m, const char *what, uint64_t mib)
{
	if (!mib)
		return;
	m->parts[m->n_parts++] = (struct encl_memory_part){what, mib};
	m->run_mib += mib;
}

void
encl_memory_estimate(const struct encl_memory_need *need, struct encl_memory *out)
{
	struct encl_memory m = {0};
	uint64_t base = need->squashfs ? BOOT_SQUASHFS : BOOT;
	uint64_t most;

	/* Ramdisks are in memory twice while they are unpacked.  A squashfs goes to
	 * half of what its packed form leaves, if that is a tmpfs. */
	m.boot_mib = base + ((need->kernel + need->ramdisks / 10 * 22 +
			      need->squashfs * (need->ramfs ? 2 : 3)) >>
			     20);
	add(&m, "kernel, init and launch", RUN + to_mib(need->kernel));
	add(&m, need->squashfs ? "root, compressed" : "root",
	    to_mib(need->ramdisks + need->squashfs));
	add(&m, "written over the root", need->overlay);
	add(&m, "Docker engine", need->docker ? ENGINE : 0);
	add(&m, "Docker storage", need->storage);
	add(&m, "limits of services and containers", need->limits);
	add(&m, "services and containers without a limit",
	    need->n_unlimited * ENCL_MEMORY_UNLIMITED);
	most = m.boot_mib > m.run_mib ? m.boot_mib : m.run_mib;
	m.mib = (most + STEP) / STEP * STEP;
	if (m.mib < 2 * base)
		m.mib = 2 * base;
	*out = m;
}

static bool
is_plain_cpio(const struct encl_eif *eif, const struct encl_eif_section *s)
{
	char magic[6] = {0};
	struct encl_err e;

	return s->size > sizeof magic &&
	       !encl_pread_full(eif->fd, magic, sizeof magic, s->offset, "ramdisk", &e) &&
	       !memcmp(magic, "070701", sizeof magic);
}

/* Looks for a squashfs among the first names of a ramdisk. */
struct finder {
	struct encl_cpio_visitor visitor; /* first */
	uint64_t size;			  /* of it; 0: none */
};

static int
find_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	   struct encl_sink **sink, struct encl_err *e)
{
	struct finder *f = (struct finder *)v;

	(void)sink;
	if (!strcmp(entry->path, ENCL_SQUASHFS_NAME))
		f->size = entry->filesize;
	/* names come in order: no need to read on */
	return f->size || strcmp(entry->path, "rootfs") >= 0
		       ? encl_fail(e, ENCL_FAILED, "found")
		       : 0;
}

static uint64_t
squashfs_size(const struct encl_eif *eif, const struct encl_eif_section *s)
{
	struct finder f = {.visitor = {.entry = find_entry}};
	struct encl_err e;

	if (encl_cpio_read(eif->fd, s->offset, s->size, &f.visitor, &e))
		return f.size;
	return 0;
}

bool
encl_memory_ramfs(const char *cmdline)
{
	return cmdline && strstr(cmdline, "rootfstype=ramfs");
}

void
encl_memory_of_image(const struct encl_eif *eif, struct encl_memory_need *out)
{
	struct encl_memory_need need = {.ramfs = encl_memory_ramfs(eif->cmdline)};

	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type == ENCL_SECTION_KERNEL)
			need.kernel += s->size;
		else if (s->type == ENCL_SECTION_RAMDISK && !is_plain_cpio(eif, s))
			/* taken to unpack to 4.5 times its size */
			need.ramdisks += s->size / 22 * 100;
		else if (s->type == ENCL_SECTION_RAMDISK && squashfs_size(eif, s))
			need.squashfs += s->size;
		else if (s->type == ENCL_SECTION_RAMDISK)
			need.ramdisks += s->size;
	}
	*out = need;
}
