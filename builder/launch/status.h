/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status channel: what launch tells the parent on vsock port 9001, and what
 * the parent asks there.  Lines of at most ENCL_STATUS_LINE bytes with the newline;
 * whoever breaks a rule is cut off, and a parent who does not read.  At most 16
 * connections; each gets the state as it is, then every change:
 *
 *	enclave-status 1
 *	nsm yes|no				is there a Nitro Secure Module?
 *	exec yes|no				debug.exec of the manifest
 *	unit NAME STATE [code=N|signal=N] [oom]	starting (or waiting for another one),
 *						started, healthy, unhealthy; and, with
 *						how it ended, exited, restarting,
 *						stopped (by us)
 *	ready					all units run (and are healthy where
 *						they have a check), or have completed
 *	end code=N | end signal=N		the last line: how the unit ended whose
 *						exit code is the enclave's.  The parent
 *						closes then; launch waits 2 s for that
 *
 * nsm and exec come once, at first.  An enclave of which nobody has asked waits for
 * the parent until it is 2 s old before it ends, so that its end is told.
 *
 * The parent may send
 *	stop					end in order (answer: the lines above)
 *	egress PORT				the parent's proxy listens on that vsock
 *						port (answer: "egress on", or "egress
 *						none" where the manifest has none)
 *	attest NONCE				hex, 8 to 64 bytes; the answer is
 *						"attestation BASE64" or
 *						"attestation none WHY"
 *
 * The parent is not trusted: none of this says more than a parent may know, which
 * could as well switch the enclave off.  Nothing here depends on the library.
 */
#ifndef ENCL_LAUNCH_STATUS_H
#define ENCL_LAUNCH_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENCL_STATUS_LINE = 32768, ENCL_STATUS_NAME = 64, ENCL_STATUS_UNITS = 1024 };

enum encl_status_unit_state {
	ENCL_UNIT_STARTING,
	ENCL_UNIT_STARTED,
	ENCL_UNIT_HEALTHY,
	ENCL_UNIT_UNHEALTHY,
	ENCL_UNIT_EXITED,
	ENCL_UNIT_RESTARTING,
	ENCL_UNIT_STOPPED
};

struct encl_status_unit {
	char name[ENCL_STATUS_NAME + 1];
	enum encl_status_unit_state state;
	int code;   /* exited: -1 where a signal ended it */
	int signal; /* or 0 */
	bool oom;
};

enum encl_status_event {
	ENCL_STATUS_NONE,
	ENCL_STATUS_UNIT, /* the last unit changed: units[changed] */
	ENCL_STATUS_READY,
	ENCL_STATUS_EGRESS,	 /* egress answered: egress */
	ENCL_STATUS_ATTESTATION, /* answered: text (base64), or NULL and why */
	ENCL_STATUS_END,
	ENCL_STATUS_BROKEN /* why; close the connection */
};

/* The parent's reader. */
struct encl_status {
	bool greeted, nsm, exec, ready, egress, ended;
	int code, signal; /* of the end */
	struct encl_status_unit *units;
	size_t n_units, changed;
	const char *text; /* of an attestation; valid until the next call */
	char why[128];
	/* private */
	unsigned stage;
	char *line;
	size_t n_line;
};

void encl_status_init(struct encl_status *s);
void encl_status_clear(struct encl_status *s);

/*
 * Reads on: *used of the n bytes are taken, and the first event in them told.
 * Call it again with the rest until it says ENCL_STATUS_NONE.
 */
enum encl_status_event encl_status_feed(struct encl_status *s, const char *p, size_t n,
					size_t *used);

/* "started", … */
const char *encl_status_state_name(enum encl_status_unit_state state);

#endif
