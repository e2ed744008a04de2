/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing bytes with a hard cap given at init.  Errors latch: after the cap
 * was hit further appends do nothing and encl_buf_check() reports it once.
 */
#ifndef ENCL_BASE_BUF_H
#define ENCL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_buf {
	uint8_t *data; /* always followed by a NUL that is not counted in len */
	size_t len;
	size_t room;
	size_t cap;
	bool over;
};

void encl_buf_init(struct encl_buf *b, size_t cap);
void encl_buf_clear(struct encl_buf *b); /* releases; b is reusable with the same cap */
ENCL_AUTO_VAL(struct encl_buf, encl_buf_clear);

void encl_buf_add(struct encl_buf *b, const void *p, size_t n);
void encl_buf_add_byte(struct encl_buf *b, uint8_t c);
void encl_buf_add_str(struct encl_buf *b, const char *s);
void encl_buf_add_fmt(struct encl_buf *b, const char *fmt, ...) ENCL_PRINTF(2, 3);
void encl_buf_be16(struct encl_buf *b, uint16_t v);
void encl_buf_be32(struct encl_buf *b, uint32_t v);
void encl_buf_be64(struct encl_buf *b, uint64_t v);

/* The content as text: never NULL, valid until the next append. */
const char *encl_buf_text(const struct encl_buf *b);

/* Moves the memory out (release with free); b is empty afterwards. */
uint8_t *encl_buf_steal(struct encl_buf *b, size_t *len);

/* ENCL_FAILED "WHAT is larger than CAP bytes" where the cap was hit. */
int encl_buf_check(const struct encl_buf *b, const char *what,
		   struct encl_err *e) ENCL_MUST_CHECK;

#endif
