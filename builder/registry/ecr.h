/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of encl_ecr_credentials that are tested apart. */
#ifndef ENCL_REGISTRY_ECR_H
#define ENCL_REGISTRY_ECR_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/aws.h"
#include "registry/credentials.h"
#include "registry/ecr_host.h"

/* GetAuthorizationToken's answer: user, password and when they end. */
int encl_ecr_answer(const char *text, size_t n, struct encl_credentials *out,
		    uint64_t *expires, struct encl_err *e) ENCL_MUST_CHECK;

/* An error's answer as ": TYPE: message (what to do)", malloc'ed. */
char *encl_ecr_explain(const struct encl_aws_reply *r, const struct encl_aws_identity *i);

/* Whether an auth file's password is a token of ECR's whose time is over: it is
 * base64 of a document that says when. */
bool encl_ecr_expired(const struct encl_credentials *c);

/* What `logout` removes: all tokens of the host's account and region; *any (may
 * be NULL) is whether there were some. */
int encl_ecr_forget(const char *cache_dir, const char *host, bool *any,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
