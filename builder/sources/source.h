/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources: each turns an item of the manifest into a pin (what the lock
 * keeps: digests, sizes, no host names, no absolute paths) and a pin into
 * entries.  `lock` may use the network and moves; `emit` only takes what the
 * pin names and fails with ENCL_MISMATCH where a local input differs from it.
 * Both verify every byte that they use against its digest.
 *
 * A pin is a JSON object.  Fetched things are in the cache after `lock`;
 * `emit` fetches them by digest where they are not (not with env->offline:
 * ENCL_NETWORK, naming every missing digest at once).
 */
#ifndef ENCL_SOURCES_SOURCE_H
#define ENCL_SOURCES_SOURCE_H

#include <jansson.h>

#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/entry.h"

/* What an image's config says of its process (all NULL/0 where absent). */
struct encl_image_config {
	struct encl_strings entrypoint;
	struct encl_strings cmd;
	struct encl_strings env; /* "K=V" */
	const char *workdir;
	const char *user;
	const char *stop_signal;
	struct encl_arena *arena; /* owns all of it */
};
void encl_image_config_clear(struct encl_image_config *c);
ENCL_AUTO_VAL(struct encl_image_config, encl_image_config_clear);

/* One package as it was taken, for fixups, dpkg status and the report. */
struct encl_package {
	const char *name;
	const char *version;
	const char *arch;
	const char *stanza;    /* the control file's text, without final newline */
	const char *md5sums;   /* text or NULL */
	const char *conffiles; /* text or NULL */
	/* maintainer scripts that exist, by name; their text */
	const char *preinst, *postinst, *prerm, *postrm, *config, *triggers;
};
struct encl_package_set {
	struct encl_package *v;
	size_t n;
	struct encl_arena *arena;
};
void encl_package_set_clear(struct encl_package_set *s);
ENCL_AUTO_VAL(struct encl_package_set, encl_package_set_clear);

/* image: OCI layout, oci-archive, docker-archive, a daemon's or a registry's;
 * of the last, old_pin (or NULL) stays.  *config gets the image's. */
int encl_image_lock(struct encl_env *env, const struct encl_manifest *m,
		    const struct encl_layer *layer, const json_t *old_pin, json_t **pin,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_image_emit(struct encl_env *env, const struct encl_manifest *m,
		    const struct encl_layer *layer, const json_t *pin,
		    struct encl_entry_sink *sink, struct encl_image_config *config,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* packages.  *set gets what was installed, sorted by name; the sink gets one
 * layer a package, in that order.  The effects of maintainer scripts are made
 * by rootfs/debian.c afterwards, the usr-merge links by it before. */
int encl_packages_lock(struct encl_env *env, const struct encl_manifest *m,
		       const struct encl_layer_packages *packages, const json_t *old_pin,
		       json_t **pin, struct encl_err *e) ENCL_MUST_CHECK;
int encl_packages_emit(struct encl_env *env, const struct encl_manifest *m,
		       const struct encl_layer_packages *packages, const json_t *pin,
		       struct encl_entry_sink *sink, struct encl_package_set *set,
		       struct encl_err *e) ENCL_MUST_CHECK;

/*
 * archive, directory, file.  lock hashes them; emit checks and emits.  Where
 * layer->owner is given it is "uid:gid" in numbers for emit: names are looked
 * up in the image by the caller.
 */
int encl_local_lock(struct encl_env *env, const struct encl_manifest *m,
		    const struct encl_layer *layer, json_t **pin,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_local_emit(struct encl_env *env, const struct encl_manifest *m,
		    const struct encl_layer *layer, const json_t *pin,
		    struct encl_entry_sink *sink, struct encl_err *e) ENCL_MUST_CHECK;

/* kernel.  lock: the package of old_pin (may be NULL) stays. */
struct encl_module {
	char *name;		     /* "virtio_mmio" */
	struct encl_content content; /* the .ko, uncompressed; holds a reference */
};
struct encl_kernel_files {
	struct encl_content image; /* bzImage or arm64 Image */
	char *config;		   /* text of the kernel's configuration */
	char *release;		   /* "6.1.0-40-cloud-amd64", or "" where unknown */
	/* in load order (dependencies first); nsm apart in nsm_ko for blobs */
	struct encl_module *modules;
	size_t n_modules;
	struct encl_content nsm_ko;   /* size 0: none */
	struct encl_content aws_init; /* blobs: the init blob; size 0: none */
	char *blobs_cmdline;	      /* blobs: trimmed text of cmdline; or NULL */
};
void encl_kernel_files_clear(struct encl_kernel_files *k);
ENCL_AUTO_VAL(struct encl_kernel_files, encl_kernel_files_clear);

int encl_kernel_lock(struct encl_env *env, const struct encl_manifest *m,
		     const json_t *old_pin, json_t **pin,
		     struct encl_err *e) ENCL_MUST_CHECK;
int encl_kernel_open(struct encl_env *env, const struct encl_manifest *m,
		     const json_t *pin, struct encl_kernel_files *out,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* One Debian package by name from one apt source (used for kernels): its pin,
 * and its data.tar's entries.  The closure is not followed, but a dependency
 * whose name begins with the prefix follow is (linux-image-cloud-amd64 depends
 * on linux-image-6.1.0-…); pin lists what was taken. */
int encl_deb_lock(struct encl_env *env, const struct encl_manifest *m,
		  const struct encl_apt_source *source, const char *package,
		  const char *follow, json_t **pin, struct encl_err *e) ENCL_MUST_CHECK;
int encl_deb_emit(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
		  struct encl_entry_sink *sink, struct encl_err *e) ENCL_MUST_CHECK;

#endif
