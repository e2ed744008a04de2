/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a verification as a document that others can rely on: an in-toto
 * statement with SLSA's verification summary (slsa.dev/verification_summary/v1).
 */
#ifndef ENCL_VERIFY_STATEMENT_H
#define ENCL_VERIFY_STATEMENT_H

#include <jansson.h>
#include <stdint.h>

#include "base/digest.h"
#include "verify/checks.h"

struct encl_statement {
	const char *name;	   /* of the image: a file's name or a reference */
	const char *uri;	   /* what was asked for */
	const char *verifier;	   /* URI of who verified */
	struct encl_digest sha256; /* of the image */
	uint64_t time;		   /* of the verification */
	const json_t *inputs;	   /* [{"uri", "digest"}]: what it was held against */
	const struct encl_checks *checks;
};

/* New reference.  The checks stand in it too, and the policy is named by the digest
 * of what was asked for, so that equal questions have equal policies. */
json_t *encl_verify_statement(const struct encl_statement *s);

#endif
