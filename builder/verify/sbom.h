/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image is made of, as a bill of materials: packages and their sources, the
 * kernel, images and their layers, and each file that is of no package.  Collected
 * once, printed as SPDX or as CycloneDX.  A function of the image, its lock and the
 * tool's version: no clock, no name of this machine.
 */
#ifndef ENCL_VERIFY_SBOM_H
#define ENCL_VERIFY_SBOM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "eif/eif.h"
#include "verify/inventory.h"

enum encl_component_kind {
	ENCL_COMPONENT_IMAGE, /* the first one, and what is described */
	ENCL_COMPONENT_DISTRIBUTION,
	ENCL_COMPONENT_KERNEL,
	ENCL_COMPONENT_PACKAGE,
	ENCL_COMPONENT_SOURCE,	  /* of packages */
	ENCL_COMPONENT_TOOL,	  /* enclavebuild, where programs of it are inside */
	ENCL_COMPONENT_CONTAINER, /* an image that went in, and its layers */
	ENCL_COMPONENT_LAYER,
	ENCL_COMPONENT_ARCHIVE,
	ENCL_COMPONENT_FILE /* that is of no package */
};

/* Texts may be anything: they are from the image. */
struct encl_component {
	enum encl_component_kind kind;
	const char *id; /* letters, digits, '.', '-'; one of a kind */
	const char *name;
	const char *version; /* these: or NULL */
	const char *purl;
	const char *maintainer, *homepage, *license, *summary;
	const char *comment;
	bool has_digest;
	struct encl_digest digest; /* SHA-256 or SHA-512 of the file it is or came as */
	struct encl_digest sha1;   /* of files */
	size_t parent;		   /* that it is inside of; SIZE_MAX: of none */
	size_t from;		   /* that it was made from; SIZE_MAX */
};

struct encl_sbom {
	struct encl_component *v;
	size_t n;
	const char *created; /* "2023-01-02T03:04:05Z": the image's own time */
	const char *uuid;    /* of the image's digest and the lock's */
	const struct encl_measurements *measurements; /* borrowed */
	struct encl_arena *arena;
	json_t *ids; /* id -> index in v */
};
void encl_sbom_clear(struct encl_sbom *s);
ENCL_AUTO_VAL(struct encl_sbom, encl_sbom_clear);

struct encl_sbom_request {
	const struct encl_inventory *inventory;
	const struct encl_digest *sha256; /* of the image's file */
	const struct encl_measurements *measurements;
	const json_t *lock; /* that it was built by, or NULL */
};
/* Reads files of no package once more, for their SHA-1, which SPDX wants. */
int encl_sbom_collect(const struct encl_sbom_request *r, struct encl_sbom *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* Documents (new references): SPDX 2.3 and CycloneDX 1.6. */
json_t *encl_sbom_spdx(const struct encl_sbom *s);
json_t *encl_sbom_cyclonedx(const struct encl_sbom *s);

#endif
