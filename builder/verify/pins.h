/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that a lock pins, as one list: packages, images and their layers, archives,
 * folders, files, the kernel and its modules, the tool's own programs.
 */
#ifndef ENCL_VERIFY_PINS_H
#define ENCL_VERIFY_PINS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "verify/inventory.h"

enum encl_pin_kind {
	ENCL_PIN_RELEASE, /* an InRelease file that packages were chosen by */
	ENCL_PIN_PACKAGE, /* a .deb */
	ENCL_PIN_INDEX,	  /* of an image: index, manifest, config, layers */
	ENCL_PIN_MANIFEST,
	ENCL_PIN_CONFIG,
	ENCL_PIN_LAYER,
	ENCL_PIN_ARCHIVE,
	ENCL_PIN_DIRECTORY, /* digest: of the tree (docs/2-sources.md) */
	ENCL_PIN_FILE,
	ENCL_PIN_KERNEL,
	ENCL_PIN_KERNEL_FILE, /* config, cmdline, init, nsm.ko that came with it */
	ENCL_PIN_MODULE,
	ENCL_PIN_PROGRAM /* init, launch: of the tool, or a file of the manifest */
};
/* "package", "image manifest", …: for people */
const char *encl_pin_kind_name(enum encl_pin_kind kind);

/* Texts are the arena's; they are the lock's words, which are from outside. */
struct encl_pin {
	enum encl_pin_kind kind;
	const char *item;	/* "rootfs[0]", "docker.images[1].rootfs[0]", "kernel" */
	const char *name;	/* without the folder where it stood */
	const char *version;	/* packages; the kernel's release; or NULL */
	const char *arch;	/* packages; or NULL */
	const char *suite;	/* packages, releases; or NULL */
	const char *filename;	/* packages: "pool/main/…"; or NULL */
	const char *media_type; /* layers; or NULL */
	const char *reference;	/* manifests of registries' images: the whole; or NULL */
	struct encl_digest digest;
	struct encl_digest diff_id; /* layers: of what is in it; has_diff_id */
	bool has_diff_id;
};
struct encl_pins {
	struct encl_pin *v; /* in the lock's order */
	size_t n;
	struct encl_arena *arena;
};
void encl_pins_clear(struct encl_pins *p);
ENCL_AUTO_VAL(struct encl_pins, encl_pins_clear);

/* ENCL_MISMATCH where a digest that must be there is none. */
int encl_pins_read(const json_t *lock, struct encl_pins *out,
		   struct encl_err *e) ENCL_MUST_CHECK;

/*
 * ENCL_MISMATCH where the image cannot be of this lock, what being its name: another
 * kernel, a module or program that is not inside, another version of a package.
 */
int encl_pins_fit(const struct encl_pins *pins, const struct encl_inventory *i,
		  const char *what, struct encl_err *e) ENCL_MUST_CHECK;

#endif
