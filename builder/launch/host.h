/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine has for enclaves: processors by core and node, huge pages by
 * size and node, the pool, the device, the allocator's service.  Read from sysfs
 * (Documentation/ABI/stable/sysfs-devices-node, sysfs-devices-system-cpu,
 * admin-guide/mm/hugetlbpage.rst; facts of the driver: docs/8-launch.md), all of it
 * below a root, which is ENCLAVEBUILD_HOST_ROOT (a pod's view of its host, a test's
 * of another machine) or "/".
 */
#ifndef ENCL_LAUNCH_HOST_H
#define ENCL_LAUNCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

enum { ENCL_HOST_SIZES = 16, ENCL_HOST_NODES = 64, ENCL_HOST_CPUS = 8192 };

struct encl_host_pages {
	uint64_t size; /* of one, bytes */
	uint64_t total, free;
};

struct encl_host_node {
	unsigned id;
	uint64_t total_mib, free_mib;		       /* of its memory */
	struct encl_host_pages pages[ENCL_HOST_SIZES]; /* by size, largest first */
	size_t n_pages;
};

struct encl_host_cpu {
	unsigned id, node;
	unsigned core; /* lowest id of those that share the core */
	bool online;
	bool pooled; /* in the driver's pool: an enclave can have it */
};

struct encl_host {
	char *root;		    /* "" or a path without "/" at its end */
	struct encl_host_cpu *cpus; /* by id */
	size_t n_cpus;
	struct encl_host_node *nodes; /* by id; >= 1 */
	size_t n_nodes;
	unsigned threads_per_core; /* the most that one core has */
	uint64_t available_mib;	   /* MemAvailable */
	bool driver;		   /* the module is there */
	bool device;		   /* /dev/nitro_enclaves */
	bool device_writable;	   /* by us */
	bool service;		   /* AWS's allocator is installed */
	int pool_node;		   /* of the pool's processors; -1: no pool */
};

/* Path below the root (malloc'ed). */
char *encl_host_path(const char *path);

int encl_host_read(struct encl_host *out, struct encl_err *e) ENCL_MUST_CHECK;
void encl_host_clear(struct encl_host *h);
ENCL_AUTO_VAL(struct encl_host, encl_host_clear);

const struct encl_host_node *encl_host_node(const struct encl_host *h, unsigned id);

/* "0-3,8,10-11" (sysfs's list format) to ids in rising order (malloc'ed), and back. */
int encl_host_parse_list(const char *text, unsigned **ids, size_t *n,
			 struct encl_err *e) ENCL_MUST_CHECK;
char *encl_host_format_list(const unsigned *ids, size_t n);
/* The pool as such a list; "" where there is none. */
char *encl_host_pool(const struct encl_host *h);

/* How many pages of each size make up a memory. */
struct encl_host_choice {
	uint64_t size;	/* of a page, bytes */
	uint64_t count; /* >= 1 */
};

/*
 * From a node's free pages: at least mib, as little above it as can be, and of
 * those choices the one with the fewest pages; largest first in out
 * (ENCL_HOST_SIZES), *n of them.  Pages below 2 MiB are of no use to the driver.
 * ENCL_HOST: the pages do not suffice; the message says what there is.
 */
int encl_host_choose_pages(const struct encl_host_node *node, uint64_t mib,
			   struct encl_host_choice *out, size_t *n, uint64_t *got_mib,
			   struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What keeps an enclave of that size from starting here, a line each with the way
 * out, or an empty list: device and rights, pool, processors (whole cores), pages of
 * the pool's node.  Strings and the list are malloc'ed, NULL-terminated.
 */
char **encl_host_obstacles(const struct encl_host *h, uint64_t mib, unsigned cpus);

#endif
