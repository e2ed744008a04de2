/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that can be known before an enclave is made: whether it would start, and if
 * not why, in words that an errno of the driver has not.
 */
#ifndef ENCL_LAUNCH_NITRO_CHECK_H
#define ENCL_LAUNCH_NITRO_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "eif/eif.h"
#include "launch/host.h"

struct encl_run_options;

struct encl_nitro_plan {
	struct encl_host host;
	uint64_t mib;
	unsigned cpus;
	unsigned *ids; /* of CPUs that were asked for, or NULL */
	bool is_signed;
	struct encl_pcr signed_pcr0;
};
void encl_nitro_plan_clear(struct encl_nitro_plan *p); /* a zeroed one is fine */
ENCL_AUTO_VAL(struct encl_nitro_plan, encl_nitro_plan_clear);

/* Everything below, and encl_host_obstacles. */
int encl_nitro_check(const struct encl_eif *eif, const struct encl_run_options *o,
		     struct encl_nitro_plan *out, struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_USAGE: another architecture, or the memory cannot hold it. */
int encl_nitro_check_image(const struct encl_eif *eif, uint64_t mib,
			   struct encl_err *e) ENCL_MUST_CHECK;

/*
 * ENCL_SIGN: a signature that the hypervisor does not take at `now` (seconds since
 * the epoch); unsigned images pass.
 */
int encl_nitro_check_signature(const struct encl_eif *eif, uint64_t now,
			       struct encl_nitro_plan *p,
			       struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_USAGE: reserved.  0, the driver chooses, is fine. */
int encl_nitro_check_cid(uint32_t cid, bool debug, struct encl_err *e) ENCL_MUST_CHECK;

/* ENCL_USAGE or ENCL_HOST: twice, unknown, not in the pool, half a core. */
int encl_nitro_check_cpus(const struct encl_host *h, const unsigned *ids, size_t n,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* Seconds until an enclave should have sent its heartbeat (as nitro-cli has it). */
unsigned encl_nitro_patience(uint64_t image_bytes, uint64_t mib);

#endif
