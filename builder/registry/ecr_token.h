/* SPDX-License-Identifier: Apache-2.0 */
/* ECR's tokens below the cache's folder: DIR/ecr/ACCOUNT.REGION.KEY.json, 0600. */
#ifndef ENCL_REGISTRY_ECR_TOKEN_H
#define ENCL_REGISTRY_ECR_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/aws.h"
#include "registry/credentials.h"
#include "registry/ecr_host.h"

/* Its name: KEY is of the key id and the service's address.  malloc'ed. */
char *encl_ecr_token_path(const char *dir, const struct encl_ecr_host *h,
			  const char *key_id, const char *endpoint);

/* False where there is none that lasts five minutes more; a file that is not as
 * it was written counts as none. */
bool encl_ecr_token_load(const char *path, struct encl_credentials *out);
int encl_ecr_token_save(const char *path, const struct encl_credentials *c,
			uint64_t expires, struct encl_err *e) ENCL_MUST_CHECK;

#endif
