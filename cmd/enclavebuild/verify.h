/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the verb `verify` share: one image, and what is said of it. */
#ifndef ENCL_CMD_VERIFY_H
#define ENCL_CMD_VERIFY_H

#include <jansson.h>

#include "cmd.h"
#include "eif/eif.h"
#include "push/pull.h"
#include "registry/reference.h"
#include "sign/image.h"
#include "verify/checks.h"

struct verification {
	struct cli *cli;
	const struct args *args;
	const char *operand;
	uint64_t now; /* --at, or the clock */
	struct encl_eif eif;
	struct encl_image_state state;
	struct encl_checks checks;
	json_t *diff;	/* of a rebuild, where it is another image; or NULL */
	json_t *inputs; /* [{"uri", "digest"}]: documents that it was held against */
	/* of a reference */
	bool from_registry;
	struct encl_reference where;
	struct encl_pulled pulled;
};
void verification_clear(struct verification *v);
ENCL_AUTO_VAL(struct verification, verification_clear);

/* A document that was looked at, for --attest. */
void verification_add_input(struct verification *v, const char *name, const void *bytes,
			    size_t n);

/* Opens a reference's image; what the registry says of it is checks. */
int verify_open_reference(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;
/* After the image was measured: "registry", and with --annotations they compare. */
int verify_registry(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;
/* --image: its measured sections have the same sizes. */
int verify_sections(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;
/* --manifest, --lock, --sbom, --provenance, --evidence. */
int verify_evidence(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;
/* --rebuild: checks, and v->diff. */
int verify_rebuild(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;
void verify_rebuild_show(const struct verification *v);

/* --bundle, by cosign. */
int verify_bundle(struct verification *v, struct encl_err *e) ENCL_MUST_CHECK;

#endif
