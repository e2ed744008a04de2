/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's config.json and containers-auth.json(5): what stands in one for a
 * registry.  A key is "host", "host/namespace…" (containers), or a URL as
 * docker wrote them ("https://index.docker.io/v1/").
 */
#ifndef ENCL_REGISTRY_AUTH_FILE_H
#define ENCL_REGISTRY_AUTH_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "registry/credentials.h"

/* The address that Docker Hub's credentials are kept under. */
#define ENCL_AUTH_HUB_KEY "https://index.docker.io/v1/"

/* "docker.io" for all of Docker Hub's names, else host itself. */
const char *encl_auth_canonical_host(const char *host);
/* What a host is called in a file and to a helper. */
const char *encl_auth_server(const char *host);

/* *out is NULL where there is no such file; an empty file is an empty object.
 * Owned by the caller: encl_secret_json_free. */
int encl_auth_file_read(const char *path, json_t **out,
			struct encl_err *e) ENCL_MUST_CHECK;
int encl_auth_file_parse(const char *text, size_t n, const char *path, json_t **out,
			 struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The helper for it: *name is NULL where none is named, and *key the member that
 * names it ("credHelpers" or "credsStore").  An empty name in credHelpers says
 * that credsStore is not to be asked for this host.
 */
int encl_auth_file_helper(const json_t *doc, const char *path, const char *host,
			  const char *repository, const char **name, const char **key,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* Of "auths"; *found is false where there is nothing, or an empty entry. */
int encl_auth_file_entry(const json_t *doc, const char *path, const char *host,
			 const char *repository, struct encl_credentials *out,
			 bool *found, struct encl_err *e) ENCL_MUST_CHECK;

/* Puts an entry of "auths" in, or takes out all that are the host's. */
void encl_auth_file_set(json_t *doc, const char *host, const struct encl_credentials *c);
bool encl_auth_file_remove(json_t *doc, const char *host);

#endif
