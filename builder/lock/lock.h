/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enclave.lock: every input by digest (docs/lock.md).  JSON in a fixed order,
 * made to be read in a diff.  Each part keeps the manifest's own words
 * ("item", without what only says how to fetch it) beside what they were
 * resolved to ("pin"), so a stale lock can name the keys that changed.
 */
#ifndef ENCL_LOCK_LOCK_H
#define ENCL_LOCK_LOCK_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "manifest/manifest.h"

enum { ENCL_LOCK_VERSION = 1, ENCL_COMPAT = 1, ENCL_LOCK_MAX = 64 << 20 };

/* "enclave.lock" beside "enclave.yaml"; malloc'ed. */
char *encl_lock_path(const struct encl_manifest *m);

/* *out is NULL (and 0 returned) where there is no such file.  Unknown keys,
 * another lockVersion or compat are errors: ENCL_MISMATCH. */
int encl_lock_read(const char *path, json_t **out, struct encl_err *e) ENCL_MUST_CHECK;
int encl_lock_write(const char *path, const json_t *lock,
		    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The manifest's words that decide content, from its canonical form: mirror,
 * keyring and checkValidUntil left out, for they decide only the way.  New
 * reference: {"arch", "rootfs": [...], "kernel", "init", "ramdisk"} and, where it
 * is given, "docker": {"engine", "images": [...]}.
 */
json_t *encl_lock_items(const json_t *canonical);

/* A new lock of items and nothing pinned yet; each of "rootfs", of docker's
 * "images", its "engine" and "kernel" is a part {"item", "pin"}. */
json_t *encl_lock_new(const json_t *items);

/*
 * The paths of the keys in which the items of the lock differ from items,
 * comma-separated into changed (empty: the lock is fresh).
 */
void encl_lock_compare(const json_t *lock, const json_t *items, struct encl_buf *changed);

/* Pin of an equal item of an old lock, wherever it stands; borrowed or NULL. */
const json_t *encl_lock_find(const json_t *lock, const json_t *item);

/* Calls fn for each path in which two JSON values differ; an absent value is
 * NULL.  Lists of plain words differ as a whole. */
void encl_json_differences(const json_t *a, const json_t *b, const char *path,
			   void (*fn)(void *arg, const char *path, const json_t *a,
				      const json_t *b),
			   void *arg);

#endif
