/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content-addressed cache: $XDG_CACHE_HOME/enclavebuild (0700).
 *
 *	blobs/sha256/<hex>		content, verified when it is opened
 *	links/<kind>/<sha256 of key>	"sha256:<hex>\n": derived or fetched content
 *	partial/<algo>-<hex>		downloads, locked by who writes them
 *	tmp/				what is being written
 *
 * Safe under parallel use: entries appear by rename and never change.
 */
#ifndef ENCL_SOURCES_CACHE_H
#define ENCL_SOURCES_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"
#include "base/tmpfile.h"

struct encl_cache;
struct encl_log;

/* dir NULL: the default folder.  Created where it is missing; ENCL_HOST where
 * others may write to it. */
int encl_cache_open(const char *dir, struct encl_cache **out,
		    struct encl_err *e) ENCL_MUST_CHECK;
void encl_cache_free(struct encl_cache *c);
ENCL_AUTO_PTR(struct encl_cache, encl_cache_free);
const char *encl_cache_dir(const struct encl_cache *c);

/*
 * Opens a blob read-only and hashes it: *fd is -1 (and 0 is returned) where
 * it is not there.  A blob whose bytes do not match is removed and counts as
 * not there (a warning to log).
 */
int encl_cache_get(struct encl_cache *c, const struct encl_digest *digest,
		   struct encl_log *log, int *fd, uint64_t *size,
		   struct encl_err *e) ENCL_MUST_CHECK;
/* As get, without hashing: for a caller that hashes every byte as it reads. */
int encl_cache_get_unverified(struct encl_cache *c, const struct encl_digest *digest,
			      int *fd, uint64_t *size,
			      struct encl_err *e) ENCL_MUST_CHECK;

/* Writing: bytes go to sink; commit names the blob by its sha256. */
struct encl_cache_writer {
	struct encl_sink sink;
	struct encl_cache *cache; /* NULL: nothing to clear */
	struct encl_hash *hash;
	struct encl_tmpfile file;
	uint64_t size;
	uint64_t max; /* more bytes are an error */
	char *what;
};
int encl_cache_write(struct encl_cache *c, struct encl_cache_writer *w, uint64_t max,
		     const char *what, struct encl_err *e) ENCL_MUST_CHECK;
/* expected NULL: any; else ENCL_FAILED "WHAT: digest mismatch: want …, got …".
 * *fd (may be NULL) is the blob, open read-only. */
int encl_cache_commit(struct encl_cache_writer *w, const struct encl_digest *expected,
		      struct encl_digest *digest, int *fd,
		      struct encl_err *e) ENCL_MUST_CHECK;
void encl_cache_writer_clear(struct encl_cache_writer *w);
ENCL_AUTO_VAL(struct encl_cache_writer, encl_cache_writer_clear);

/*
 * A blob that is downloaded by its digest, once for all processes that want it
 * at the same time, and that goes on where a killed one stopped.  Bytes go to
 * sink; done of them are there.  Not safe to be moved once it is open.
 */
struct encl_cache_partial {
	struct encl_sink sink;
	struct encl_cache *cache; /* NULL: nothing to clear */
	struct encl_digest want;
	struct encl_hash *hash;	  /* by want's algorithm */
	struct encl_hash *sha256; /* the blob's name; NULL where hash is that */
	int fd;
	char *path;
	char *what;
	uint64_t size; /* that it shall have; UINT64_MAX: any up to max */
	uint64_t max;  /* with an unknown size */
	uint64_t done; /* on open: what was there already */
};
/* Waits while another process or thread has it open.  *there: the cache has the
 * blob (by now), and p is not open. */
int encl_cache_partial_open(struct encl_cache *c, struct encl_log *log,
			    const struct encl_digest *want, uint64_t size, uint64_t max,
			    const char *what, struct encl_cache_partial *p, bool *there,
			    struct encl_err *e) ENCL_MUST_CHECK;
/* Drops what is there: done is 0. */
int encl_cache_partial_restart(struct encl_cache_partial *p,
			       struct encl_err *e) ENCL_MUST_CHECK;
/* Size and digest are what they shall be, else ENCL_FAILED and the bytes are
 * dropped; then the blob is in the cache.  p can only be cleared afterwards. */
int encl_cache_partial_commit(struct encl_cache_partial *p,
			      struct encl_err *e) ENCL_MUST_CHECK;
/* What was not committed stays for the next one. */
void encl_cache_partial_clear(struct encl_cache_partial *p);
ENCL_AUTO_VAL(struct encl_cache_partial, encl_cache_partial_clear);

/*
 * As encl_cache_get and get_unverified, by a digest of any algorithm: what came
 * by another than sha256 is found through a link.
 */
int encl_cache_find(struct encl_cache *c, const struct encl_digest *digest, int *fd,
		    uint64_t *size, struct encl_err *e) ENCL_MUST_CHECK;

/* Removes a blob whose bytes turned out not to match. */
void encl_cache_remove(struct encl_cache *c, const struct encl_digest *digest);

/* A file without a name, open for reading and writing, gone when it is closed. */
int encl_cache_scratch(struct encl_cache *c, int *fd, struct encl_err *e) ENCL_MUST_CHECK;

/* Links: found is false where there is none. */
int encl_cache_link_get(struct encl_cache *c, const char *kind, const char *key,
			struct encl_digest *out, bool *found,
			struct encl_err *e) ENCL_MUST_CHECK;
int encl_cache_link_set(struct encl_cache *c, const char *kind, const char *key,
			const struct encl_digest *digest,
			struct encl_err *e) ENCL_MUST_CHECK;

/* `cache du|verify|prune` */
struct encl_cache_stats {
	uint64_t blobs, bytes; /* seen */
	uint64_t bad_blobs;    /* verify: removed because their bytes did not match */
	uint64_t removed_blobs, removed_bytes; /* prune */
};
int encl_cache_du(struct encl_cache *c, struct encl_cache_stats *s,
		  struct encl_err *e) ENCL_MUST_CHECK;
int encl_cache_verify(struct encl_cache *c, struct encl_log *log,
		      struct encl_cache_stats *s, struct encl_err *e) ENCL_MUST_CHECK;
/* Removes blobs not used (opened) for older_than_days (0: all), links to
 * nothing, and what a killed process left in tmp/ more than a day ago. */
int encl_cache_prune(struct encl_cache *c, unsigned older_than_days,
		     struct encl_cache_stats *s, struct encl_err *e) ENCL_MUST_CHECK;

#endif
