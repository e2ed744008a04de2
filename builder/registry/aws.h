/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the caller is to AWS: the chain of AWS's own SDKs, as far as it needs no
 * other service (environment, profile files, credential_process, container
 * endpoint, IMDSv2), and requests signed with it.
 */
#ifndef ENCL_REGISTRY_AWS_H
#define ENCL_REGISTRY_AWS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct encl_aws_identity {
	char *key_id;
	char *secret;
	char *session; /* token of temporary credentials; or NULL */
	char *from;    /* for messages: "the environment", "profile default of …" */
};
void encl_aws_identity_clear(struct encl_aws_identity *i);
ENCL_AUTO_VAL(struct encl_aws_identity, encl_aws_identity_clear);

/*
 * The first that is there.  None: out stays empty, 0 is returned and tried says
 * what was looked at.  What is there and broken is an error.  imds: whether the
 * instance's metadata may be asked also where nothing says that this is EC2.
 */
int encl_aws_identity_find(bool imds, struct encl_aws_identity *out,
			   struct encl_buf *tried, struct encl_err *e) ENCL_MUST_CHECK;

/* ---- its parts ---- */

/* Of a document with AccessKeyId, SecretAccessKey, SessionToken or Token and
 * Expiration (credential_process, container endpoint, IMDS). */
int encl_aws_identity_json(const char *text, size_t n, const char *from,
			   struct encl_aws_identity *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* The members of one profile, of both files; NULL: not there. */
struct encl_aws_profile {
	char *key_id, *secret, *session;
	char *process;
	bool found;	/* the profile stands in a file */
	bool elsewhere; /* it wants role_arn, sso_*, web identity: not done here */
};
void encl_aws_profile_clear(struct encl_aws_profile *p);
ENCL_AUTO_VAL(struct encl_aws_profile, encl_aws_profile_clear);
/* Adds what a file's text says about the profile and was not known yet.
 * config: sections are "profile NAME". */
int encl_aws_profile_parse(const char *text, size_t n, const char *path, const char *name,
			   bool config, struct encl_aws_profile *out,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* AWS_PROFILE's or the default one; *found false: none. */
int encl_aws_profile_identity(struct encl_aws_identity *out, bool *found,
			      struct encl_err *e) ENCL_MUST_CHECK;
/* A command line split as a shell does it, quotes and backslashes included,
 * nothing expanded: *argv (malloc'ed, NULL behind) points into *text (malloc'ed). */
int encl_aws_split(const char *line, char **text, char ***argv,
		   struct encl_err *e) ENCL_MUST_CHECK;

int encl_aws_container_identity(struct encl_aws_identity *out, bool *found,
				struct encl_err *e) ENCL_MUST_CHECK;
/* Whether secrets may come from or go to this URL: https, or http to this
 * machine, and where metadata also to the addresses of ECS and EKS. */
bool encl_aws_url_ok(const char *url, bool metadata);

int encl_aws_instance_identity(struct encl_aws_identity *out, bool *found,
			       struct encl_err *e) ENCL_MUST_CHECK;

/* ---- requests ---- */

struct encl_aws_request {
	const char *method;
	const char *url;
	const char *headers[6]; /* "Name: value", ends in NULL */
	const char *body;	/* or NULL */
	bool near;		/* metadata: no proxy, short time limits, one try */
	/* Signed (SigV4) as this one, for the service in the region: */
	const struct encl_aws_identity *identity;
	const char *region;
	const char *service;
};
struct encl_aws_reply {
	long status;	/* 0: nothing answered */
	int64_t skew_s; /* the server's clock less ours, where it told; else 0 */
	struct encl_buf body;
	char trouble[256]; /* status 0: why */
};
void encl_aws_reply_clear(struct encl_aws_reply *r);
ENCL_AUTO_VAL(struct encl_aws_reply, encl_aws_reply_clear);
/* No redirect is followed.  Any status is an answer. */
void encl_aws_send(const struct encl_aws_request *q, struct encl_aws_reply *r);

/* The service's address: the first of the environment's variables that is set
 * (ENCL_USAGE where it is neither https nor this machine), else fallback. */
int encl_aws_endpoint(const char *const names[], const char *service,
		      const char *fallback, char **out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* ---- errors ---- */

enum { ENCL_AWS_SHOWN = 201 };
/* What to do about an exception of that name; a list ends in {NULL, NULL}. */
struct encl_aws_hint {
	const char *type;
	const char *text;
};
/* An error's answer as ": TYPE: message (what to do)", malloc'ed; own hints come
 * first (may be NULL), action is what AccessDenied was about.  Shows no secret. */
char *encl_aws_explain(const struct encl_aws_reply *r, const struct encl_aws_identity *i,
		       const char *action, const struct encl_aws_hint *own);
/* Its TYPE alone; empty where it has none. */
void encl_aws_error_type(const struct encl_aws_reply *r,
			 const struct encl_aws_identity *i, char out[ENCL_AWS_SHOWN]);

#endif
