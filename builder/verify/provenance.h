/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an image came from, as an in-toto Statement v1 with SLSA provenance v1
 * (slsa.dev/spec/v1.0/provenance; docs/10-evidence.md says what this tool puts where).
 * Without what the caller gives of one run (invocation, times) it is a function of the
 * image and what it was built from.
 */
#ifndef ENCL_VERIFY_PROVENANCE_H
#define ENCL_VERIFY_PROVENANCE_H

#include <jansson.h>

#include "base/digest.h"
#include "verify/pins.h"

#define ENCL_BUILD_TYPE	   "https://enclavebuild.dev/build/v1"
#define ENCL_BUILDER_LOCAL "https://enclavebuild.dev/builder/local"

struct encl_provenance {
	const char *name;	       /* of the image's file, without folders */
	struct encl_digest sha256;     /* of it */
	const struct encl_digest *oci; /* of its manifest in a registry; or NULL */
	const char *manifest;	       /* name without folders */
	const struct encl_digest *manifest_file; /* of its bytes; NULL: not known */
	struct encl_digest meaning;		 /* encl_manifest_digest */
	const char *lock_name;
	struct encl_digest lock_digest; /* of the file */
	const json_t *lock;
	const struct encl_pins *pins;
	const char *metadata; /* the image's: which tool, when */
	const char *builder;  /* URI; NULL: ENCL_BUILDER_LOCAL */
	/* of the run, or NULL; times as "2026-01-31T12:00:00Z" */
	const char *invocation, *started, *finished;
};
/* New reference. */
json_t *encl_provenance(const struct encl_provenance *p);

#endif
