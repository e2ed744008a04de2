/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A made-up Nitro parent: processors, huge pages, the driver's enclaves, vsock
 * ports, and the faults that a test wants.  One thread, one poll loop.
 */
#ifndef TESTS_NITRO_MACHINE_H
#define TESTS_NITRO_MACHINE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "launch/child.h"
#include "wire.h"

enum {
	MAX_CPUS = 256,
	MAX_NODES = 8,
	MAX_SIZES = 4,
	MAX_FAULTS = 64,
	MAX_REGIONS = 4096,
	MIB = 1 << 20,
	MIN_REGION = 2 * MIB,
	LOAD_OFFSET = 8 * MIB,
	HEARTBEAT_PORT = 9000,
	CONSOLE_BASE = 10000,
	PARENT_CID = 3
};

/* ---- what there is ---- */

struct pool { /* huge pages of one size on one node */
	uint64_t size;
	unsigned total, used;
	unsigned most; /* that can be had at run time */
	bool *taken;   /* [most] */
};

struct node {
	bool there;
	uint64_t memory_mib;
	struct pool pools[MAX_SIZES];
	size_t n_pools;
};

struct cpu {
	bool there, online, pooled;
	unsigned node, core;
	struct vm *vm; /* whose core it is */
	bool added;    /* by ADD_VCPU */
};

struct page {
	int node; /* -1: no memory behind it */
	unsigned index;
	bool mapped;
	struct vm *vm;
};

struct mapping {
	uint64_t id, size; /* of a page */
	int fd;
	bool populated;
	size_t n;
	struct page *pages;
	struct client *owner;
	struct mapping *next;
};

/* ---- who there is ---- */

enum client_kind { CLIENT_PROCESS, CLIENT_DEVICE, CLIENT_ENCLAVE };
struct client {
	enum client_kind kind;
	int fd;
	pid_t pid;
	struct vm *vm; /* of an enclave's descriptor */
	bool gone;
	struct client *next;
};

struct port {
	uint32_t port;
	struct client *owner; /* who bound it, until that closes it */
	struct port *next;
};

enum vm_state { VM_INIT, VM_RUNNING, VM_STOPPED };

struct chunk { /* a huge page of the enclave, in guest-physical order */
	struct mapping *mapping;
	size_t page;
};

struct region {
	uint64_t address, size;
};

struct vm {
	uint64_t slot;
	enum vm_state state;
	pid_t creator;
	struct client *client; /* its descriptor */
	struct region regions[MAX_REGIONS];
	size_t n_regions;
	struct chunk *chunks;
	size_t n_chunks;
	uint64_t memory;
	unsigned physical; /* regions that the hypervisor was told */
	unsigned vcpus;
	uint32_t cid;
	bool debug;
	/* running */
	char *folder; /* of its vsock sockets */
	struct encl_child qemu, vsock;
	char *out; /* console: what nobody has read yet */
	size_t n_out;
	int reader;
	int beat; /* connection of a made-up enclave's heartbeat, or -1 */
	int stranger;
	uint64_t beat_at, stranger_at, end_at; /* ms; 0: never */
	struct vm *next;
};

/* ---- what shall go wrong ---- */

struct fault {
	char op[16];
	unsigned from, to;
	int error;
};

struct machine {
	char *folder, *root;
	FILE *log;
	struct node nodes[MAX_NODES];
	struct cpu cpus[MAX_CPUS];
	unsigned threads, local_node;
	bool driver, device;
	bool echoed; /* the pool was written with a newline */
	uint64_t slots, ids;
	uint32_t next_cid, next_port;
	unsigned max_regions;
	bool scattered; /* no two pages are neighbours */
	struct fault faults[MAX_FAULTS];
	size_t n_faults;
	struct {
		char op[16];
		unsigned n;
	} calls[16];
	struct {
		char op[16];
		uint64_t ms;
	} slow;
	/* of enclaves to come */
	bool qemu;
	int heartbeat; /* the byte, or -1: none */
	uint64_t beat_ms, end_ms;
	uint32_t stranger; /* a CID that sends heartbeats too; 0: none */
	char console[NITRO_TEXT];
	struct client *clients;
	struct mapping *mappings;
	struct port *ports;
	struct vm *vms;
};

/* table.c: "" where the line was understood, else why not */
const char *table_line(struct machine *m, char *line);
/* The error that the table wants for this call of OP, or 0. */
int table_fault(struct machine *m, const char *op);
uint64_t table_size(const char *text, char **end);
/* "2-3,8": sets list[id]; false: it is none. */
bool table_list(const char *text, bool list[MAX_CPUS]);

/* tree.c: /sys, /proc and /dev of the machine below its root */
void tree_write(struct machine *m);
void tree_pages(struct machine *m); /* of it: what a mapping changes */
/* What a write to one of its files does: errno or 0. */
int tree_store(struct machine *m, const char *path, const char *value);

/* pool.c */
int pool_map(struct machine *m, struct client *c, const struct nitro_request *q,
	     struct nitro_answer *a, int *fd);
int pool_unmap(struct machine *m, const struct nitro_request *q);
int pool_place(struct machine *m, const struct nitro_request *q);
struct mapping *pool_find(struct machine *m, uint64_t id);
uint64_t pool_address(const struct machine *m, const struct mapping *p, size_t page);
/* Gives back what the process, or the enclave, holds. */
void pool_drop(struct machine *m, const struct client *c, const struct vm *vm);

/* driver.c: an ioctl; errno or 0 */
int driver_ioctl(struct machine *m, struct client *c, const struct nitro_request *q,
		 struct nitro_answer *a, int *fd);
void driver_release(struct machine *m, struct vm *vm);

/* vm.c */
void vm_start(struct machine *m, struct vm *vm);
void vm_stop(struct machine *m, struct vm *vm); /* nothing of it is left */
/* Descriptors to poll, at most 8; and what to do then. */
size_t vm_poll(const struct vm *vm, struct pollfd *p);
void vm_step(struct machine *m, struct vm *vm);
/* Milliseconds until it wants a step; -1: none. */
int vm_wait(const struct vm *vm);

/* image.c: the image in the enclave's memory as a file; why not, in text */
int image_take(const struct vm *vm, int *fd, char why[NITRO_TEXT]);

/* port.c */
int port_listen(struct machine *m, struct client *c, const struct nitro_request *q,
		struct nitro_answer *a);
void port_close(struct machine *m, const struct client *c, uint32_t port);
void port_sweep(struct machine *m); /* forgets those that nobody has any more */
int port_connect(struct machine *m, const struct nitro_request *q, struct nitro_answer *a,
		 int *fd);
uint32_t port_peer(const struct machine *m, pid_t pid);
/* Names of all listening ports in the folder of an enclave's sockets. */
void port_link(const struct machine *m, const struct vm *vm);
/* A connection to a listening port as of this CID, or -1. */
int port_call(struct machine *m, uint32_t port, uint32_t cid);

/* nitrod.c */
void say(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
