/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Debian's maintainer scripts would have done.  They are never run:
 * their effects on a first installation are made here, from tables and from
 * the files that packages declare them in (sysusers.d, tmpfiles.d, literal
 * update-alternatives lines), and what is not known is reported.
 */
#ifndef ENCL_ROOTFS_DEBIAN_H
#define ENCL_ROOTFS_DEBIAN_H

#include <stdbool.h>

#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/source.h"

struct encl_tree;
struct encl_log;

/* Before packages go in: the usr-merge links that the architecture needs.  A
 * folder that a lower layer has in place of one stays, with a warning. */
int encl_debian_prepare(struct encl_tree *t, enum encl_arch arch,
			struct encl_err *e) ENCL_MUST_CHECK;

/*
 * After them.  ENCL_USAGE for a choice in `alternatives` that there is not;
 * with strict ENCL_FAILED where a script is not known, else a warning.
 */
int encl_debian_finish(struct encl_tree *t, const struct encl_layer_packages *p,
		       const struct encl_package_set *s, struct encl_log *log,
		       bool strict, struct encl_err *e) ENCL_MUST_CHECK;

/* What became of a package's preinst or postinst. */
enum encl_script {
	ENCL_SCRIPT_NONE,     /* there is none */
	ENCL_SCRIPT_HARMLESS, /* nothing that an enclave misses */
	ENCL_SCRIPT_HANDLED,  /* its effects are made here */
	ENCL_SCRIPT_UNHANDLED
};
/* name is "preinst" or "postinst". */
enum encl_script encl_debian_script(const struct encl_package *p, const char *name);

/* What is left of a script without comments, debhelper's known sections and
 * the frame that every script has; malloc'ed.  *known is false where a
 * section is not a known one. */
char *encl_debian_residue(const struct encl_package *p, const char *script, bool *known);

#endif
