/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as text (RFC 4648), both ways. */
#ifndef LAUNCH_BASE64_H
#define LAUNCH_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 4 characters for each 3 bytes begun, without a NUL; how many. */
size_t base64_encode(const uint8_t *p, size_t n, char *out);

/* Strict: padded, no bits behind the end.  False too where room is too small. */
bool base64_decode(const char *text, uint8_t *out, size_t room, size_t *n);

/* Hexadecimal digits, n of them, an even number; either case.  Where room is too
 * small: false. */
bool hex_decode(const char *text, size_t n, uint8_t *out, size_t room, size_t *out_n);
/* 2 n digits and a NUL. */
void hex_encode(const uint8_t *p, size_t n, char *out);

#endif
