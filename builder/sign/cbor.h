/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The little of CBOR (RFC 8949) that signature sections and attestation documents
 * are made of, by libcbor's encoder and streaming decoder: nothing is allocated, so
 * what a head promises costs nothing.
 */
#ifndef ENCL_SIGN_CBOR_H
#define ENCL_SIGN_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void encl_cbor_add_uint(struct encl_buf *b, uint64_t v);
void encl_cbor_add_bytes(struct encl_buf *b, const void *p, size_t n);
void encl_cbor_add_text(struct encl_buf *b, const char *text);
void encl_cbor_add_array(struct encl_buf *b, size_t n); /* n items follow */
void encl_cbor_add_map(struct encl_buf *b, size_t n);	/* n pairs follow */
/* Bytes as an array of integers: what serde makes of a Rust Vec<u8>. */
void encl_cbor_add_ints(struct encl_buf *b, const void *p, size_t n);

/* Reads on; `ok` becomes and stays false at the first item that is not what
 * was asked for, and results are empty from then on. */
struct encl_cbor {
	const uint8_t *p;
	size_t n;
	bool ok;
	bool ended; /* not ok: the input ended within an item */
};
void encl_cbor_init(struct encl_cbor *c, const uint8_t *p, size_t n);
void encl_cbor_want_uint(struct encl_cbor *c, uint64_t v);
void encl_cbor_want_text(struct encl_cbor *c, const char *text);
void encl_cbor_want_array(struct encl_cbor *c, size_t n);
void encl_cbor_want_map(struct encl_cbor *c, size_t n);
/* A byte string, borrowed from the input. */
const uint8_t *encl_cbor_bytes(struct encl_cbor *c, size_t *n);
/* An array of integers from 0 to 255; out's cap holds. */
void encl_cbor_ints(struct encl_cbor *c, struct encl_buf *out);
/* Any of its kind; a text is borrowed. */
uint64_t encl_cbor_uint(struct encl_cbor *c);
const uint8_t *encl_cbor_text(struct encl_cbor *c, size_t *n);
/* How many items or pairs follow; ENCL_CBOR_OPEN: until encl_cbor_take_break. */
#define ENCL_CBOR_OPEN SIZE_MAX
size_t encl_cbor_array(struct encl_cbor *c);
size_t encl_cbor_map(struct encl_cbor *c);
/* Takes it where it stands next; false, and nothing is taken, where it does not. */
bool encl_cbor_take_null(struct encl_cbor *c);
bool encl_cbor_take_break(struct encl_cbor *c);
/* The input is used up and everything was as asked for. */
bool encl_cbor_done(const struct encl_cbor *c);

#endif
