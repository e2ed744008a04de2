/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose names and passwords a registry gets: Docker's and containers' auth
 * files, credential helpers, and ECR's tokens.  Nothing here is ever logged.
 */
#ifndef ENCL_REGISTRY_CREDENTIALS_H
#define ENCL_REGISTRY_CREDENTIALS_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/err.h"

/* All NULL: there are none (anonymous).  Cleared with explicit_bzero. */
struct encl_credentials {
	char *user;
	char *password;
	char *identity_token; /* refresh token: auth file's identitytoken, helper's
				 <token> */
	char *registry_token; /* bearer token to be sent as it is */
};
void encl_credentials_clear(struct encl_credentials *c);
ENCL_AUTO_VAL(struct encl_credentials, encl_credentials_clear);

/*
 * For a host and repository, of auth_file alone, else of $REGISTRY_AUTH_FILE
 * alone (podman's rule), else of the first that has some of
 * $DOCKER_CONFIG/config.json (~/.docker/config.json),
 * $XDG_RUNTIME_DIR/containers/auth.json and
 * $XDG_CONFIG_HOME/containers/auth.json (~/.config/containers/auth.json).
 * Keys from the most to the least specific (host/ns/repo, host/ns, host;
 * "https://host", "/v1/" and "/v2/" behind it count as host; docker.io's is
 * https://index.docker.io/v1/).  credHelpers before credsStore before auths.
 * An ECR host without any of them: encl_ecr_credentials.
 * A file that is not there is passed over (but for auth_file: ENCL_USAGE); one
 * that is broken, or a helper that fails or is not installed, is an error.
 */
int encl_credentials_find(struct encl_env *env, const char *auth_file, const char *host,
			  const char *repository, struct encl_credentials *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* `login`: writes auths[host] (0600, atomically, other members kept), or hands
 * it to the helper that the file names.  path NULL: $REGISTRY_AUTH_FILE, else
 * docker's file.  *where (malloc'ed; where may be NULL) is the file or the
 * helper's program. */
int encl_credentials_store(struct encl_env *env, const char *path, const char *host,
			   const struct encl_credentials *c, char **where,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* `logout`: out of the first of the files (or path alone) that has some; *where
 * is set where *was_there. */
int encl_credentials_erase(struct encl_env *env, const char *path, const char *host,
			   bool *was_there, char **where,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* Amazon ECR, private (account.dkr.ecr.region.amazonaws.com and its kin) and
 * public (public.ecr.aws): region of a host, or NULL where it is none. */
bool encl_ecr_is(const char *host);
/*
 * A token by GetAuthorizationToken, signed with SigV4 by libcurl.  The caller's
 * identity: environment, profile files, container endpoint, IMDSv2, in this
 * order.  Cached for its lifetime, 0600, below the cache's folder.
 * $ENCLAVEBUILD_ECR_ENDPOINT (or AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL) replaces
 * the service's address.  Found none: out stays empty and 0 is returned for
 * the public one; ENCL_NETWORK naming what was tried for a private one.
 */
int encl_ecr_credentials(struct encl_env *env, const char *host,
			 struct encl_credentials *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

#endif
