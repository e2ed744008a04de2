/* SPDX-License-Identifier: Apache-2.0 */
/*
 * USER as Docker means it, over the text of /etc/passwd and /etc/group: a
 * number is always an id, anything else a name; both files may be missing
 * where only numbers are given.
 */
#ifndef ENCL_ROOTFS_PASSWD_H
#define ENCL_ROOTFS_PASSWD_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_user {
	uint32_t uid;
	uint32_t gid;
	uint32_t *groups; /* gid first, then those that the user is a member of */
	size_t n_groups;
	char *home; /* "/" where the files do not say */
};
void encl_user_clear(struct encl_user *u); /* a zeroed struct is fine */
ENCL_AUTO_VAL(struct encl_user, encl_user_clear);

/* A file's text; NULL where the image has none. */
struct encl_passwd {
	const char *passwd;
	size_t passwd_len;
	const char *group;
	size_t group_len;
};

/*
 * "user", "user:group", ":group"; "" and NULL are root.  Memberships count
 * only where no group is given.  ENCL_USAGE where a name is not there,
 * ENCL_FAILED where the line of the one wanted is malformed; other malformed
 * lines are passed over, as libc does.
 */
int encl_passwd_lookup(const struct encl_passwd *files, const char *spec,
		       struct encl_user *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
