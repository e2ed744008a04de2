/* SPDX-License-Identifier: Apache-2.0 */
/* What state.c (who reads) and state_write.c (who runs) share. */
#ifndef ENCL_LAUNCH_STATE_INTERNAL_H
#define ENCL_LAUNCH_STATE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

#define ENCL_STATE_LOCK	   "lock"
#define ENCL_STATE_JSON	   "state.json"
#define ENCL_STATE_LOG	   "console"
#define ENCL_STATE_LOG_OLD "console.1"

enum {
	ENCL_STATE_NAME_MAX = 40,
	ENCL_STATE_JSON_MAX = 1 << 20,
	ENCL_STATE_LOG_MAX = 16 << 20,
	ENCL_STATE_REQUEST = 64 /* bytes of a request with its newline */
};

/* A lock on a file that was removed meanwhile (ps --prune) is none. */
bool encl_state_is_there(int fd, const char *path);

/* The abstract address of a run's requests. */
int encl_state_address(const char *run_folder, const char *name, uid_t uid,
		       struct sockaddr_un *out, socklen_t *n,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
