/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of nitro.so share: descriptors that are not what they seem. */
#ifndef TESTS_NITRO_SHIM_H
#define TESTS_NITRO_SHIM_H

#include <linux/vm_sockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "nitro/wire.h"

enum { MAX_FD = 65536 };

enum kind { NONE, DEVICE, ENCLAVE, VSOCK, SYSFS };
struct slot {
	enum kind kind;
	ino_t inode;
	pid_t pid;
	uint64_t id;		  /* ENCLAVE: the slot */
	struct sockaddr_vm local; /* VSOCK */
	struct sockaddr_vm peer;
	bool accepted; /* its peer is to be asked for */
	int error;     /* SO_ERROR of a connection that did not come about */
	char *path;    /* SYSFS: below the root */
};
extern struct slot shim_slots[MAX_FD];

/* Of that kind, or NULL. */
struct slot *shim_find(int fd, enum kind kind);
/* It is one from now on. */
struct slot *shim_mark(int fd, enum kind kind);
ino_t shim_inode(int fd);
int shim_close(int fd); /* and nothing else */
int shim_fail(int error);

/* A connection to nitrod, or -1. */
int shim_dial(void);
/* Sends over fd and waits: errno or 0; the descriptor that came along is in *got. */
int shim_exchange(int fd, const struct nitro_request *q, struct nitro_answer *a,
		  int *got);
/* The same on the process's own connection. */
int shim_ask(struct nitro_request *q, struct nitro_answer *a, int *got);

/* memory.c: a region as stretches of mappings; an enclave's is not ours, until that
 * is released. */
void shim_pieces(struct nitro_request *q, uintptr_t at, uint64_t size);
void shim_give_away(uint64_t enclave, uintptr_t at, uint64_t size);
void shim_take_back(uint64_t enclave);

#endif
