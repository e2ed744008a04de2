/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: big data is never whole in memory.  A sink takes bytes; struct
 * encl_sink is embedded first in what implements it.
 */
#ifndef ENCL_BASE_STREAM_H
#define ENCL_BASE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

struct encl_sink {
	int (*write)(struct encl_sink *s, const void *p, size_t n, struct encl_err *e);
};

int encl_sink_write(struct encl_sink *s, const void *p, size_t n,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_sink_zeros(struct encl_sink *s, uint64_t n, struct encl_err *e) ENCL_MUST_CHECK;

/* To a descriptor (borrowed) at its position; what names it in errors. */
struct encl_sink_fd {
	struct encl_sink sink;
	int fd;
	const char *what;
};
void encl_sink_fd_init(struct encl_sink_fd *s, int fd, const char *what);

/* Counts and hashes what goes by to next (next may be NULL: counts only). */
struct encl_sink_digest {
	struct encl_sink sink;
	struct encl_sink *next;
	struct encl_hash *hash; /* borrowed */
	uint64_t size;
	uint64_t max; /* more is an error: "WHAT is larger than MAX bytes" */
	const char *what;
};
void encl_sink_digest_init(struct encl_sink_digest *s, struct encl_hash *hash,
			   struct encl_sink *next, uint64_t max, const char *what);

/* Into a struct encl_buf (borrowed); its cap is an error. */
struct encl_buf;
struct encl_sink_buf {
	struct encl_sink sink;
	struct encl_buf *buf;
	const char *what;
};
void encl_sink_buf_init(struct encl_sink_buf *s, struct encl_buf *buf, const char *what);

/* pread/pwrite of exactly n bytes; end of file is "unexpected end of WHAT". */
int encl_pread_full(int fd, void *p, size_t n, uint64_t off, const char *what,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_pwrite_full(int fd, const void *p, size_t n, uint64_t off, const char *what,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* A whole small file; larger than max is an error.  The result ends in a NUL
 * that is not counted; release with free. */
int encl_read_file(const char *path, size_t max, char **out, size_t *len,
		   struct encl_err *e) ENCL_MUST_CHECK;

#endif
