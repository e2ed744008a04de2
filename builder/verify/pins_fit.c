/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can an image have been built by a lock?  What the two say of the same things is
 * compared: the kernel, its modules, the programs, versions of packages.  It finds
 * the wrong lock; that nothing else went in is shown by building again alone.
 */
#include <string.h>

#include "verify/pins.h"

static bool
has_content(const struct encl_inventory *i, const struct encl_digest *sha256)
{
	for (size_t k = 0; k < i->n_items; k++)
		if (i->items[k].has_digest &&
		    encl_digest_equal(&i->items[k].digest, sha256))
			return true;
	return false;
}

/* A program stands in one place, if it is there (an image in nitro-cli's layout has
 * its own): false where that is another one. */
static bool
is_program(const struct encl_inventory *i, const struct encl_pin *p)
{
	const char *path = !strcmp(p->name, "init") ? "init" : "rootfs/.enclave/launch";

	for (size_t k = 0; k < i->n_ramdisks; k++) {
		const struct encl_item *item = encl_inventory_find(i, k, path);

		if (item &&
		    !(item->has_digest && encl_digest_equal(&item->digest, &p->digest)))
			return false;
	}
	return true;
}

/* A package of this name and architecture that has another version alone. */
static const struct encl_image_package *
other_version(const struct encl_inventory *i, const struct encl_pin *p)
{
	const struct encl_image_package *other = NULL;

	for (size_t k = 0; k < i->n_packages; k++) {
		const struct encl_image_package *q = &i->packages[k];

		if (strcmp(q->type, "deb") != 0 || strcmp(q->name, p->name) != 0 ||
		    !p->arch || !p->version || !q->arch || strcmp(q->arch, p->arch) != 0)
			continue;
		if (!strcmp(q->version, p->version))
			return NULL;
		other = q;
	}
	return other;
}

/* Later items may replace what earlier ones brought: a version that the lock has
 * anywhere will do. */
static bool
is_locked(const struct encl_pins *pins, const struct encl_image_package *q)
{
	for (size_t i = 0; i < pins->n; i++) {
		const struct encl_pin *p = &pins->v[i];

		if (p->kind == ENCL_PIN_PACKAGE && p->version &&
		    !strcmp(p->name, q->name) && !strcmp(p->version, q->version))
			return true;
	}
	return false;
}

static bool
is_inside_image(const struct encl_pin *p)
{
	return !strncmp(p->item, "docker.images[", 14) || !strcmp(p->item, "kernel");
}

int
encl_pins_fit(const struct encl_pins *pins, const struct encl_inventory *i,
	      const char *what, struct encl_err *e)
{
	for (size_t k = 0; k < pins->n; k++) {
		const struct encl_pin *p = &pins->v[k];
		const struct encl_image_package *other = NULL;

		if (p->kind == ENCL_PIN_KERNEL &&
		    !encl_digest_equal(&p->digest, &i->kernel))
			return encl_fail(e, ENCL_MISMATCH,
					 "%s is not what %s was built by: its kernel is "
					 "another",
					 what, i->eif->path);
		if ((p->kind == ENCL_PIN_MODULE && !has_content(i, &p->digest)) ||
		    (p->kind == ENCL_PIN_PROGRAM && !is_program(i, p)))
			return encl_fail(e, ENCL_MISMATCH,
					 "%s is not what %s was built by: its %s \"%s\" "
					 "is not in it",
					 what, i->eif->path, encl_pin_kind_name(p->kind),
					 p->name);
		if (p->kind == ENCL_PIN_PACKAGE && !is_inside_image(p))
			other = other_version(i, p);
		if (other && !is_locked(pins, other))
			return encl_fail(e, ENCL_MISMATCH,
					 "%s is not what %s was built by: it has %s %s, "
					 "the image has %s",
					 what, i->eif->path, p->name, p->version,
					 other->version);
	}
	return 0;
}
