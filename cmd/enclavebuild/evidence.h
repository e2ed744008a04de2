/* SPDX-License-Identifier: Apache-2.0 */
/* An image with what it was built from: what `sbom` and `provenance` tell of. */
#ifndef ENCL_CMD_EVIDENCE_H
#define ENCL_CMD_EVIDENCE_H

#include <jansson.h>

#include "base/cleanup.h"
#include "cmd.h"
#include "manifest/manifest.h"
#include "sign/image.h"
#include "verify/inventory.h"
#include "verify/pins.h"

struct evidence {
	struct encl_eif eif;
	struct encl_image_state state;
	struct encl_inventory inventory; /* of eif: an evidence does not move */
	struct encl_manifest *manifest;	 /* NULL: not given */
	json_t *lock;			 /* NULL: not given */
	struct encl_digest lock_digest;	 /* of the lock's file */
	struct encl_pins pins;
};
void evidence_clear(struct evidence *v);
ENCL_AUTO_VAL(struct evidence, evidence_clear);

/* The image of an operand, whole and with a signature that is its own. */
int evidence_open(struct cli *cli, const char *operand, struct evidence *out,
		  struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What it was built from: a manifest and its lock (NULL: the one beside it).
 * ENCL_MISMATCH where there is no lock, or the image cannot be of these.
 */
int evidence_read_sources(struct evidence *v, const char *manifest, const char *lock,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* The SBOM: "spdx" or "cyclonedx"; new reference. */
int evidence_sbom(const struct evidence *v, const char *format, json_t **out,
		  struct encl_err *e) ENCL_MUST_CHECK;
/* What a file's name says of the format: ".cdx.json" or "spdx" else. */
const char *evidence_sbom_format(const char *path);

/* To the file, or to standard output where it is NULL. */
int evidence_write(const json_t *doc, const char *path,
		   struct encl_err *e) ENCL_MUST_CHECK;

#endif
