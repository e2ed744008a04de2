/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests/support/nitro.so and nitrod say to each other: one request and one
 * answer a packet, native byte order, on SOCK_SEQPACKET sockets.  NITROD_SOCKET
 * names the one that nitrod listens on.
 */
#ifndef TESTS_NITRO_WIRE_H
#define TESTS_NITRO_WIRE_H

#include <linux/nitro_enclaves.h> /* the numbers of the ioctls */
#include <stdint.h>
#include <sys/ioctl.h>

enum nitro_op {
	/* of a process, on its own connection */
	NITRO_OPEN = 1, /* this connection is an open /dev/nitro_enclaves now */
	NITRO_MAP,   /* a[0] bytes, [1] page size, [2] nodes or 0, [3] populate: id, fd */
	NITRO_UNMAP, /* a[0] id, [1] offset, [2] bytes */
	NITRO_PLACE, /* mbind: a[0] id, [1] nodes */
	NITRO_LISTEN,	/* a[0] port, or UINT32_MAX for any: port, path of its socket */
	NITRO_UNLISTEN, /* a[0] port */
	NITRO_CONNECT,	/* a[0] cid, [1] port: path of a socket, or a descriptor */
	NITRO_PEER,	/* a[0] pid of who connected: its CID */
	NITRO_WRITE,	/* text: path below the root, newline, value */
	NITRO_SET,	/* text: a line of the table */
	NITRO_STATE,	/* text: what is in use */
	NITRO_CLOSE,	/* a[0] slot: its enclave is released when the answer comes */
	/* of the device and of an enclave's descriptor */
	NITRO_IOCTL /* a[0] number, [1..3] argument: the argument; CREATE_VM: and fd */
};

/* Abstract address of nitrod's own connections: this, then "CID/…". */
#define NITRO_CALLER "nitrod/"

enum { NITRO_PIECES = 64, NITRO_TEXT = 512 };

/* A stretch of a memory region, in a mapping; id 0: mapped, but no huge page;
 * id UINT64_MAX: not mapped. */
struct nitro_piece {
	uint64_t id, offset, size;
};

struct nitro_request {
	uint32_t op;
	int32_t pid;
	uint64_t a[4];
	uint32_t n_pieces, pad;
	struct nitro_piece pieces[NITRO_PIECES];
	char text[NITRO_TEXT];
};

struct nitro_answer {
	int32_t error; /* errno or 0 */
	uint32_t has_fd;
	uint64_t a[3];
	char text[NITRO_TEXT];
};

#endif
