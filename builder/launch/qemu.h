/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enclave image booted in QEMU on this machine: nitro-enclave or microvm on
 * x86_64 (emulated.h), virt on aarch64 (encl_qemu_start, machine.h).  QEMU, the vsock
 * program and every temporary file are gone when the machine is freed, and when we are
 * killed.
 */
#ifndef ENCL_LAUNCH_QEMU_H
#define ENCL_LAUNCH_QEMU_H

#include <stdint.h>

#include "eif/eif.h"
#include "launch/enclave.h"
#include "launch/machine.h"

/* "qemu-system-x86_64" */
const char *encl_qemu_program(enum encl_arch arch);

/* What an image needs, by its sections: kernel, ramdisks twice while they are
 * unpacked and half of the memory at most for the root file system. */
uint64_t encl_qemu_memory_mib(const struct encl_eif *eif);

/* Of a machine of ours: had it a vsock device? */
enum encl_vsock_state encl_qemu_vsock(const struct encl_machine *m);

#endif
