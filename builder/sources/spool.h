/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where content goes that cannot be read in place later: many small files
 * (each would need an open descriptor) and sparse files.  One scratch file of
 * the cache, made when it is first needed, gone when the last blob is.
 */
#ifndef ENCL_SOURCES_SPOOL_H
#define ENCL_SOURCES_SPOOL_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/stream.h"
#include "sources/entry.h"

struct encl_cache;

struct encl_spool {
	struct encl_sink sink; /* appends */
	struct encl_cache *cache;
	struct encl_blob *blob; /* NULL until something was written */
	uint64_t max;		/* more bytes are an error */
	const char *what;	/* borrowed; for errors */
};
void encl_spool_init(struct encl_spool *s, struct encl_cache *cache, uint64_t max,
		     const char *what);
void encl_spool_clear(struct encl_spool *s);
ENCL_AUTO_VAL(struct encl_spool, encl_spool_clear);

/* Bytes that were appended so far: the offset of what comes next. */
uint64_t encl_spool_size(const struct encl_spool *s);

#endif
