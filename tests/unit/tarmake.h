/* SPDX-License-Identifier: Apache-2.0 */
/* Tars made by hand, right and wrong, for tests of what reads them. */
#ifndef ENCL_TEST_TARMAKE_H
#define ENCL_TEST_TARMAKE_H

#include <stdint.h>

#include "base/buf.h"

struct tar_member {
	const char *name; /* at most 100 bytes */
	char type;	  /* '0' when 0 */
	unsigned mode;	  /* 0644 when 0 */
	uint64_t uid, gid;
	int64_t mtime;
	const char *link;
	const char *data; /* text */
	uint64_t size;	  /* of data; 0: strlen(data) */
	unsigned major, minor;
};
/* One ustar header with its data; numbers that do not fit are base 256. */
void tar_add(struct encl_buf *b, struct tar_member m);
/* A pax header for the next member: records "key=value". */
void tar_pax(struct encl_buf *b, const char *const *records);
/* A GNU long name ('L') or long link ('K') for the next member. */
void tar_gnu_long(struct encl_buf *b, char type, const char *text);
/* Two zero blocks. */
void tar_end(struct encl_buf *b);
/* Sum over the header that starts at `at`, after it was changed by hand. */
void tar_sum(struct encl_buf *b, size_t at);

#endif
