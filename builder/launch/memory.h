/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory an image needs: while the kernel unpacks the ramdisks, and
 * afterwards with all that runs, when everything that the manifest declares (limits,
 * storage, what may be written) is used up at once.  docs/8-launch-plan.md has the
 * model and its measurements.
 */
#ifndef ENCL_LAUNCH_MEMORY_H
#define ENCL_LAUNCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encl_eif;

struct encl_memory_need {
	uint64_t kernel;     /* bytes that the kernel asks for */
	uint64_t packed;     /* bytes of the ramdisks as they come */
	uint64_t unpacked;   /* bytes of their files, in whole pages */
	uint64_t names;	     /* of these */
	uint64_t eif;	     /* bytes of the image; 0: not known yet */
	bool squashfs;	     /* a file of the ramdisks is the root file system */
	bool ramfs;	     /* they are unpacked to a ramfs, not a tmpfs */
	uint64_t overlay;    /* MiB, written over a squashfs */
	uint64_t exchange;   /* MiB of the folders that the parent sees too */
	bool docker;	     /* the daemon, containerd */
	uint64_t storage;    /* MiB of the daemon's tmpfs */
	uint64_t limits;     /* MiB, of services and containers that have one */
	size_t n_containers; /* each has a shim, and proxies of its ports */
	size_t n_unlimited;  /* services and containers that have no limit */
	bool units_unknown;  /* of an image whose config is not to be had */
};

/* MiB that one without a limit is taken to need, and what may be written over a
 * squashfs where the manifest sets no limit. */
enum { ENCL_MEMORY_UNLIMITED = 48, ENCL_MEMORY_OVERLAY = 16 };

struct encl_memory_part {
	const char *what;
	uint64_t mib;
};

enum { ENCL_MEMORY_PARTS = 12 };

struct encl_memory_sum {
	uint64_t mib; /* of parts */
	struct encl_memory_part parts[ENCL_MEMORY_PARTS];
	size_t n;
};

struct encl_memory {
	struct encl_memory_sum boot; /* while the ramdisks are unpacked */
	struct encl_memory_sum run;  /* with all that is declared used up */
	uint64_t least_mib;	     /* with less it does not come up */
	uint64_t mib;		     /* what it should have: a sixteenth more, by 8 */
	uint64_t nitro_cli_mib; /* 4 x EIF, without which nitro-cli refuses; 0: unknown */
};
void encl_memory_estimate(const struct encl_memory_need *need, struct encl_memory *out);

/* Does the kernel unpack ramdisks to a ramfs? */
bool encl_memory_ramfs(const char *cmdline);

/* What a kernel image asks for; where its header does not say, four times its size. */
uint64_t encl_memory_of_kernel(int fd, uint64_t offset, uint64_t size, bool x86);

/* The need of an image: its ramdisks are read, compressed ones unpacked on the way,
 * and launch's config in them. */
void encl_memory_of_image(const struct encl_eif *eif, struct encl_memory_need *out);

/* Adds what launch's config declares; false where it is none. */
bool encl_memory_of_config(const char *text, size_t n, struct encl_memory_need *need);

#endif
