/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An enclave image booted in QEMU on this machine: microvm on x86_64, virt on
 * aarch64.  One call from start to end; whatever happens, QEMU, the vsock
 * program and every temporary file are gone when it returns.
 */
#ifndef ENCL_LAUNCH_QEMU_H
#define ENCL_LAUNCH_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "eif/eif.h"
#include "launch/folders.h"
#include "launch/publish.h"

enum encl_accel { ENCL_ACCEL_AUTO, ENCL_ACCEL_KVM, ENCL_ACCEL_TCG };

struct encl_qemu_options {
	uint64_t memory_mib;	 /* 0: estimated from the image */
	unsigned cpus;		 /* never more than the host has */
	unsigned timeout_s;	 /* 0: none */
	unsigned boot_timeout_s; /* longest silence before user space runs; 0: none */
	enum encl_accel accel;
	const char *kernel_args;     /* appended, unmeasured; or NULL */
	bool vsock;		     /* where it can be had */
	const struct encl_way *ways; /* ports of this machine to the enclave's */
	size_t n_ways;
	bool ways_asked; /* without vsock they are an error, not a warning */
	const struct encl_folder *folders; /* of this machine, seen in the enclave */
	size_t n_folders;
	const char *cache_dir; /* keeps what the KVM probe found; or NULL */
	struct encl_log *log;
	/* The console as it comes. */
	void (*console)(void *arg, const char *p, size_t n);
	void *arg;
};

enum encl_vsock_state { ENCL_VSOCK_OFF, ENCL_VSOCK_NO_PROGRAM, ENCL_VSOCK_ON };

struct encl_qemu_result {
	bool ended;	 /* told by init's last line: */
	int code;	 /* exit code of /cmd, or -1 */
	int signal;	 /* signal that ended /cmd, or 0 */
	int interrupted; /* a signal to this process (SIGINT, …), or 0 */
	bool heartbeat;	 /* seen */
	bool published;	 /* the ways were open */
	enum encl_vsock_state vsock;
	bool kvm;
	uint64_t memory_mib;
	unsigned cpus;
	uint64_t milliseconds;
};

/*
 * Runs to the end.  SIGINT, SIGTERM and SIGHUP of the calling thread are
 * blocked meanwhile and end the run (result.interrupted).
 * ENCL_HOST: QEMU is not there, or --accel kvm does not work; ENCL_TIMEOUT:
 * timeout_s is over; ENCL_LOST: no output for boot_timeout_s, a kernel panic,
 * QEMU failed, or an end without init's last line.
 */
int encl_qemu_run(const struct encl_eif *eif, const struct encl_qemu_options *options,
		  struct encl_qemu_result *out, struct encl_err *e) ENCL_MUST_CHECK;

/* "qemu-system-x86_64" */
const char *encl_qemu_program(enum encl_arch arch);

/* What an image needs, by its sections: kernel, ramdisks twice while they are
 * unpacked and half of the memory at most for the root file system. */
uint64_t encl_qemu_memory_mib(const struct encl_eif *eif);

#endif
