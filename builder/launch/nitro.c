/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image to an enclave by the driver's calls.  Its memory is taken and filled
 * before there is an enclave, so that what can go wrong has gone wrong by then; the
 * enclave lives as long as its descriptor, so that nothing outlives this process.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/parse.h"
#include "launch/enclave.h"
#include "launch/machine.h"
#include "launch/nitro_check.h"
#include "launch/nitro_device.h"
#include "launch/nitro_image.h"
#include "launch/nitro_internal.h"

enum { ATTEMPTS = 3, PAUSE_MS = 1000, NAP_MS = 50 };

/* What one start needs until the enclave runs. */
struct start {
	const struct encl_run_options *o;
	struct encl_nitro_load load;
	struct encl_nitro_plan plan;
	uint64_t offset; /* of the image in the memory */
};

static void
clear_start(struct start *s)
{
	encl_nitro_plan_clear(&s->plan);
}
ENCL_AUTO_VAL(struct start, clear_start);

static bool
is_cancelled(const struct encl_run_options *o)
{
	return o->cancelled && o->cancelled(o->cancel_arg);
}

/* ---- memory and image ---- */

static int
load(struct start *s, const struct encl_nitro *n, struct encl_err *e)
{
	struct encl_pcr pcr0;

	if (encl_nitro_load(&s->load, &n->memory, s->offset, &pcr0, e))
		return -1;
	if (s->plan.is_signed &&
	    memcmp(s->plan.signed_pcr0.bytes, pcr0.bytes, ENCL_PCR_SIZE) != 0)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: signature: is of another image (PCR0 differs); the "
				 "hypervisor would refuse it",
				 s->load.eif->path);
	return 0;
}

static int
prepare(struct start *s, struct encl_nitro *n, struct encl_err *e)
{
	encl_info(n->log, "taking %" PRIu64 " MiB of huge pages", s->plan.mib);
	if (encl_nitro_memory_take(&s->plan.host, s->plan.mib, &n->memory, e))
		return -1;
	for (size_t i = 0; i < n->memory.n; i++)
		encl_debug(n->log, "%" PRIu64 " pages of %" PRIu64 " MiB",
			   n->memory.regions[i].size / n->memory.regions[i].page,
			   n->memory.regions[i].page >> 20);
	s->offset = (uint64_t)ENCL_NITRO_LOAD_MIB << 20;
	return load(s, n, e);
}

/* ---- the enclave ---- */

static int
add_cpus(const struct start *s, struct encl_nitro *n, struct encl_err *e)
{
	encl_auto(encl_free) unsigned *ids = encl_xcalloc(s->plan.cpus, sizeof *ids);

	for (unsigned i = 0; i < s->plan.cpus; i++) {
		uint32_t id = s->plan.ids ? s->plan.ids[i] : 0;
		unsigned at = i;

		if (encl_nitro_add_cpu(n->enclave, &id, e))
			return -1;
		for (; at && ids[at - 1] > id; at--)
			ids[at] = ids[at - 1];
		ids[at] = id;
	}
	free(n->m.cpu_ids);
	n->m.cpu_ids = encl_host_format_list(ids, s->plan.cpus);
	return 0;
}

static int
build(struct start *s, struct encl_nitro *n, int device, struct encl_err *e)
{
	uint64_t offset;
	uint32_t cid = s->o->cid;

	if (encl_nitro_create(device, &n->enclave, e) ||
	    encl_nitro_load_offset(n->enclave, &offset, e))
		return -1;
	if (offset != s->offset) {
		s->offset = offset;
		if (load(s, n, e))
			return -1;
	}
	for (size_t i = 0; i < n->memory.n; i++)
		if (encl_nitro_add_memory(n->enclave, n->memory.regions[i].p,
					  n->memory.regions[i].size, e))
			return -1;
	if (add_cpus(s, n, e) || encl_nitro_begin(n->enclave, s->o->debug, &cid, e))
		return -1;
	n->m.wall.cid = cid;
	return 0;
}

static bool
wait_a_while(const struct encl_run_options *o, uint64_t ms)
{
	const uint64_t until = encl_clock_ms() + ms;

	while (encl_clock_ms() < until) {
		if (is_cancelled(o))
			return false;
		encl_clock_sleep(NAP_MS);
	}
	return true;
}

/*
 * Right after another enclave ended the hypervisor refuses for a moment.  Pages that
 * were an enclave's, even in part, are given back and taken anew.
 */
static int
build_again(struct start *s, struct encl_nitro *n, int device, struct encl_err *e)
{
	int rc = build(s, n, device, e);

	for (unsigned i = 1; rc && i < ATTEMPTS; i++) {
		encl_close_fd(encl_take(n->enclave, -1));
		if (!encl_nitro_passing(e->sys))
			return -1;
		encl_nitro_memory_clear(&n->memory);
		encl_info(n->log, "%s; trying again in %u s", e->msg,
			  i * PAUSE_MS / 1000);
		if (!wait_a_while(s->o, (uint64_t)i * PAUSE_MS) || prepare(s, n, e))
			return -1;
		rc = build(s, n, device, e);
	}
	return rc;
}

static int
start(struct start *s, struct encl_nitro *n, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_host_path("/dev/nitro_enclaves");
	encl_auto(encl_close_fd) int device = -1;

	if (encl_nitro_check(s->load.eif, s->o, &s->plan, e) ||
	    encl_nitro_open(path, &device, e) || prepare(s, n, e) ||
	    encl_heartbeat_open(NULL, n->log, s->o->cancelled, s->o->cancel_arg,
				&n->heartbeat, e) ||
	    build_again(s, n, device, e))
		return -1;
	encl_heartbeat_expect(n->heartbeat, n->m.wall.cid);
	n->m.memory_mib = n->memory.size >> 20;
	n->m.cpus = s->plan.cpus;
	n->patience_s = s->o->boot_timeout_s
				? s->o->boot_timeout_s
				: encl_nitro_patience(s->load.eif->size, n->m.memory_mib);
	encl_info(n->log, "started: CID %" PRIu32 ", %" PRIu64 " MiB, CPUs %s%s",
		  n->m.wall.cid, n->m.memory_mib, n->m.cpu_ids,
		  n->m.debug ? ", debug mode: its attestation has PCRs of zeros" : "");
	return encl_nitro_watch(n, e);
}

/* ---- the machine ---- */

static void
free_nitro(struct encl_machine *m)
{
	struct encl_nitro *n = (struct encl_nitro *)m;

	/* The enclave first: its memory is its own until it has ended. */
	encl_close_fd(n->enclave);
	encl_nitro_memory_clear(&n->memory);
	encl_heartbeat_free(n->heartbeat);
	encl_close_fd(n->console.fd);
	encl_close_fd(n->timer);
	encl_close_fd(n->m.fd);
	free(n->m.cpu_ids);
	free(n);
}

static const struct encl_machine_ops ops = {"nitro", encl_nitro_step, encl_nitro_judge,
					    free_nitro};

int
encl_nitro_start(const struct encl_eif *eif, const struct encl_run_options *o,
		 const struct encl_machine_listener *l, struct encl_machine **out,
		 struct encl_err *e)
{
	struct encl_nitro *n = encl_xcalloc(1, sizeof *n);
	encl_auto(clear_start) struct start s = {
		.o = o,
		.load = {.eif = eif, .cancelled = o->cancelled, .arg = o->cancel_arg}};
	struct encl_pcr want;

	n->m = (struct encl_machine){.ops = &ops,
				     .listener = *l,
				     .has_wall = true,
				     .has_console = o->debug,
				     .debug = o->debug,
				     .fd = -1};
	n->log = o->log;
	n->enclave = n->timer = n->console.fd = -1;
	if (o->pcr0 && strlen(o->pcr0) == (size_t)2 * ENCL_PCR_SIZE &&
	    encl_unhex(o->pcr0, want.bytes, ENCL_PCR_SIZE))
		s.load.want = &want;
	if (start(&s, n, e)) {
		free_nitro(&n->m);
		return -1;
	}
	*out = &n->m;
	return 0;
}
