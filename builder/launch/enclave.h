/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image's life as an enclave on this machine, from start to end, on whatever
 * backend: ports, folders and egress, console and its record, status, state for
 * `ps`, sd_notify.  Whatever happens, nothing of it is left when the call returns
 * but the record of the end; nor when the process is killed.
 */
#ifndef ENCL_LAUNCH_ENCLAVE_H
#define ENCL_LAUNCH_ENCLAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "eif/eif.h"
#include "launch/folders.h"
#include "launch/publish.h"

enum encl_backend {
	ENCL_BACKEND_AUTO, /* Nitro where its device is, else QEMU */
	ENCL_BACKEND_NITRO,
	ENCL_BACKEND_QEMU,
	ENCL_BACKEND_NITRO_CLI
};
enum encl_accel { ENCL_ACCEL_AUTO, ENCL_ACCEL_KVM, ENCL_ACCEL_TCG };
enum encl_emulated { ENCL_EMULATED_AUTO, ENCL_EMULATED_MICROVM, ENCL_EMULATED_NITRO };

struct encl_run_options {
	enum encl_backend backend;
	const char *name;	 /* in the run folder; NULL: "enclave" */
	bool name_exact;	 /* that name or none; else NAME-2 is fine */
	const char *image;	 /* file or reference, as the user gave it */
	const char *image_path;	 /* of the file, for nitro-cli */
	const char *pcr0;	 /* hex, for the state; or NULL */
	uint64_t memory_mib;	 /* 0: estimated from the image */
	unsigned cpus;		 /* QEMU: never more than the host has */
	const char *cpu_ids;	 /* Nitro: "2,3", instead of a number; or NULL */
	uint32_t cid;		 /* Nitro: 0, the driver chooses */
	bool debug;		 /* Nitro: debug mode, with a console */
	unsigned timeout_s;	 /* 0: none */
	unsigned boot_timeout_s; /* longest silence before user space runs; Nitro: until
				  * the heartbeat; 0: QEMU none, Nitro by size */
	unsigned stop_timeout_s; /* an orderly end may take so long; 0: at once */
	enum encl_accel accel;
	enum encl_emulated machine;  /* QEMU: emulated.h */
	bool cmdline_devices;	     /* QEMU: the kernel finds those named there */
	const char *kernel_args;     /* QEMU: appended, unmeasured; or NULL */
	bool vsock;		     /* QEMU: where it can be had */
	bool egress;		     /* the image has network.egress: open the proxy */
	bool egress_local;	     /* egress.h */
	bool state;		     /* keep state in the run folder */
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
	/* Set for the backends: has a signal come? */
	bool (*cancelled)(void *cancel_arg);
	void *cancel_arg;
};

enum encl_vsock_state { ENCL_VSOCK_OFF, ENCL_VSOCK_NO_PROGRAM, ENCL_VSOCK_ON };

struct encl_run_result {
	const char *backend; /* "qemu", … */
	bool ended;	     /* told by init's last line or by the status channel: */
	int code;	     /* exit code of the critical unit, or -1 */
	int signal;	     /* signal that ended it, or 0 */
	int interrupted;     /* a signal to this process (SIGINT, …) ended it, or 0 */
	bool stopped;	     /* by `stop` */
	bool heartbeat;	     /* seen */
	bool ready;	     /* told by the status channel */
	int nsm;	     /* likewise: 1 there is one, 0 there is none; -1: not told */
	bool published;	     /* the ways were open */
	enum encl_vsock_state vsock;
	const char *accel;   /* QEMU: "kvm", "tcg"; else NULL */
	const char *machine; /* QEMU: "microvm", "nitro-enclave", "virt"; else NULL */
	uint32_t cid;	     /* Nitro; else 0 */
	uint64_t memory_mib;
	unsigned cpus;
	uint64_t milliseconds;
};

/* Nitro where its device is (below ENCLAVEBUILD_HOST_ROOT), else QEMU. */
enum encl_backend encl_backend_here(void);

/*
 * Runs to the end.  SIGINT, SIGTERM and SIGHUP of the calling thread are blocked
 * meanwhile: the first asks the enclave to end in order, the second (or the end of
 * stop_timeout_s) switches it off.
 * ENCL_HOST: this machine cannot run it, with the way out; ENCL_TIMEOUT: timeout_s
 * is over; ENCL_LOST: it did not come up, panicked, or vanished.
 */
int encl_enclave_run(const struct encl_eif *eif, const struct encl_run_options *options,
		     struct encl_run_result *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
