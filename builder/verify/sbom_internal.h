/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that collect a bill of materials share. */
#ifndef ENCL_VERIFY_SBOM_INTERNAL_H
#define ENCL_VERIFY_SBOM_INTERNAL_H

#include "verify/pins.h"
#include "verify/sbom.h"

#define ENCL_COMPONENT_NONE SIZE_MAX

struct encl_sbom_collector {
	const struct encl_sbom_request *r;
	struct encl_sbom *out;
	struct encl_pins pins; /* empty without a lock */
	size_t kernel;	       /* components, by index */
	size_t kernel_package;
	size_t tool;
};

/* Copies what one says; id is made of kind, name and key, which tells those of one
 * name apart.  The index of what there is already of that id. */
size_t encl_sbom_add(struct encl_sbom_collector *c, const struct encl_component *one,
		     const char *key);
/* own_text into the arena. */
const char *encl_sbom_keep(struct encl_sbom_collector *c, char *own_text);

/* (sbom_lock.c)  What only the lock knows: images, layers, archives, the kernel's
 * package, the digests of .deb files. */
void encl_sbom_lock(struct encl_sbom_collector *c);

/* (sbom_files.c)  Files that are of no package. */
int encl_sbom_files(struct encl_sbom_collector *c, struct encl_err *e) ENCL_MUST_CHECK;

#endif
