/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's command line for an image, and the files that it names. */
#ifndef ENCL_LAUNCH_COMMAND_H
#define ENCL_LAUNCH_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "eif/eif.h"

/* Everything that decides the command line. */
struct encl_qemu_setup {
	enum encl_arch arch;
	bool nitro; /* the machine nitro-enclave, which reads the image itself */
	bool cmdline_devices; /* the kernel finds those named there, as on Nitro */
	bool kvm;
	uint64_t memory_mib;
	unsigned cpus;
	int eif_fd;		  /* nitro */
	int kernel_fd, initrd_fd; /* else */
	const char *cmdline;	  /* of the image */
	const char *kernel_args;  /* of the caller, or NULL */
	const char *vsock; /* socket of the vsock program, or NULL (nitro: never) */
	uint64_t tsc_khz;  /* 0: unknown */
};

enum { ENCL_QEMU_ARGS = 64 };
struct encl_qemu_command {
	char *argv[ENCL_QEMU_ARGS]; /* NULL-terminated; malloc'ed */
	unsigned n;
};
void encl_qemu_command_clear(struct encl_qemu_command *c);
ENCL_AUTO_VAL(struct encl_qemu_command, encl_qemu_command_clear);

void encl_qemu_command(const struct encl_qemu_setup *s, struct encl_qemu_command *out);

/* What QEMU appends to the image's command line (malloc'ed); not measured. */
char *encl_qemu_append(const struct encl_qemu_setup *s);

/*
 * The kernel, and all ramdisks one after the other padded with zeros to a
 * multiple of 4096 (else QEMU's microvm puts the ACPI tables over their end),
 * as nameless temporary files.
 */
int encl_qemu_files(const struct encl_eif *eif, int *kernel_fd, int *initrd_fd,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
