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
	struct encl_inventory inventory;    /* of eif: an evidence does not move */
	struct encl_manifest *manifest;	    /* NULL: not given */
	json_t *lock;			    /* NULL: not given */
	struct encl_digest manifest_digest; /* of what it means (build.h) */
	struct encl_digest lock_digest;	    /* of the lock's file */
	char *lock_path;
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

/* What `build` and `provenance` are told beside the image and its sources. */
struct evidence_run {
	const char *builder;	/* URI, or NULL */
	const char *invocation; /* or NULL, as the times ("2026-01-31T12:00:00Z") */
	const char *started, *finished;
	const struct encl_digest *oci; /* of a registry's manifest, or NULL */
};
/* Checks --builder-id, --invocation-id, --started and --finished; those that are no
 * options of the verb are NULL. */
int evidence_run_read(const struct args *args, struct evidence_run *out,
		      struct encl_err *e) ENCL_MUST_CHECK;
/* SLSA provenance; the sources have been read.  name: of the image's file.  New
 * reference. */
int evidence_provenance(const struct evidence *v, const char *name,
			const struct evidence_run *r, json_t **out,
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
