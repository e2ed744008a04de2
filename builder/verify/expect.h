/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements from elsewhere, which an image or an attestation document is held
 * against: hex digits, a measurements file, a lock's evidence, another image.
 */
#ifndef ENCL_VERIFY_EXPECT_H
#define ENCL_VERIFY_EXPECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "eif/eif.h"
#include "verify/checks.h"

enum { ENCL_PCRS = 32 };

/* One value of one register; several for one register must all hold. */
struct encl_expected {
	unsigned pcr; /* 0..31 */
	struct encl_pcr value;
	char *source; /* for messages: "--pcr0", "app.measurements.json" */
};
struct encl_expectations {
	struct encl_expected *v;
	size_t n;
};
void encl_expectations_clear(struct encl_expectations *x);
ENCL_AUTO_VAL(struct encl_expectations, encl_expectations_clear);

/* 96 hex digits of either case; ENCL_USAGE, naming source, for what is none and
 * for all zeros, which any debug enclave has. */
int encl_expect_hex(struct encl_expectations *x, unsigned pcr, const char *hex,
		    const char *source, struct encl_err *e) ENCL_MUST_CHECK;

void encl_expect_value(struct encl_expectations *x, unsigned pcr,
		       const struct encl_pcr *value, const char *source);

/* {"Measurements": {"PCR0": …}} of build, nitro-cli and describe-eif, or the inner
 * object alone; and build's "Extended": {"PCR16": …}.  ENCL_FAILED: no PCR0 in it, or
 * not hex. */
int encl_expect_document(struct encl_expectations *x, const json_t *doc,
			 const char *source, struct encl_err *e) ENCL_MUST_CHECK;

/* PCR0 to PCR2 of an image that was measured, and PCR8 where it has one. */
void encl_expect_measurements(struct encl_expectations *x,
			      const struct encl_measurements *m, const char *source);

/* Registers by number; NULL: has none of that number.  Where the values are an
 * image's, only 0, 1, 2 and 8 can be there, and those of extended.h. */
struct encl_registers {
	const struct encl_pcr *v[ENCL_PCRS];
};
void encl_registers_of(const struct encl_measurements *m, struct encl_registers *out);

/* One check "PCRn" an expectation, in order. */
void encl_expect_check(const struct encl_expectations *x, const struct encl_registers *r,
		       struct encl_checks *checks);

#endif
