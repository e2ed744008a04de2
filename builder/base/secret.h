/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that held a password or token and is zeroed before it is released. */
#ifndef ENCL_BASE_SECRET_H
#define ENCL_BASE_SECRET_H

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

/* Text from malloc; NULL is fine. */
void encl_secret_free(char *s);
ENCL_AUTO_PTR(char, encl_secret_free);

/* A buffer whose memory is all there from the start, so that growing leaves no
 * copy behind; and its end. */
void encl_secret_buf_init(struct encl_buf *b, size_t cap);
void encl_secret_buf_clear(struct encl_buf *b);
ENCL_AUTO_VAL(struct encl_buf, encl_secret_buf_clear);

/* As encl_json_parse; an error says where, but shows nothing of the text. */
int encl_secret_json_parse(const char *text, size_t n, const char *what, json_t **out,
			   struct encl_err *e) ENCL_MUST_CHECK;
/* Zeroes every string in it first: for a document that nobody else holds. */
void encl_secret_json_free(json_t *v);
ENCL_AUTO_PTR(json_t, encl_secret_json_free);

#endif
