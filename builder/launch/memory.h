/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory an image needs: while the kernel unpacks the ramdisks, and
 * afterwards with all that runs.  docs/run.md has the measurements.
 */
#ifndef ENCL_LAUNCH_MEMORY_H
#define ENCL_LAUNCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encl_eif;

struct encl_memory_need {
	uint64_t kernel;    /* bytes */
	uint64_t ramdisks;  /* bytes, unpacked */
	uint64_t squashfs;  /* bytes of the ramdisk with one; 0: the root is unpacked */
	bool ramfs;	    /* ramdisks are unpacked to a ramfs, not a tmpfs */
	uint64_t overlay;   /* MiB, written over a squashfs */
	bool docker;	    /* the daemon, containerd, their shims */
	uint64_t storage;   /* MiB of the daemon's tmpfs */
	uint64_t limits;    /* MiB, of services and containers that have one */
	size_t n_unlimited; /* how many have none */
};

/* MiB that one of those is taken to need. */
enum { ENCL_MEMORY_UNLIMITED = 64 };

struct encl_memory_part {
	const char *what;
	uint64_t mib;
};

enum { ENCL_MEMORY_PARTS = 8 };

struct encl_memory {
	uint64_t boot_mib; /* the kernel, ramdisks twice, what a kernel takes */
	uint64_t run_mib;  /* the sum of parts */
	uint64_t mib;	   /* what it should have: the larger one, by 64 */
	struct encl_memory_part parts[ENCL_MEMORY_PARTS]; /* while it runs */
	size_t n_parts;
};
void encl_memory_estimate(const struct encl_memory_need *need, struct encl_memory *out);

/* Does the kernel unpack ramdisks to a ramfs? */
bool encl_memory_ramfs(const char *cmdline);

/* The need of an image, as far as its sections tell it. */
void encl_memory_of_image(const struct encl_eif *eif, struct encl_memory_need *out);

#endif
