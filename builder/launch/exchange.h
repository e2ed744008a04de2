/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two folders kept alike over one connection: each side looks at its own every
 * half second and sends what differs from what both know.  What was applied is
 * known, so nothing comes back; of two changes the later one stays.  Neither
 * side trusts the other: what breaks a rule ends the connection.
 *
 * Messages: type, 0, length of the path (2 bytes), length of the body (4), path,
 * body; big endian.  Types: H hello, D folder, F file (its bytes follow in B),
 * B bytes, A that file is given up, R removed, S all of it was sent.
 *
 * Plain C and system calls: the tool and launch compile the same files.
 */
#ifndef ENCL_LAUNCH_EXCHANGE_H
#define ENCL_LAUNCH_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	ENCL_EXCHANGE_PATH = 1024, /* bytes of a path */
	ENCL_EXCHANGE_DEPTH = 32,  /* parts of it */
	ENCL_EXCHANGE_ENTRIES = 100000,
	ENCL_EXCHANGE_SCAN_MS = 500,
	ENCL_EXCHANGE_STALL_MS = 30000, /* nothing is taken for so long: the end */
	ENCL_EXCHANGE_WHY = 256
};

struct encl_exchange_session {
	int fd;	   /* the connection, non-blocking */
	int root;  /* the folder */
	bool send; /* tell of changes here */
	bool take; /* apply changes there */
	uint64_t max_bytes;
	unsigned max_entries;			   /* 0: ENCL_EXCHANGE_ENTRIES */
	void (*warn)(void *arg, const char *text); /* once a kind */
	void (*synced)(void *arg); /* the other side has sent all that it has */
	void *arg;
	char why[ENCL_EXCHANGE_WHY]; /* what ended it; "" an orderly end */
};

/* Runs until the connection ends, by whoever; blocks.  False: see why. */
bool encl_exchange_run(struct encl_exchange_session *s);

/* A path that the other side may name: relative, no "." or "..", no part that is
 * empty, too long or ours. */
bool encl_exchange_path_ok(const char *path, unsigned n);

#endif
