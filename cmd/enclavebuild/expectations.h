/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `verify` and `attest verify` hold registers against: one set of options,
 * read and checked the same way.
 */
#ifndef ENCL_CMD_EXPECTATIONS_H
#define ENCL_CMD_EXPECTATIONS_H

#include "base/cleanup.h"
#include "cmd.h"
#include "verify/expect.h"

/* Rows of a verb's table. */
/* clang-format off */
#define EXPECTATIONS_OPTIONS                                                             \
	{"pcr0", 0, "HEX", "what PCR0 has to be", true},                                 \
	{"pcr1", 0, "HEX", "what PCR1 has to be", true},                                 \
	{"pcr2", 0, "HEX", "what PCR2 has to be", true},                                 \
	{"pcr8", 0, "HEX", "what PCR8 (the signing certificate) has to be", true},       \
	{"pcr", 0, "N=HEX", "what any other PCR has to be", true},                       \
	{"measurements", 'm', "FILE",                                                    \
	 "measurements file that build wrote, or describe-eif's output", true},          \
	{"image", 'i', "IMAGE|REFERENCE", "image whose measurements it has to have",     \
	 true},                                                                          \
	{"policy", 0, "FILE", "KMS key policy that has to allow kms:Decrypt to it", true}
/* clang-format on */

struct expected_policy {
	const char *file;
	json_t *policy;
};
struct expectations {
	struct encl_expectations pcrs;
	struct expected_policy *policies;
	size_t n_policies;
};
void expectations_clear(struct expectations *x);
ENCL_AUTO_VAL(struct expectations, expectations_clear);

/* All that the options name, read: files, images (CRC and signature are verified
 * first), references. */
int expectations_read(struct cli *cli, const struct args *args, struct expectations *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* None was given: whoever verifies against nothing fails. */
bool expectations_none(const struct expectations *x);

/* One check a value, in the order of EXPECTATIONS_OPTIONS. */
int expectations_check(const struct expectations *x, const struct encl_registers *r,
		       struct encl_checks *checks, struct encl_err *e) ENCL_MUST_CHECK;

#endif
