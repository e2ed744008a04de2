/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-ins for AWS's services share: who may ask, and JSON 1.1. */
#ifndef TESTS_SERVE_AWS_H
#define TESTS_SERVE_AWS_H

#include <jansson.h>
#include <stdbool.h>

#include "serve.h"

struct aws_caller {
	char *id, *secret, *session;
	const char *region, *service; /* that a signature must be for */
	long skew;		      /* seconds that the server's clock is ahead */
};
/* ID:SECRET[:SESSION], taken apart in place. */
bool serve_aws_key(struct aws_caller *s, char *text);

/* NULL: signed by the caller.  Else the exception's type; *why says more. */
const char *serve_aws_check(const struct aws_caller *s, const struct request *q,
			    const char *body, const char **why);

/* A document as the answer, which it releases; "STATUS METHOD TARGET: WHY" on stdout. */
void serve_aws_reply(const struct aws_caller *s, struct request *q, long status,
		     const char *why, json_t *own_body);
void serve_aws_refuse(const struct aws_caller *s, struct request *q, const char *type,
		      const char *why);

#endif
