/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over data for several readers: a ring of buffers that one producer
 * fills and every lane reads, each on its own thread.  Memory is the ring,
 * however much goes by; without threads the lanes run in the producer and
 * see the same chunks in the same order.
 */
#ifndef ENCL_EIF_FANOUT_H
#define ENCL_EIF_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "eif/eif.h"

enum {
	ENCL_FANOUT_CHUNK = 1024 * 1024,
	ENCL_FANOUT_ALIGN = 4096, /* of the buffers */
	ENCL_FANOUT_SLOTS = 8,
	ENCL_FANOUT_LANES = 4
};

struct encl_chunk {
	uint8_t *p;
	size_t n;
	uint64_t offset; /* in the file, for a lane that writes */
	bool measured;	 /* payload of a section that PCRs cover */
	bool begin;	 /* first chunk of a measured section: type is valid */
	enum encl_section_type type;
};

struct encl_lane {
	void (*take)(void *arg, const struct encl_chunk *chunk);
	void *arg;
};

struct encl_fanout;

/* A lane whose thread cannot be started runs in the producer. */
struct encl_fanout *encl_fanout_start(const struct encl_lane *lanes, size_t n,
				      bool threads);
/* The next chunk to fill: ENCL_FANOUT_CHUNK bytes at p, everything else
 * cleared.  Waits until every lane has done with the buffer. */
struct encl_chunk *encl_fanout_room(struct encl_fanout *f);
/* Hands over the chunk that room gave. */
void encl_fanout_send(struct encl_fanout *f);
/* Waits until every lane has taken everything. */
void encl_fanout_finish(struct encl_fanout *f);
void encl_fanout_free(struct encl_fanout *f); /* finishes first */
ENCL_AUTO_PTR(struct encl_fanout, encl_fanout_free);

#endif
