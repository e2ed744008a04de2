/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs here, for ps, logs, console, stop, exec, status and deploy: a folder an
 * enclave in the run folder (ENCLAVEBUILD_RUN, else /run/enclavebuild for root,
 * $XDG_RUNTIME_DIR/enclavebuild, or /tmp/enclavebuild-UID, 0700 and ours).
 *
 *	NAME/lock	locked by its `run` while that lives
 *	NAME/state.json	replaced as a whole at each change
 *	NAME/console	what it printed, at most 2 x 16 MiB (console.1 is the older part)
 *
 * `run` takes requests at an abstract unix socket, "\0enclavebuild/UID/NAME" with
 * the run folder's digest, from its own user and root only; a kill leaves nothing.
 * state.json (keys as elsewhere in capitals):
 *	{"Name", "Image", "PCR0", "Backend", "Pid", "Started" (seconds),
 *	 "State": "starting" | "running" | "ready" | "ending" | "ended",
 *	 "CID" | "Socket", "MemoryMiB", "CPUs", "CPUIDs", "Debug", "Exec",
 *	 "Heartbeat", "Ports": [{"Address", "Port", "Name", "Vsock"}],
 *	 "Units": [{"Name", "State", "ExitCode", "Signal", "OOM"}],
 *	 "NSM": true|false|null, "Attestation": null | {"PCR0", "Matches"} |
 *	 {"None": why},
 *	 "ExitCode", "Signal", "Error", "Ended" (seconds)}
 */
#ifndef ENCL_LAUNCH_STATE_H
#define ENCL_LAUNCH_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_wall;

/* The run folder (malloc'ed); made where it is not there yet. */
int encl_state_folder(char **out, struct encl_err *e) ENCL_MUST_CHECK;

/* A name: letters, digits, '.', '_' and '-', at most 40, no '.' in front. */
bool encl_state_name_ok(const char *name);

/* ---- the reading side ---- */

struct encl_state {
	char *name;
	char *folder;
	json_t *json;
	bool alive; /* its run lives; not alive and State not "ended": it was killed */
};
void encl_state_clear(struct encl_state *s);
ENCL_AUTO_VAL(struct encl_state, encl_state_clear);

/* All, by name (malloc'ed list; each to be cleared). */
int encl_state_list(struct encl_state **out, size_t *n,
		    struct encl_err *e) ENCL_MUST_CHECK;
/* ENCL_USAGE: there is none of that name; the message lists those there are. */
int encl_state_find(const char *name, struct encl_state *out,
		    struct encl_err *e) ENCL_MUST_CHECK;
/* Removes the folder of one that is not alive. */
int encl_state_remove(const struct encl_state *s, struct encl_err *e) ENCL_MUST_CHECK;

/* The way through its wall. */
int encl_state_wall(const struct encl_state *s, struct encl_wall *out,
		    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Sends a request to its run and gives the connection for what follows:
 * "stop SECONDS" (an orderly end, after so long switched off; the connection ends
 * with it).
 */
int encl_state_request(const struct encl_state *s, const char *request, int *fd,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
