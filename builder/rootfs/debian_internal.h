/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that replace maintainer scripts share. */
#ifndef ENCL_ROOTFS_DEBIAN_INTERNAL_H
#define ENCL_ROOTFS_DEBIAN_INTERNAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "rootfs/debian.h"
#include "rootfs/tree.h"

struct encl_debian {
	struct encl_tree *tree;
	const struct encl_layer_packages *options;
	const struct encl_package_set *set;
	struct encl_log *log;
	/* the account files' text, by debian_accounts.c */
	struct encl_buf passwd, group, shadow, gshadow;
	bool shadow_known; /* shadow files are kept */
};

const struct encl_package *encl_debian_package(const struct encl_debian *d,
					       const char *name);

/* One part of the work is one layer, named in listings. */
int encl_debian_begin(struct encl_debian *d, const char *name,
		      struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_end(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;

/* Paths have no leading slash.  They replace what is there, but for dir. */
int encl_debian_file(struct encl_debian *d, const char *path, uint32_t mode, uint32_t gid,
		     const char *text, size_t n, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_link(struct encl_debian *d, const char *path, const char *target,
		     struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_dir(struct encl_debian *d, const char *path, uint32_t mode, uint32_t uid,
		    uint32_t gid, struct encl_err *e) ENCL_MUST_CHECK;
/* Another owner and mode for what is there (links followed); nothing where it
 * is not there. */
int encl_debian_own(struct encl_debian *d, const char *path, uint32_t mode, uint32_t uid,
		    uint32_t gid, struct encl_err *e) ENCL_MUST_CHECK;
/* A small file's text; *text is NULL where it is not there. */
int encl_debian_read(struct encl_debian *d, const char *path, char **text, size_t *n,
		     struct encl_err *e) ENCL_MUST_CHECK;
bool encl_debian_exists(struct encl_debian *d, const char *path);

/* Calls fn for the text of each file of a folder whose name ends in suffix, in
 * byte order. */
int encl_debian_each(struct encl_debian *d, const char *folder, const char *suffix,
		     int (*fn)(struct encl_debian *d, const char *name, char *text,
			       struct encl_err *e),
		     struct encl_err *e) ENCL_MUST_CHECK;

/* Accounts that packages make in their scripts, with ids of ours. */
struct encl_debian_user {
	const char *package;
	const char *name;
	uint32_t id;	   /* of the group too */
	const char *home;  /* NULL: a group only */
	const char *shell; /* NULL: /usr/sbin/nologin */
	const char *group; /* another primary group; NULL: its own */
};
extern const struct encl_debian_user encl_debian_users[];
extern const size_t encl_debian_n_users;

/* Other effects. */
enum encl_debian_op {
	ENCL_DEBIAN_DIR,  /* folder, where it is not there */
	ENCL_DEBIAN_FILE, /* file with the text of arg, where it is not there */
	ENCL_DEBIAN_COPY, /* of the file arg, where it is not there */
	ENCL_DEBIAN_LINK, /* to arg, where it is not there */
	ENCL_DEBIAN_MOVE, /* folder without content becomes a link to arg */
	ENCL_DEBIAN_OWN	  /* owner and mode of what is there */
};
struct encl_debian_effect {
	const char *package; /* "" : always */
	enum encl_debian_op op;
	const char *path;
	const char *arg;
	uint32_t mode;
	const char *owner; /* "user:group"; NULL: 0:0 */
};
extern const struct encl_debian_effect encl_debian_effects[];
extern const size_t encl_debian_n_effects;

/* The scripts that somebody has read: debian_known.c. */
struct encl_debian_known {
	const char *package;
	const char *script;
	const char *hash; /* 16 hex digits of the sha256 of the residue */
	enum encl_script verdict;
};
extern const struct encl_debian_known encl_debian_known[];
extern const size_t encl_debian_n_known;

/* The parts, in their order. */
int encl_debian_accounts(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_apply(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_alternatives(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_certificates(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_libraries(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_status(struct encl_debian *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_debian_scripts(struct encl_debian *d, bool strict,
			struct encl_err *e) ENCL_MUST_CHECK;

/* Ids of a name in the account files: false where it is not there. */
bool encl_debian_uid(const struct encl_debian *d, const char *name, uint32_t *uid);
bool encl_debian_gid(const struct encl_debian *d, const char *name, uint32_t *gid);

#endif
