/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One relay for both sides of an enclave's wall: connections that come in at a
 * listener go out to its target, bytes pass both ways, an end of one direction
 * stays one of one direction.  Nothing blocks, memory is bounded, and all of it
 * hangs on one descriptor that any loop can poll.
 *
 * Plain C and system calls: the tool (glibc) and launch (musl, in the enclave)
 * compile the same files.  Errors are -1 and errno.
 */
#ifndef ENCL_LAUNCH_RELAY_H
#define ENCL_LAUNCH_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum encl_relay_kind {
	ENCL_RELAY_TCP,	  /* host and port */
	ENCL_RELAY_VSOCK, /* port; as a target also cid, as a listener any */
	/* target only: a unix socket of vhost-device-vsock (or Firecracker), which
	 * takes "CONNECT PORT\n" and answers "OK N\n" */
	ENCL_RELAY_UNIX,
	/* adopted: fd, a connected socket, which the relay's owner has made; -1: there
	 * is none, which is told at once */
	ENCL_RELAY_OPEN
};

struct encl_relay_end {
	enum encl_relay_kind kind;
	const char *host; /* TCP: an address in digits, v4 or v6; NULL: 127.0.0.1 */
	const char *path; /* UNIX */
	/* OPEN: non-blocking; as a listener 0, or one that listens already.  The
	 * relay's from then on, as the visitor's is. */
	int fd;
	uint32_t cid;  /* VSOCK */
	uint32_t port; /* 1 to UINT32_MAX - 1; TCP to 65535 */
	/*
	 * Bytes pass in frames there: 2 bytes of length (big endian), as many bytes;
	 * length 0 ends the direction.  For vhost-device-vsock, which knows no end of
	 * one direction (docs/run.md).
	 */
	bool framed;
	/* Target: how long a connection may take to come about, by default 10 s. */
	unsigned timeout_ms;
	/* Target: tries again until then where it is refused. */
	bool retry;
};

enum { ENCL_RELAY_MAX = 4096, ENCL_RELAY_PENDING = 16 << 20 };

struct encl_relay;

/*
 * max: connections at once (0: ENCL_RELAY_MAX).  At the limit, or where the
 * process has few descriptors left, the next ones wait in their listener.
 * What was read and could not be passed on is at most 256 KiB a direction, and
 * ENCL_RELAY_PENDING in all of them and 4 KiB a direction besides; in pipes it is
 * at most 24 MiB.  Between sockets without frames that are not AF_VSOCK bytes pass
 * by splice(2), if the process ignores SIGPIPE.
 */
struct encl_relay *encl_relay_new(unsigned max);
void encl_relay_free(struct encl_relay *r); /* closes everything; NULL is fine */

/* Listens from now on.  Strings are copied. */
int encl_relay_add(struct encl_relay *r, const struct encl_relay_end *listen,
		   const struct encl_relay_end *target);

/* A connection that came elsewhere and of which something is known already. */
struct encl_relay_visitor {
	int fd; /* non-blocking; the relay's own from now on, also on failure */
	bool framed;
	/* Read of it already, without frames; goes to the target first. */
	const char *head;
	size_t n_head;
	/* For who came, before anything else, when the target is there; */
	const char *hello;
	size_t n_hello;
	/* or when it is not, and then its connection ends. */
	const char *refusal;
	size_t n_refusal;
	/* Told once, when the connection is over: bytes in each direction. */
	void (*over)(void *arg, bool reached, uint64_t out, uint64_t in);
	void *arg;
};

/*
 * Takes the visitor to the target, whatever the relay's limit, at the next step;
 * all strings are copied.  -1: no memory (over is not told).  Over is told by step
 * or free, never from here; it may adopt, but not free the relay.
 */
int encl_relay_adopt(struct encl_relay *r, const struct encl_relay_visitor *v,
		     const struct encl_relay_end *target);

/* While it is held no connection is taken from the listeners; they wait. */
void encl_relay_hold(struct encl_relay *r, bool hold);

/* Poll this for input, then step. */
int encl_relay_fd(const struct encl_relay *r);
void encl_relay_step(struct encl_relay *r);

unsigned encl_relay_connections(const struct encl_relay *r);

/*
 * A non-blocking, close-on-exec socket: one that listens at the end, or one
 * that connects to it (*pending: not there yet, wait for output and ask
 * SO_ERROR).  UNIX: "CONNECT PORT\n" is on its way, the answer is to be read.
 */
int encl_relay_listen(const struct encl_relay_end *end);
int encl_relay_connect(const struct encl_relay_end *end, bool *pending);

/* For ENCL_RELAY_OPEN: no delay; who vanished without a word is missed (7 min). */
void encl_relay_set_tcp(int fd);

/*
 * Did who came over AF_VSOCK come from this very machine (a kernel's loopback)?
 * A program of the enclave is not its parent.
 */
bool encl_relay_is_own(int fd);

#endif
