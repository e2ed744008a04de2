/* SPDX-License-Identifier: Apache-2.0 */
/* What `host setup` did, for the next one and for its undoing. */
#ifndef ENCL_LAUNCH_ALLOCATOR_STATE_H
#define ENCL_LAUNCH_ALLOCATOR_STATE_H

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "launch/host.h"

/* {"boot", "pool": "" (before the first one), "node", "pages": [{"size", "added"}],
 * "yaml": text before, or null} */
struct encl_allocator_state {
	json_t *json; /* NULL: nothing was done */
};
void encl_allocator_state_clear(struct encl_allocator_state *s);
ENCL_AUTO_VAL(struct encl_allocator_state, encl_allocator_state_clear);

/* Which boot of the host it is (malloc'ed); "": it does not tell. */
char *encl_allocator_boot(const struct encl_host *h);

/* None of what was done by sysfs before the host's last boot: nothing of it is left. */
int encl_allocator_state_read(const struct encl_host *h, struct encl_allocator_state *out,
			      struct encl_err *e) ENCL_MUST_CHECK;
int encl_allocator_state_write(const struct encl_host *h, const json_t *json,
			       struct encl_err *e) ENCL_MUST_CHECK;
void encl_allocator_state_remove(const struct encl_host *h);

/* Pages of that size which are ours on the node. */
uint64_t encl_allocator_state_added(const struct encl_allocator_state *s, unsigned node,
				    uint64_t size);

#endif
