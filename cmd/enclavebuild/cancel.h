/* SPDX-License-Identifier: Apache-2.0 */
/* A signal that ends `push` takes back the uploads that are open. */
#ifndef ENCL_CMD_CANCEL_H
#define ENCL_CMD_CANCEL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "registry/registry.h"

struct cancel {
	struct encl_registry *registry;
	pthread_t thread;
	bool started;
	sigset_t before;
};
/* Before any other thread: they inherit that the signals wait for this one. */
void cancel_begin(struct cancel *c, struct encl_registry *r);
void cancel_end(struct cancel *c);
ENCL_AUTO_VAL(struct cancel, cancel_end);

#endif
