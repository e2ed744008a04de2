/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the relay's files share: relay.c (listeners, clock, steps),
 * relay_connection.c (how a connection comes about and ends), relay_flow.c (bytes),
 * relay_pipe.c (splice).
 */
#ifndef ENCL_LAUNCH_RELAY_INTERNAL_H
#define ENCL_LAUNCH_RELAY_INTERNAL_H

#include <sys/types.h>

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
	bool lazy;  /* UNIX without frames: cannot be ended in one direction */
	bool plain; /* TCP or UNIX without frames: splice(2) may serve */
	/* AF_VSOCK with frames: the other end has to close first, for what it has not
	 * read yet would be lost (vhost-device-vsock). */
	bool last;
};

/* Bytes from side[i] to the other one. */
struct encl_relay_flow {
	char *pending; /* read, not written yet */
	size_t at, n, size;
	struct encl_relay_pipe *pipe; /* or NULL */
	size_t piped;		      /* bytes in it; then nothing is pending */
	bool bulk;		      /* it comes in large pieces */
	bool full;		      /* the other side first has to take more */
	uint64_t total;		      /* bytes of the source, without frames */
	bool eof;		      /* nothing more to read */
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
	ENCL_RELAY_RETRYING, /* refused, or not tried yet; the clock tries */
	ENCL_RELAY_PASSING,
	ENCL_RELAY_CLOSING, /* only side[waits] is left; it closes first */
	ENCL_RELAY_DEAD
};

struct encl_relay_connection {
	struct encl_relay_connection *next, *previous;
	struct encl_relay *r;
	const struct encl_relay_end *target;
	struct encl_relay_visitor *visitor; /* adopted; or NULL */
	struct encl_relay_side side[2];	    /* who came, and the target */
	struct encl_relay_flow flow[2];
	enum encl_relay_state state;
	bool timed;	   /* is in the list of those that the clock looks at */
	bool reached;	   /* the target was there */
	bool gone;	   /* who came has left while the target was asked */
	int waits;	   /* CLOSING: for this side */
	uint64_t deadline; /* ms; 0: none */
	uint64_t retry_at, since;
	char reply[32];
	unsigned n_reply;
};

enum {
	ENCL_RELAY_SPLICE = 262144, /* at most so much at once, and in a pipe */
	/* At most so many: a user without rights may fill 16,384 pages of pipes, all
	 * processes together (pipe-user-pages-soft). */
	ENCL_RELAY_PIPES = 96,
	/* How much is read at once without splice(2), by what is pending in all
	 * connections together: READ up to EASY, CHUNK up to PENDING, then LEAST. */
	ENCL_RELAY_READ = 262144,
	ENCL_RELAY_CHUNK = 32768,
	ENCL_RELAY_LEAST = 4096,
	ENCL_RELAY_EASY = 4 << 20,
};

struct encl_relay_pipes {
	struct encl_relay_pipe *idle;
	unsigned n, n_idle;
};

struct encl_relay_listener;

struct encl_relay {
	struct encl_relay_source timer;
	uint64_t armed; /* when the timer fires; 0: never */
	bool stepping;	/* at the end of a step the clock is set anyway */
	int epoll;
	bool held;
	bool accepting; /* the listeners are registered */
	unsigned n, max;
	uint64_t pause_until; /* 0: not paused */
	struct encl_relay_listener *listeners;
	/* Those that the clock looks at, the others, and those to be freed. */
	struct encl_relay_connection *timed, *calm, *dead;
	struct encl_relay_pipes pipes;
	bool splice;	/* may be used at all */
	size_t pending; /* in all connections */
	char scratch[ENCL_RELAY_READ + 16];
};

/* ---- relay.c ---- */

uint64_t encl_relay_now(void); /* ms */
int encl_relay_watch(struct encl_relay *r, struct encl_relay_source *s, uint32_t events);
void encl_relay_close(struct encl_relay *r, struct encl_relay_source *s);
/* The timer fires then, if not before. */
void encl_relay_wake(struct encl_relay *r, uint64_t at);

/* ---- relay_connection.c ---- */

/* Takes fd to the target, which has to outlive it; NULL: no memory, fd is closed. */
struct encl_relay_connection *encl_relay_begin(struct encl_relay *r, int fd, bool framed,
					       const struct encl_relay_end *target);
/* Looks for the target. */
void encl_relay_start(struct encl_relay_connection *c);
void encl_relay_event(struct encl_relay_side *s, uint32_t events);
/* When the clock is to look again, having done what was due (0: never). */
uint64_t encl_relay_due(struct encl_relay_connection *c, uint64_t now);
/* It is freed at the end of a step: events may point to it until then. */
void encl_relay_end(struct encl_relay_connection *c);

/* ---- relay_pipe.c ---- */

bool encl_relay_can_splice(void); /* in this process */
/* NULL: there are enough of them, or no descriptors. */
struct encl_relay_pipe *encl_relay_pipe_get(struct encl_relay_pipes *pool);
void encl_relay_pipe_put(struct encl_relay_pipes *pool, struct encl_relay_pipe *p,
			 bool empty);			    /* NULL is fine */
void encl_relay_pipes_clear(struct encl_relay_pipes *pool); /* idle ones */
/* Without waiting, as splice(2) and read(2). */
ssize_t encl_relay_pipe_fill(struct encl_relay_pipe *p, int fd, size_t most);
ssize_t encl_relay_pipe_empty(struct encl_relay_pipe *p, int fd, size_t n);
ssize_t encl_relay_pipe_read(struct encl_relay_pipe *p, char *to, size_t n);

/* ---- relay_flow.c ---- */

/* Directions: bit i is from side[i]. */
enum { ENCL_RELAY_BOTH = 3 };

/*
 * Passes on what can be passed on now, in these directions.  False where the
 * connection is lost.
 */
bool encl_relay_pass(struct encl_relay_connection *c, unsigned directions);
/* These bytes first, from side[i] to the other one; false: no memory. */
bool encl_relay_first(struct encl_relay_connection *c, int i, const char *p, size_t n);
/* Reads what nobody wants any more; false where nothing comes after it. */
bool encl_relay_drain(struct encl_relay_connection *c, int i);
/* Frees what a flow holds. */
void encl_relay_drop(struct encl_relay_connection *c, struct encl_relay_flow *f);
/* What epoll is to wait for at side[i]. */
uint32_t encl_relay_wants(const struct encl_relay_connection *c, int i);

#endif
