/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a kernel, wherever they are, before any of them is judged. */
#ifndef ENCL_SOURCES_KERNEL_GATHER_H
#define ENCL_SOURCES_KERNEL_GATHER_H

#include <jansson.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/entry.h"
#include "sources/kernel_image.h"
#include "sources/kernel_modules.h"

enum { ENCL_KERNEL_MAX = 256 << 20, ENCL_KERNEL_BLOB_MAX = 64 << 20 };

struct encl_kernel_found {
	/* each holds a reference; blob NULL: not there */
	struct encl_content image, config, init, nsm_ko, cmdline;
	const char *image_name; /* "bzImage"; in arena */
	char *config_text;	/* checked */
	char *cmdline_text;	/* trimmed; NULL: none */
	struct encl_kernel_image info;
	struct encl_module_index modules;
	struct encl_arena *arena;
};
void encl_kernel_found_clear(struct encl_kernel_found *f);
ENCL_AUTO_VAL(struct encl_kernel_found, encl_kernel_found_clear);

/*
 * Opens what boot.kernel names (deb_pin: of encl_deb_lock, for a package),
 * recognises the image, reads and checks the configuration.
 */
int encl_kernel_gather(struct encl_env *env, const struct encl_manifest *m,
		       const json_t *deb_pin, struct encl_kernel_found *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

#endif
