/* SPDX-License-Identifier: Apache-2.0 */
/* What relay.c (listeners, connecting, clock) and relay_flow.c (bytes) share. */
#ifndef ENCL_LAUNCH_RELAY_INTERNAL_H
#define ENCL_LAUNCH_RELAY_INTERNAL_H

#include "launch/relay.h"

enum encl_relay_tag { ENCL_RELAY_LISTENER, ENCL_RELAY_SIDE, ENCL_RELAY_TIMER };

/* First in all that epoll knows. */
struct encl_relay_source {
	enum encl_relay_tag tag;
	int fd;		 /* or -1 */
	uint32_t events; /* as registered */
	bool registered;
};

struct encl_relay_side {
	struct encl_relay_source source;
	struct encl_relay_connection *c;
	bool framed;
	bool lazy; /* UNIX without frames: cannot be ended in one direction */
};

/* Bytes from side[i] to the other one. */
struct encl_relay_flow {
	char *pending; /* read, not written yet */
	size_t at, n;
	bool eof;    /* nothing more to read */
	bool marked; /* the frame that ends it is in pending or written */
	bool done;   /* the other side was told */
	/* frames of the source */
	uint8_t head[2];
	unsigned n_head;
	unsigned left; /* of the current frame */
};

enum encl_relay_state {
	ENCL_RELAY_CONNECTING,
	ENCL_RELAY_ASKING,   /* CONNECT is sent */
	ENCL_RELAY_RETRYING, /* refused; the clock tries again */
	ENCL_RELAY_PASSING,
	ENCL_RELAY_CLOSING, /* all is passed; the framed peer closes first */
	ENCL_RELAY_DEAD
};

struct encl_relay_connection {
	struct encl_relay_connection *next, *previous;
	struct encl_relay *r;
	const struct encl_relay_end *target;
	struct encl_relay_side side[2]; /* who came, and the target */
	struct encl_relay_flow flow[2];
	enum encl_relay_state state;
	bool gone;	   /* who came has left while the target was asked */
	uint64_t deadline; /* ms; 0: none */
	uint64_t retry_at;
	char reply[32];
	unsigned n_reply;
};

/*
 * Passes on what can be passed on now, in both directions.  False where the
 * connection is lost.
 */
bool encl_relay_pass(struct encl_relay_connection *c, char *scratch);
/* What epoll is to wait for at side[i]. */
uint32_t encl_relay_wants(const struct encl_relay_connection *c, int i);
enum { ENCL_RELAY_SCRATCH = ENCL_RELAY_CHUNK + 2 };

#endif
