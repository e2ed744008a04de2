/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and text from outside: strict in, escaped out. */
#ifndef ENCL_BASE_PARSE_H
#define ENCL_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Whole string is an unsigned number of the base (8, 10 or 16; no sign, no
 * prefix, no space) and at most max.  Leading zeros are allowed in base 8 and
 * 16 only.  False leaves *out alone.
 */
bool encl_parse_uint(const char *text, int base, uint64_t max, uint64_t *out);

/*
 * A decimal such as "2", "0.5" or "1.25" in thousandths: no sign, at most three
 * digits behind the point, no leading zero but the one before it; at most max.
 */
bool encl_parse_thousandths(const char *text, uint64_t max, uint64_t *out);

/*
 * A signal by name ("SIGTERM", "TERM", "SIGRTMIN+3") or number (1 to 64), as
 * Linux numbers them on x86_64 and aarch64.  0: none.
 */
unsigned encl_parse_signal(const char *text);

/* The one name of a signal from 1 to 64, as Docker knows it too: "SIGTERM",
 * "SIGRTMIN+3"; 32 and 33, which have none, as digits. */
enum { ENCL_SIGNAL_TEXT = 16 };
void encl_format_signal_number(unsigned number, char out[ENCL_SIGNAL_TEXT]);

/* Is path folder itself, or below it?  Both absolute, in their one form. */
bool encl_path_within(const char *path, const char *folder);

/* Fixed-width hex field of n digits, as in cpio headers. */
bool encl_parse_hex(const char *text, size_t n, uint64_t *out);

/* 2n lower-case digits and a NUL. */
void encl_hex(const uint8_t *bytes, size_t n, char *out);
/* Exactly 2n hex digits of text; either case. */
bool encl_unhex(const char *text, uint8_t *bytes, size_t n);

/*
 * Bytes from outside made safe for a terminal and unambiguous in a line of a
 * listing: space, backslash, quotes, control and non-ASCII bytes become \xHH.
 * Returns malloc'ed text.
 */
char *encl_escape(const char *bytes, size_t n);

/* a + b or a * b into *out; false on overflow. */
static inline bool
encl_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

/* x rounded up to a multiple of a power of two. */
static inline uint64_t
encl_align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

/* Seconds since the epoch as "1970-01-01T00:00:00+00:00" (no libc time zone). */
void encl_format_time(uint64_t epoch, char out[32]);

/* RFC 3339 ("2026-01-31T12:00:00Z", "…+01:00", fractions of a second are dropped)
 * to seconds since the epoch; false for what is none, or before it. */
bool encl_parse_time(const char *text, uint64_t *out);

/* Number of single-character edits from a to b, capped at 64-byte strings. */
unsigned encl_edit_distance(const char *a, const char *b);

#endif
