/* SPDX-License-Identifier: Apache-2.0 */
/* Credential helpers: docker-credential-NAME get, store and erase. */
#ifndef ENCL_REGISTRY_HELPER_H
#define ENCL_REGISTRY_HELPER_H

#include <stdbool.h>

#include "registry/credentials.h"

/* Whether name can be the end of a program's name: no path, no space. */
bool encl_helper_name_ok(const char *name);

/* *found is false where it has none for the server.  ENCL_HOST where it is not
 * installed, ENCL_FAILED where it fails or does not end within 30 s. */
int encl_helper_get(const char *name, const char *server, struct encl_credentials *out,
		    bool *found, struct encl_err *e) ENCL_MUST_CHECK;
int encl_helper_store(const char *name, const char *server,
		      const struct encl_credentials *c,
		      struct encl_err *e) ENCL_MUST_CHECK;
int encl_helper_erase(const char *name, const char *server, bool *was_there,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
