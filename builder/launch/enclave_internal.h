/* SPDX-License-Identifier: Apache-2.0 */
/* What enclave.c (the loop) and enclave_status.c (the status channel) share. */
#ifndef ENCL_LAUNCH_ENCLAVE_INTERNAL_H
#define ENCL_LAUNCH_ENCLAVE_INTERNAL_H

#include "launch/console.h"
#include "launch/enclave.h"
#include "launch/machine.h"
#include "launch/status.h"

struct encl_egress;
struct encl_record;
struct encl_relay;

enum { ENCL_LIFE_NONCE = 32 };

struct encl_life {
	const struct encl_run_options *o;
	struct encl_run_result result;
	struct encl_machine *machine;
	struct encl_console console;
	struct encl_relay *relay;
	int *listeners;		      /* of the ways, until the relay has them */
	struct encl_folders *folders; /* NULL: nothing is shared */
	struct encl_egress *egress;   /* NULL: nothing goes out */
	uint32_t egress_port;
	struct encl_record *record; /* NULL: no state is kept */
	struct encl_status status;
	int channel; /* our end of the status channel, or -1 */
	uint8_t nonce[ENCL_LIFE_NONCE];
	int signals; /* signalfd */
	bool begin;  /* the heartbeat has just come */
	bool told_ready;
	bool asked;			/* for an attestation */
	bool units_changed, ready_told; /* of the status channel */
	bool stopping;			/* in order, until stop_at */
	bool off;			/* switch it off now */
	uint64_t started, last_output, beat_at, stop_at, ended_at; /* ms; 0: not yet */
};

/* Connects, by the relay, and tries until launch listens. */
void encl_life_ask_status(struct encl_life *l);
/* Sends a line; false where nobody has answered there yet. */
bool encl_life_say(struct encl_life *l, const char *line);
/* There is something to read. */
void encl_life_hear(struct encl_life *l);

#endif
