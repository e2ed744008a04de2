/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs in a running enclave, and the output of its units: what the parent and
 * launch say to each other on vsock port 9002, where launch listens only if the
 * manifest says debug: {exec: true}.  One connection, one program.  Frames, both
 * ways: type (1 byte), length (4 bytes, big endian), as many bytes.
 *
 *	parent                             launch
 *	REQUEST strings                    STARTED
 *	INPUT bytes                        TOOK count (4 bytes): of the input
 *	CLOSE (end of input)               OUTPUT bytes, ERRORS bytes (stderr)
 *	RESIZE columns, rows (2 bytes each)  LOST count (8 bytes): of attach's output
 *	SIGNAL number (1 byte)             FAILED code (1 byte), why
 *	                                   ENDED code (1 byte), signal (1 byte)
 *
 * FAILED or ENDED is the last one; the parent closes then, or else launch after
 * ENCL_EXEC_CLOSE_MS.  At most ENCL_EXEC_WINDOW bytes of input are on the way that
 * launch did not tell to be taken, so that it can always read.  It ends the program
 * (SIGHUP, SIGKILL after 5 s) where the connection ends.  Strings of a request, each
 * with its NUL:
 *
 *	exec | attach      first
 *	unit=NAME          attach: whose output (else everybody's); exec: in its
 *	                   folder, as its user, with its environment
 *	container=NAME     exec: in a container
 *	user=NAME[:GROUP]  names or numbers
 *	dir=PATH
 *	env=NAME=VALUE     any number
 *	tty=COLUMNSxROWS   on a terminal of its own, output is all OUTPUT
 *	stdin              there is input (without: it is at its end)
 *	arg=TEXT           the program and its arguments
 *
 * Plain C and system calls, for the tool and for launch.
 */
#ifndef ENCL_LAUNCH_EXEC_H
#define ENCL_LAUNCH_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ENCL_EXEC_FRAME = 32768, /* most bytes of a frame, without its head */
	ENCL_EXEC_REQUEST_MAX = 131072,
	ENCL_EXEC_STRINGS = 1024, /* of each kind */
	ENCL_EXEC_WINDOW = 65536,
	ENCL_EXEC_HEAD = 5,
	ENCL_EXEC_CLOSE_MS = 10000
};

enum encl_exec_type {
	ENCL_EXEC_REQUEST = 'R',
	ENCL_EXEC_INPUT = 'I',
	ENCL_EXEC_CLOSE = 'C',
	ENCL_EXEC_RESIZE = 'W',
	ENCL_EXEC_SIGNAL = 'S',
	ENCL_EXEC_STARTED = 'A',
	ENCL_EXEC_TOOK = 'T',
	ENCL_EXEC_OUTPUT = 'O',
	ENCL_EXEC_ERRORS = 'E',
	ENCL_EXEC_LOST = 'L',
	ENCL_EXEC_FAILED = 'F',
	ENCL_EXEC_ENDED = 'X'
};

/* The head of a frame into out[ENCL_EXEC_HEAD]. */
void encl_exec_head(uint8_t *out, enum encl_exec_type type, size_t n);
void encl_exec_put32(uint8_t *out, uint32_t v);
uint32_t encl_exec_get32(const uint8_t *p);

/* ---- frames out of bytes ---- */

struct encl_exec_reader {
	bool of_parent; /* whose frames these are: types and lengths are checked */
	bool broken;
	/* private */
	uint8_t head[ENCL_EXEC_HEAD];
	size_t n_head, n;
	bool began;
	uint8_t *body;
};

void encl_exec_reader_clear(struct encl_exec_reader *r); /* zeroed is fine */

/*
 * Reads on: *used of the n bytes are taken.  The type of the frame that is whole now
 * (body and length: valid until the next call), or 0: more is needed, or broken.
 */
int encl_exec_feed(struct encl_exec_reader *r, const uint8_t *p, size_t n, size_t *used,
		   const uint8_t **body, size_t *length);

/* ---- requests ---- */

struct encl_exec_request {
	bool attach, input, tty;
	unsigned columns, rows;
	const char *unit, *container, *user, *dir; /* or NULL */
	const char **env;			   /* NULL-ended */
	size_t n_env;
	const char **argv; /* NULL-ended */
	size_t n_argv;
};

/* Releases env and argv. */
void encl_exec_request_clear(struct encl_exec_request *r);

/* Into malloc'ed bytes, or NULL: it does not fit. */
uint8_t *encl_exec_request_write(const struct encl_exec_request *r, size_t *n);

/* Strings refer to p.  NULL, or a constant that says what is wrong. */
const char *encl_exec_request_read(const uint8_t *p, size_t n,
				   struct encl_exec_request *out);

#endif
