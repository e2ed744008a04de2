/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which images a document is about: SPDX, CycloneDX, in-toto statements, what
 * they come wrapped in (DSSE envelopes, sigstore bundles) and measurements files.
 * It is what the document says: no signature is looked at here.
 */
#ifndef ENCL_VERIFY_EVIDENCE_SUBJECT_H
#define ENCL_VERIFY_EVIDENCE_SUBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"

struct encl_subject {
	char *name; /* as the document has it: text from outside; or NULL */
	struct encl_digest digest; /* SHA-256: of an image's file, or of a manifest */
};
struct encl_subjects {
	/* "SPDX", "CycloneDX", "in-toto", "bundle" (of a file, not of a statement),
	 * "measurements" */
	const char *kind;
	char *predicate; /* of in-toto: "https://slsa.dev/provenance/v1"; or NULL */
	struct encl_subject *v;
	size_t n;
};
void encl_subjects_clear(struct encl_subjects *s);
ENCL_AUTO_VAL(struct encl_subjects, encl_subjects_clear);

/* ENCL_FAILED for a document that is none of these, or names nothing by SHA-256;
 * what is its name in the message. */
int encl_evidence_subjects(const json_t *doc, const char *what, struct encl_subjects *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* Is one of them this file (or manifest)? */
bool encl_subjects_have(const struct encl_subjects *s, const struct encl_digest *sha256);

/* The statement that a DSSE envelope holds, or a bundle with one in it, or that doc
 * is; new reference.  NULL: there is none that can be read. */
json_t *encl_evidence_statement(const json_t *doc);

#endif
