/* SPDX-License-Identifier: Apache-2.0 */
/* What the local sources (archive, directory, file) share. */
#ifndef ENCL_SOURCES_LOCAL_H
#define ENCL_SOURCES_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "sources/source.h"

struct encl_local_owner {
	bool given;
	uint32_t uid;
	uint32_t gid;
};

/* What each kind is called with. */
struct encl_local {
	struct encl_env *env;
	const struct encl_manifest *m;
	const struct encl_layer *layer;
	struct encl_local_owner owner;
	const json_t *pin;	      /* emit */
	struct encl_entry_sink *sink; /* emit */
};

int encl_archive_lock(const struct encl_local *l, json_t **pin,
		      struct encl_err *e) ENCL_MUST_CHECK;
int encl_archive_emit(const struct encl_local *l, struct encl_err *e) ENCL_MUST_CHECK;
int encl_directory_lock(const struct encl_local *l, json_t **pin,
			struct encl_err *e) ENCL_MUST_CHECK;
int encl_directory_emit(const struct encl_local *l, struct encl_err *e) ENCL_MUST_CHECK;
int encl_file_lock(const struct encl_local *l, json_t **pin,
		   struct encl_err *e) ENCL_MUST_CHECK;
int encl_file_emit(const struct encl_local *l, struct encl_err *e) ENCL_MUST_CHECK;

/* The pin of one file, {"sha256", "size"}: made, and compared with what is
 * there now (ENCL_MISMATCH).  manifest_sha256 is the manifest's own or NULL. */
json_t *encl_local_pin(const struct encl_digest *sha256, uint64_t size);
int encl_local_check_pin(const json_t *pin, const char *what,
			 const struct encl_digest *sha256, uint64_t size,
			 struct encl_err *e) ENCL_MUST_CHECK;
/* For a pin whose digest fits and whose other words do not; always -1. */
int encl_local_fail_pin(const char *what, struct encl_err *e);
int encl_local_check_manifest(const char *manifest_sha256, const char *what,
			      const struct encl_digest *sha256,
			      struct encl_err *e) ENCL_MUST_CHECK;

/* "/opt/app/" and "./x" -> "opt/app/x"; malloc'ed, "." for the root. */
char *encl_local_join(const char *at, const char *path);

#endif
