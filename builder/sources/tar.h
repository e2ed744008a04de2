/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An uncompressed tar (v7, ustar, pax, GNU) to entries, in one pass over its
 * bytes: the digest covers every byte to the end, also what comes after the
 * end-of-archive blocks; contents are references into the tar itself.
 */
#ifndef ENCL_SOURCES_TAR_H
#define ENCL_SOURCES_TAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "sources/entry.h"

enum { ENCL_TAR_MAX_ENTRIES = 1000000 };
#define ENCL_TAR_MAX_BYTES (UINT64_C(16) << 30)

struct encl_tar {
	struct encl_blob *blob;
	uint64_t offset; /* of the tar in the blob */
	uint64_t size;
	enum encl_algo algo; /* of the digest; 0 is SHA-256 */
	const char *what;    /* for errors and progress: "layer sha256:…" */
	/* How entries are changed on their way (archives); zeroed: not at all. */
	const char *at; /* folder that they land in; or NULL */
	unsigned strip; /* leading components dropped; entries with fewer are */
	bool set_owner;
	uint32_t uid, gid;
	bool set_mtime;
	int64_t mtime;
};

/*
 * Calls sink->add for every entry (begin and end are the caller's) and gives
 * the digest of the size bytes.  The entries count only if the caller finds
 * the digest right: it comes after them.  Sparse files are expanded into the
 * cache.  ENCL_FAILED, naming the entry, for what is damaged, of an unknown
 * type, or over a limit.
 */
int encl_tar_scan(struct encl_env *env, const struct encl_tar *tar,
		  struct encl_entry_sink *sink, struct encl_digest *digest,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
