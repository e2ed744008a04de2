/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processors and huge pages of this machine given to enclaves, and taken back: by
 * AWS's allocator where its service is installed, else directly by sysfs.  What was
 * done is kept in ROOT/var/lib/enclavebuild/host.json.
 */
#ifndef ENCL_LAUNCH_ALLOCATOR_H
#define ENCL_LAUNCH_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/host.h"

struct encl_allocator_pages {
	uint64_t size, before, after; /* nr_hugepages of the node */
};

struct encl_allocator_plan {
	unsigned node;
	uint64_t mib; /* that enclaves will have from us */
	char *pool;   /* list of processors */
	char *old_pool;
	bool service; /* by allocator.yaml and its service */
	struct encl_allocator_pages pages[ENCL_HOST_SIZES]; /* that are added */
	size_t n_pages;
};
void encl_allocator_plan_clear(struct encl_allocator_plan *p);
ENCL_AUTO_VAL(struct encl_allocator_plan, encl_allocator_plan_clear);

/*
 * Whole cores and memory of one node, never the core of processor 0; what the pool
 * has already comes first.  Pages are added to what is there, whoever has that, but
 * for those that this tool added before.  ENCL_HOST: no node has so much; ENCL_USAGE:
 * not whole cores.
 */
int encl_allocator_plan(const struct encl_host *h, uint64_t mib, unsigned cpus,
			struct encl_allocator_plan *out,
			struct encl_err *e) ENCL_MUST_CHECK;

/* Does it; on failure all is as it was.  ENCL_HOST also while enclaves run.  Larger
 * pages that the node does not give become smaller ones: p then says what it got. */
int encl_allocator_apply(const struct encl_host *h, struct encl_allocator_plan *p,
			 struct encl_err *e) ENCL_MUST_CHECK;

/* Gives back what the state file says; *any false where there is none. */
int encl_allocator_undo(const struct encl_host *h, bool *any,
			struct encl_err *e) ENCL_MUST_CHECK;

/* allocator.yaml as AWS's parser wants it (malloc'ed): it knows no blank lines, no
 * comments behind a value and reads from the line "---" on. */
char *encl_allocator_yaml(uint64_t mib, const char *pool);

#endif
