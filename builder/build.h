/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way: manifest -> lock -> sources -> rootfs -> ramdisk -> eif ->
 * sign, one call each for `lock` and `build`.
 */
#ifndef ENCL_BUILD_H
#define ENCL_BUILD_H

#include <jansson.h>
#include <stdbool.h>

#include "base/env.h"
#include "base/err.h"
#include "eif/eif.h"
#include "manifest/manifest.h"
#include "sign/sign.h"

/*
 * Resolves a manifest to a lock (new reference).  Pins of fetched things
 * (packages) whose words are unchanged are taken over from old (may be NULL);
 * local inputs are hashed anew.  update: names of what shall move all the same
 * ("kernel", "rootfs[1]", a package's name), n_update 0 with update_all for
 * everything.  A name that fits nothing is ENCL_USAGE.
 */
struct encl_resolve_request {
	const json_t *old;
	bool update_all;
	const char *const *update;
	size_t n_update;
};
int encl_resolve(struct encl_env *env, const struct encl_manifest *m,
		 const struct encl_resolve_request *request, json_t **lock,
		 struct encl_err *e) ENCL_MUST_CHECK;

struct encl_build_request {
	/* The image's name; its measurements stand beside it.  Where the manifest's
	 * signature is made elsewhere, NAME.eif becomes NAME.unsigned.eif. */
	const char *output;
	bool locked;	/* without a lock: ENCL_MISMATCH */
	bool nitro_cli; /* as nitro-cli lays its images out (docs/10-nitro-cli.md) */
	uint64_t now;	/* for the certificate's dates; seconds since the epoch */
};

struct encl_build_report {
	struct encl_eif_result result;
	char *image_path;
	char *measurements_path;
	/* What is to be signed elsewhere; NULL: nothing. */
	char *to_sign_path; /* "NAME.to-sign" */
	struct encl_to_sign to_sign;
	bool had_lock;
	json_t *sizes;	  /* what made it large: docs/3-rootfs.md */
	json_t *sections; /* [{"type", "size"}] in file order */
	json_t *extended; /* {"PCR16": …} of attestation.extend, or NULL */
};
void encl_build_report_clear(struct encl_build_report *r);
ENCL_AUTO_VAL(struct encl_build_report, encl_build_report_clear);

/*
 * Builds by the lock beside the manifest, or resolves where there is none.
 * ENCL_MISMATCH where the lock is stale (the changed keys are named) or an
 * expected measurement differs; ENCL_SIGN where signing fails.  Nothing is
 * written unless all of it succeeded: image first, then its measurements.
 */
int encl_build(struct encl_env *env, const struct encl_manifest *m,
	       const struct encl_build_request *request, struct encl_build_report *out,
	       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * What build would make of it, without writing anything (new reference):
 * {"name", "kernel", "docker": [{"setting", "value", "reason"}], "start": [{"name",
 * "kind", "after", "critical"}], "ingress": [{"name", "parent", "vsock", "tcp",
 * "to"}], "egress": {"proxyPort", "allow": [{"host" | "cidr", "ports"}]}, "memory":
 * {"bootMiB", "runMiB", "leastMiB", "neededMiB", "nitroCliMiB", "bootParts", "parts"},
 * "resources": {"MemoryMiB", "CPUs", "auto"}, "problem"}; the problem is what build
 * would refuse of the resources.  Fails as encl_build does.
 */
int encl_plan(struct encl_env *env, const struct encl_manifest *m, json_t **out,
	      struct encl_err *e) ENCL_MUST_CHECK;
/* The same of an image: as much as its sections tell. */
struct encl_eif;
json_t *encl_plan_image(const struct encl_eif *eif);

/*
 * Where each path of the image comes from, by the lock beside the manifest (without
 * one: ENCL_MISMATCH) and the inputs as build takes them: every path of the ramdisks
 * as verify/owner.h has them, and "kernel", "cmdline" and "metadata" for the sections
 * of that name.  Kinds beside those of struct encl_origin: "kernel" (a package, or a
 * file as the manifest has it), "init" and "boot".
 */
struct encl_origins;
int encl_build_origins(struct encl_env *env, const struct encl_manifest *m,
		       struct encl_origins **out, struct encl_err *e) ENCL_MUST_CHECK;

/* "app.eif" -> "app.measurements.json"; malloc'ed. */
char *encl_measurements_path(const char *image);

/* Makes a measurements document one of the same image with another signature,
 * which is the file at path. */
int encl_measurements_resigned(json_t *doc, const char *path,
			       const struct encl_eif_result *r,
			       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Digest of what the manifest means: its canonical form with local paths
 * replaced by the digests of their content; the same on every machine.
 */
void encl_manifest_digest(const struct encl_manifest *m, const json_t *lock,
			  struct encl_digest *out);

/* Merges what lock pins into one tree, the Docker engine below everything;
 * kernel_config is the text of the kernel's configuration. */
struct encl_tree;
struct encl_image_config;
int encl_assemble(struct encl_env *env, const struct encl_manifest *m, const json_t *lock,
		  const char *kernel_config, struct encl_tree **tree,
		  struct encl_image_config *config, struct encl_err *e) ENCL_MUST_CHECK;

/* Puts /.enclave/{launch,config,manifest.digest} into the tree, and what
 * docker: asks for; d is filled in where it is given. */
struct encl_docker_build;
int encl_install_guest(struct encl_env *env, const struct encl_manifest *m,
		       const json_t *lock, const char *kernel_config,
		       const struct encl_image_config *config, struct encl_tree *tree,
		       struct encl_docker_build *d, struct encl_err *e) ENCL_MUST_CHECK;

/* The guest programs inside the tool; ENCL_HOST where this build lacks arch. */
struct encl_content;
int encl_guest_program(enum encl_arch arch, const char *name, struct encl_content *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
