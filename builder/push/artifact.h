/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EIF as an OCI artifact (image-spec 1.1, manifest.md; docs/9-registry.md):
 * what is known of an image, and the documents that say it.  The documents are
 * functions of the image's bytes, its file's name and the annotations asked
 * for, so the same image has the same manifest digest everywhere.
 */
#ifndef ENCL_PUSH_ARTIFACT_H
#define ENCL_PUSH_ARTIFACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "eif/eif.h"

#define ENCL_ARTIFACT_EIF	   "application/vnd.aws.nitro.eif"
#define ENCL_ARTIFACT_CONFIG	   "application/vnd.enclavebuild.eif.config.v1+json"
#define ENCL_ARTIFACT_MEASUREMENTS "application/vnd.enclavebuild.measurements.v1+json"
#define ENCL_ARTIFACT_LOCK	   "application/vnd.enclavebuild.lock.v1+json"

#define ENCL_ANNOTATION	      "dev.enclavebuild."
#define ENCL_ANNOTATION_PART  "dev.enclavebuild.part"
#define ENCL_ANNOTATION_TITLE "org.opencontainers.image.title"

enum { ENCL_ARTIFACT_MAX_PARTS = 4096 };

/* A layer: a range of the image. */
struct encl_artifact_part {
	struct encl_digest digest;
	uint64_t offset, size;
};

struct encl_artifact {
	char *title;	/* of the file: "app.eif" */
	char *name;	/* from the image's metadata; any text */
	char *version;	/* the same */
	char *created;	/* RFC 3339 */
	char *manifest; /* digest of what it was built from, or NULL */
	char *cmdline;
	uint64_t compat; /* 0: not told */
	enum encl_arch arch;
	unsigned eif_version;
	uint64_t size;
	struct encl_digest sha256;
	struct encl_measurements pcrs;
	struct encl_eif_section sections[ENCL_EIF_MAX_SECTIONS];
	size_t n_sections;
	uint64_t default_mem, default_cpus; /* of the header: bytes, number */
	uint64_t memory_mib;		    /* that an enclave of it should have */
	struct encl_artifact_part *parts;
	size_t n_parts;
};
void encl_artifact_clear(struct encl_artifact *a);
ENCL_AUTO_VAL(struct encl_artifact, encl_artifact_clear);

/*
 * Reads an opened image (one pass; one more for the parts' digests where it is
 * split) and refuses a damaged one or one whose signature does not fit.
 * title: of the file.  split: the size of a part; 0: one.
 */
int encl_artifact_read(const struct encl_eif *eif, const char *title, uint64_t split,
		       unsigned jobs, struct encl_artifact *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* "2023-01-02T03:04:05Z" and its kin, nothing else. */
bool encl_artifact_is_time(const char *text);

/* Documents: compact JSON, malloc'ed. */
char *encl_artifact_config(const struct encl_artifact *a);
/* config: the text of encl_artifact_config.  extra: annotations, an object or
 * NULL; they come after ours and may not be ours. */
char *encl_artifact_manifest(const struct encl_artifact *a, const char *config,
			     const json_t *extra);

/* A manifest that an index lists. */
struct encl_artifact_child {
	enum encl_arch arch;
	const char *text; /* the manifest's */
};
/* In the order of the architectures' names, whatever that of v is. */
char *encl_artifact_index(const struct encl_artifact_child *v, size_t n,
			  const char *created, const json_t *extra);

/* {"mediaType", "digest", "size"} of a text; new reference. */
json_t *encl_artifact_descriptor(const char *media_type, const char *text);

/* "KEY=VALUE" into an object.  ENCL_USAGE for what is no annotation, is there
 * already or begins with "dev.enclavebuild.". */
int encl_artifact_annotate(json_t *annotations, const char *text,
			   struct encl_err *e) ENCL_MUST_CHECK;

#endif
