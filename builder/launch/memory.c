/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes to an estimate; every figure was measured (docs/8-launch-plan.md). */
#include "launch/memory.h"

#include <string.h>

#include "base/parse.h"

/*
 * MiB.  RUN: the kernel's caches, init and launch; SQUASHFS: loop device, its
 * modules, and what is read of the root again and again; ENGINE: dockerd and
 * containerd, and their program text; CONTAINER: its shim and proxies.  A name costs
 * an inode and an entry.  Of every 64 pages one describes them.  What a kernel asks
 * for in its header is a sixth more than it keeps.
 */
enum { RUN = 20, SQUASHFS = 6, ENGINE = 72, CONTAINER = 6, UNKNOWN = 256 };
enum { NAME_BYTES = 1536, PAGE_LIST = 64, ROOM = 16, STEP = 8, DRIVER_LEAST = 64 };

static uint64_t
to_mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static void
add(struct encl_memory_sum *s, const char *what, uint64_t mib)
{
	if (!mib)
		return;
	s->parts[s->n++] = (struct encl_memory_part){what, mib};
	s->mib += mib;
}

/* Last: of what there is so far the list of pages takes its part. */
static void
close_sum(struct encl_memory_sum *s)
{
	add(s, "the kernel's list of pages", s->mib / (PAGE_LIST - 1) + 1);
}

/* A tmpfs takes half of what is free when it is mounted, the packed form not being
 * free: so there has to be twice of what is unpacked. */
static void
sum_boot(const struct encl_memory_need *need, struct encl_memory_sum *s)
{
	uint64_t files = to_mib(need->unpacked);
	uint64_t names = to_mib(need->names * NAME_BYTES);

	add(s, "kernel", to_mib(need->kernel / 6 * 5));
	add(s, "ramdisks as they come", to_mib(need->packed));
	add(s, "their files, unpacked", files);
	if (need->ramfs)
		add(s, "their names", names);
	else
		add(s, "as much again: a tmpfs takes half of the memory", files);
	close_sum(s);
}

static void
sum_fixed(const struct encl_memory_need *need, struct encl_memory_sum *s)
{
	add(s, "kernel", to_mib(need->kernel / 6 * 5));
	add(s, "the kernel's caches, init, launch",
	    RUN + (need->squashfs ? SQUASHFS : 0));
	add(s, need->squashfs ? "root, compressed" : "root",
	    to_mib(need->unpacked + need->names * NAME_BYTES));
	add(s, "Docker engine", need->docker ? ENGINE : 0);
	add(s, "shims and proxies of containers", need->n_containers * CONTAINER);
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void
encl_memory_estimate(const struct encl_memory_need *need, struct encl_memory *out)
{
	struct encl_memory m = {0};
	struct encl_memory_sum idle = {0};

	sum_boot(need, &m.boot);
	sum_fixed(need, &idle);
	close_sum(&idle);
	sum_fixed(need, &m.run);
	add(&m.run, "written over the root", need->overlay);
	add(&m.run, "folders that the parent sees", need->exchange);
	add(&m.run, "Docker storage", need->storage);
	add(&m.run, "limits of services and containers", need->limits);
	add(&m.run, "services and containers without a limit",
	    need->n_unlimited * ENCL_MEMORY_UNLIMITED);
	add(&m.run, "what runs in it, of which it tells nothing",
	    need->units_unknown ? UNKNOWN : 0);
	close_sum(&m.run);
	m.least_mib = larger(larger(m.boot.mib, idle.mib), DRIVER_LEAST);
	m.mib = larger(m.least_mib, m.run.mib);
	m.mib = encl_align_up(m.mib + m.mib / ROOM, STEP);
	if (need->eif)
		m.nitro_cli_mib = larger(to_mib(need->eif) * 4, DRIVER_LEAST);
	*out = m;
}
