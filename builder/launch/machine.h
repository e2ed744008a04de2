/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend (QEMU, Nitro, nitro-cli) gives to the one loop that watches an
 * enclave (enclave.c): a wall, a console where there is one, a heartbeat and an end.
 */
#ifndef ENCL_LAUNCH_MACHINE_H
#define ENCL_LAUNCH_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "launch/wall.h"

struct encl_eif;
struct encl_run_options;
struct encl_machine;

/* Told by step and start. */
struct encl_machine_listener {
	void (*console)(void *arg, const char *p, size_t n); /* as it comes */
	void (*heartbeat)(void *arg);			     /* once */
	void *arg;
};

struct encl_machine_ops {
	const char *name; /* "qemu", "nitro", "nitro-cli" */
	/* The descriptor was readable, or some time (at most a second) is over. */
	void (*step)(struct encl_machine *m);
	/*
	 * After m->gone: 0 where the machine ended as a machine should, or an error
	 * that says why not (ENCL_LOST; QEMU's stderr, the driver's errno).
	 */
	int (*judge)(struct encl_machine *m, struct encl_err *e);
	/* Ends it where it runs still, takes everything back and frees it. */
	void (*free)(struct encl_machine *m);
};

/* First in a backend's own struct. */
struct encl_machine {
	const struct encl_machine_ops *ops;
	struct encl_machine_listener listener;
	struct encl_wall wall;
	bool has_wall;	  /* QEMU without vsock has none */
	bool has_console; /* what is printed comes to us (Nitro: debug mode) */
	int fd;		  /* poll for input, then step */
	bool gone;	  /* it is not there any more: judge it */
	/* what it got */
	uint64_t memory_mib;
	unsigned cpus;
	char *cpu_ids;	   /* Nitro: "2-3", or NULL */
	const char *accel; /* QEMU: "kvm" or "tcg", or NULL */
	const char *type;  /* QEMU: "microvm", "nitro-enclave", "virt", or NULL */
	bool debug;	   /* Nitro: PCRs are zero in its attestation */
};

/*
 * Starts it: everything is checked before anything is made.  cancelled may be
 * asked between steps that take long.  Image and options stay as they are until the
 * machine is freed.
 */
int encl_qemu_start(const struct encl_eif *eif, const struct encl_run_options *o,
		    const struct encl_machine_listener *l, struct encl_machine **out,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_nitro_start(const struct encl_eif *eif, const struct encl_run_options *o,
		     const struct encl_machine_listener *l, struct encl_machine **out,
		     struct encl_err *e) ENCL_MUST_CHECK;
int encl_nitro_cli_start(const struct encl_eif *eif, const struct encl_run_options *o,
			 const struct encl_machine_listener *l, struct encl_machine **out,
			 struct encl_err *e) ENCL_MUST_CHECK;

/* NULL is fine. */
void encl_machine_free(struct encl_machine *m);

#endif
