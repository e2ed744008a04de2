/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to images in a registry: HOST/REPOSITORY[:TAG][@DIGEST]
 * (distribution-spec 1.1, with Docker's defaults: the first component is a
 * host where it has a "." or ":" or is "localhost"; else docker.io, and a
 * single component there is below "library/").
 */
#ifndef ENCL_REGISTRY_REFERENCE_H
#define ENCL_REGISTRY_REFERENCE_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_reference {
	char *host;	  /* "docker.io", "localhost:5000", "[::1]:5000" */
	char *repository; /* "library/redis" */
	char *tag;	  /* or NULL; "latest" is never put in */
	char *digest;	  /* "sha256:…" or "sha512:…"; or NULL.  Beside it the tag is
			     decoration */
};
/* ENCL_USAGE names the part that is not of the grammar.  Text may begin with
 * "docker://" (skopeo's way to write it). */
int encl_reference_parse(const char *text, struct encl_reference *out,
			 struct encl_err *e) ENCL_MUST_CHECK;
void encl_reference_clear(struct encl_reference *r);
ENCL_AUTO_VAL(struct encl_reference, encl_reference_clear);

/* "host/repository:tag@digest", whole and canonical; malloc'ed. */
char *encl_reference_text(const struct encl_reference *r);

/* What is asked for: the digest, else the tag, else "latest". */
const char *encl_reference_version(const struct encl_reference *r);

/* The host to talk to: "registry-1.docker.io" for docker.io. */
const char *encl_reference_api_host(const struct encl_reference *r);

/* Whether a command line's operand is meant as a reference and not as a file:
 * "docker://…", or what parses with a host and is no file here. */
bool encl_reference_looks_like(const char *text);

#endif
