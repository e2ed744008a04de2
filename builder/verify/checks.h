/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was checked, with which result: one entry a check, in the order in which
 * they were made.  Verifying fails closed: a check that could not be made has not
 * passed, and without a comparison that passed nothing is verified.
 */
#ifndef ENCL_VERIFY_CHECKS_H
#define ENCL_VERIFY_CHECKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"

enum encl_verdict {
	ENCL_CHECK_PASS,
	ENCL_CHECK_FAIL,
	ENCL_CHECK_NOTE /* told, and decides nothing: "not asked for" */
};
/* "pass", "fail", "note" */
const char *encl_verdict_name(enum encl_verdict v);

struct encl_check {
	const char *name; /* static: "structure", "crc", "PCR0", "certificate.dates" */
	enum encl_verdict verdict;
	char *text;	/* one line for people, without the name */
	char *source;	/* what it was compared with: "app.measurements.json"; or NULL */
	char *expected; /* or NULL */
	char *got;	/* or NULL */
	bool compares;	/* it holds the image against something from elsewhere */
};

struct encl_checks {
	struct encl_check *v;
	size_t n;
};
void encl_checks_clear(struct encl_checks *c);
ENCL_AUTO_VAL(struct encl_checks, encl_checks_clear);

/* Appends a check and returns it, so that the rest can be filled in (malloc'ed
 * strings, which it owns).  The pointer is good until the next one. */
struct encl_check *encl_checks_add(struct encl_checks *c, const char *name,
				   enum encl_verdict verdict, const char *fmt, ...)
	ENCL_PRINTF(4, 5);

/* A comparison of two texts: passes where they are equal.  got may be NULL: the
 * image has no such thing, which fails. */
void encl_checks_compare(struct encl_checks *c, const char *name, const char *source,
			 const char *expected, const char *got);

/* None failed. */
bool encl_checks_passed(const struct encl_checks *c);
/* Where none failed, that one has to have been made: else it has failed. */
void encl_checks_need(struct encl_checks *c, const char *name);
/* One that compares was made and passed. */
bool encl_checks_compared(const struct encl_checks *c);
/*
 * Those that compare, passed or not, could say what the image is: PCR0, or PCR8, or
 * PCR1 and PCR2, or what is no register.  PCR2 alone is the application in whatever
 * kernel, PCR1 alone the kernel with whatever application, and from PCR3 on they are
 * the parent's or what the enclave itself makes of them.  "manifest" is a file in the
 * image, which any other image can have too.
 */
bool encl_checks_identify(const struct encl_checks *c);
/* The first that failed, or NULL. */
const struct encl_check *encl_checks_first_failed(const struct encl_checks *c);

/* [{"Name", "Verdict", "Text", "Source", "Expected", "Got"}], the last three where
 * they are there; new reference. */
json_t *encl_checks_json(const struct encl_checks *c);

#endif
