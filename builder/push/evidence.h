/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that say something about an image, as artifacts that refer to it
 * (image-spec 1.1, "subject"): measurements, lock, SBOM, provenance, bundles
 * of signatures.  Their manifests are as reproducible as the image's.
 */
#ifndef ENCL_PUSH_EVIDENCE_H
#define ENCL_PUSH_EVIDENCE_H

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "push/artifact.h"

enum { ENCL_EVIDENCE_MAX = 64 << 20 };

struct encl_evidence {
	char *path;
	char *title;	     /* its name without folders */
	char *artifact_type; /* of the manifest */
	char *media_type;    /* of the file */
	json_t *annotations; /* of the manifest, or NULL */
	char *text;	     /* the file, NUL behind */
	size_t size;
	struct encl_digest digest;
};
void encl_evidence_clear(struct encl_evidence *v);
ENCL_AUTO_VAL(struct encl_evidence, encl_evidence_clear);

/*
 * type: "spdx", "cyclonedx", "sbom" (either of these, by its content),
 * "provenance" (in-toto, plain or in a DSSE envelope), "bundle" (sigstore),
 * "measurements", "lock"; or a media type, whose content is not looked at.
 * ENCL_USAGE for another type, ENCL_FAILED for a file that is not of it.
 */
int encl_evidence_open(const char *type, const char *path, struct encl_evidence *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * A measurements file that is of this image passes; one of another is
 * ENCL_MISMATCH.  Where only the signature is newer than the file (`sign`),
 * the text is brought up to date.
 */
int encl_evidence_fit(struct encl_evidence *v, const struct encl_artifact *a,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* Whether the PCRs of a measurements document are these, all of them. */
bool encl_evidence_is_of(const json_t *measurements, const struct encl_measurements *m);

/* Whether a lock is of this architecture. */
bool encl_evidence_lock_is_for(const struct encl_evidence *v, enum encl_arch arch);

/* The manifest: malloc'ed.  subject: its text and media type. */
char *encl_evidence_manifest(const struct encl_evidence *v, const char *subject_type,
			     const char *subject, const char *created);

#endif
