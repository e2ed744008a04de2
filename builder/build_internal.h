/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of one build share. */
#ifndef ENCL_BUILD_INTERNAL_H
#define ENCL_BUILD_INTERNAL_H

#include "build.h"
#include "docker_build.h"
#include "ramdisk/ramdisk.h"
#include "rootfs/tree.h"
#include "sign/sign.h"
#include "sources/source.h"

/* Everything that one build holds open. */
struct encl_build {
	struct encl_env *env;
	const struct encl_manifest *m;
	json_t *lock;
	struct encl_image_config config;
	struct encl_kernel_files kernel;
	struct encl_tree *tree;
	struct encl_ramdisk *boot;
	struct encl_ramdisk *app;
	struct encl_key_signer *signer;
	char *detached; /* the certificate whose signature is made elsewhere, or NULL */
	struct encl_docker_build docker;
	bool nitro_cli; /* the app ramdisk as nitro-cli lays it out */
};

void encl_build_clear(struct encl_build *b);
ENCL_AUTO_VAL(struct encl_build, encl_build_clear);

/* All up to the planned ramdisks; b has env and m, and may have a lock that takes the
 * place of the one beside the manifest.  *init_bytes as of encl_build_ramdisks. */
int encl_build_prepare(struct encl_build *b, bool locked, bool *had_lock,
		       char **init_bytes, struct encl_err *e) ENCL_MUST_CHECK;

/* Loads the lock beside the manifest (or takes b's) and checks it, or resolves anew. */
int encl_build_lock(struct encl_build *b, bool locked, bool *had_lock,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* (build_images.c)  ENCL_MISMATCH where an image is named by a tag alone: without a
 * lock nothing says which one is meant. */
int encl_build_pinned(const struct encl_manifest *m, struct encl_err *e) ENCL_MUST_CHECK;
/* All that the images of registries lack in the cache, told at once. */
int encl_build_offline(const struct encl_build *b, struct encl_err *e) ENCL_MUST_CHECK;

/* Plans b->boot and b->app.  *init_bytes (released by the caller, after the
 * ramdisks) holds an init that is a file. */
int encl_build_ramdisks(struct encl_build *b, char **init_bytes,
			struct encl_err *e) ENCL_MUST_CHECK;

/* (build_nitro_cli.c)  ENCL_USAGE for what nitro-cli does not have. */
int encl_build_check_nitro_cli(const struct encl_manifest *m,
			       struct encl_err *e) ENCL_MUST_CHECK;
/* Plans b->app of the image's tree and config. */
int encl_build_app_nitro_cli(struct encl_build *b, struct encl_err *e) ENCL_MUST_CHECK;

/* (origins.c)  Of a build that is prepared. */
struct encl_origins;
int encl_build_owners(const struct encl_build *b, struct encl_origins **out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* {"proxyPort", "allow": [{"host" | "cidr", "ports": ["443"]}]} of network.egress
 * (new reference). */
json_t *encl_build_egress_json(const struct encl_manifest *m);

const char *encl_build_cmdline(const struct encl_build *b);

/* Bytes of both ramdisks in the image; compressed ones are compressed for it. */
int encl_build_packed(const struct encl_build *b, uint64_t *out,
		      struct encl_err *e) ENCL_MUST_CHECK;
/* Are the ramdisks' sizes known without that? */
bool encl_build_is_plain(const struct encl_build *b);

/* (build_memory.c)  What the planned image needs, size being that of the written one
 * (0: it is not). */
struct encl_memory;
int encl_build_memory(const struct encl_build *b, uint64_t size, struct encl_memory *out,
		      struct encl_err *e) ENCL_MUST_CHECK;
/* ENCL_USAGE where the manifest gives it less than it comes up with; a warning
 * where it is less than it may use. */
int encl_build_check_memory(const struct encl_build *b, const struct encl_memory *memory,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* Writes all sections to fd. */
int encl_build_image(struct encl_build *b, int fd, struct encl_eif_result *out,
		     struct encl_err *e) ENCL_MUST_CHECK;

#endif
