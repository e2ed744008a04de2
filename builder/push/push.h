/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and their evidence into a registry, and back: files to artifacts, a
 * reference to a file that is what it says.
 */
#ifndef ENCL_PUSH_PUSH_H
#define ENCL_PUSH_PUSH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/err.h"
#include "registry/registry.h"

struct encl_push_attach {
	const char *type; /* as encl_evidence_open takes it */
	const char *path;
};

struct encl_push_image {
	const char *path;
	const char *measurements; /* file to attach, or NULL */
	const char *lock; /* or NULL: attached where it is of the image's architecture */
	/* that only lie beside it: attached where they are about it, by its digest */
	const struct encl_push_attach *beside;
	size_t n_beside;
};

struct encl_push {
	const struct encl_push_image *images; /* several: an index, one an arch */
	size_t n_images;
	struct encl_reference where; /* a digest there is what must come out */
	const char *const *tags;     /* besides where's */
	size_t n_tags;
	uint64_t split;		/* bytes of a part; 0: the image is one blob */
	const char *mount_from; /* repository of the same host; or NULL */
	const struct encl_push_attach *attach; /* to the image, or to the index */
	size_t n_attach;
	bool lock_required;	   /* a lock that is of no image is ENCL_USAGE */
	const json_t *annotations; /* of the manifest (and index); or NULL */
};

/*
 * Reads and checks everything first; then blobs (five threads), configs,
 * manifests and the index by digest, tags ("latest" where none is given), and
 * at last what refers to them.  What the registry has already is not sent.
 *
 * *report (new reference): {"Reference", "Digest", "MediaType", "Tags",
 * "Images": [{"File", "Architecture", "Digest", "Size", "Parts", "Manifest"}],
 * "Manifests": [{"Version", "Sent"}], "Referrers": [{"Digest", "ArtifactType",
 * "File", "Subject", "Sent"}], "Blobs": [{"Digest", "Size", "Outcome"}],
 * "BytesSent"}.  ENCL_MISMATCH: another digest than where's, or a measurements
 * file of another image.
 */
int encl_push(struct encl_env *env, struct encl_registry *r, const struct encl_push *p,
	      json_t **report, struct encl_err *e) ENCL_MUST_CHECK;

#endif
