/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request to the proxy of network.egress (RFC 9112): CONNECT, or
 * a plain one in absolute form.  What two readers could understand in two ways
 * is refused.
 */
#ifndef LAUNCH_EGRESS_REQUEST_H
#define LAUNCH_EGRESS_REQUEST_H

#include "launch/egress_rules.h"
#include "launch/http_head.h"

enum { EGRESS_HEAD_MAX = 16384 };

struct egress_request {
	bool connect;
	struct egress_target target;
	/* What the target gets of a plain request (malloc'ed): origin form, its own
	 * Host, nothing that was for the proxy, "Connection: close". */
	char *head;
	size_t n_head;
};

/* A whole head (http_head.h).  0, or the status of the answer and why (a constant). */
int egress_request_parse(const char *head, size_t n, struct egress_request *out,
			 const char **why);

#endif
