/* SPDX-License-Identifier: Apache-2.0 */
/* A user of the image, by the image's own /etc/passwd and /etc/group. */
#ifndef ENCL_ROOTFS_USER_H
#define ENCL_ROOTFS_USER_H

#include "rootfs/passwd.h"
#include "rootfs/tree.h"

/* spec and failures as encl_passwd_lookup; the files may be links inside the
 * image, and are of at most 1 MiB. */
int encl_user_resolve(struct encl_tree *t, const char *spec, struct encl_user *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
