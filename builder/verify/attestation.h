/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attestation document of the Nitro Secure Module: read strictly, and verified
 * up to AWS's root.  Format and checks: AWS's "Nitro Enclaves Attestation Process"
 * (aws-nitro-enclaves-nsm-api) and docs/10-attest.md.
 */
#ifndef ENCL_VERIFY_ATTESTATION_H
#define ENCL_VERIFY_ATTESTATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "eif/eif.h"
#include "verify/checks.h"
#include "verify/expect.h"

enum {
	ENCL_ATTESTATION_MAX = 24576,		  /* the whole document */
	ENCL_ATTESTATION_PAYLOAD = 16384,	  /* AWS's limit */
	ENCL_ATTESTATION_TEXT = 2 * 24576 + 4096, /* in hex or base64, with newlines */
	ENCL_ATTESTATION_CAS = 16,
	ENCL_ATTESTATION_FIELD = 4096, /* user_data and nonce */
	ENCL_ATTESTATION_MODULE = 256
};

/* Borrowed; p is NULL where the document does not have it (or has null). */
struct encl_span {
	const uint8_t *p;
	size_t n;
};

/* Everything refers to the bytes that were read. */
struct encl_attestation {
	char module[ENCL_ATTESTATION_MODULE + 1]; /* printable */
	uint64_t timestamp;			  /* ms since the epoch */
	struct encl_pcr pcrs[ENCL_PCRS];
	uint32_t has; /* bit n: PCRn is there */
	struct encl_span certificate;
	struct encl_span cabundle[ENCL_ATTESTATION_CAS];
	size_t n_cabundle;
	struct encl_span public_key, user_data, nonce;
	struct encl_span payload;
	const uint8_t *rs; /* 96 bytes */
};

/*
 * ENCL_FAILED "not an attestation document: WHY".  What is decided here: tagged (18)
 * or untagged; protected header exactly {1: -35}, nothing unprotected; no unknown
 * and no second key; digest SHA384 and all registers of 48 bytes; maps and arrays of
 * the payload also of indefinite length, as AWS's hypervisors write it since 2025,
 * byte strings and texts never; heads of any length, since a number is the same and
 * who signs is AWS; null for what is optional; nothing behind the document.
 */
int encl_attestation_read(const uint8_t *p, size_t n, struct encl_attestation *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* The document's bytes from a file that holds them raw, in hex or in base64 (either
 * alphabet, white space anywhere); ENCL_FAILED. */
int encl_attestation_unwrap(const uint8_t *p, size_t n, struct encl_buf *out,
			    struct encl_err *e) ENCL_MUST_CHECK;

/* PCR0, PCR1 or PCR2 is all zero: debug mode. */
bool encl_attestation_is_debug(const struct encl_attestation *a);
void encl_attestation_registers(const struct encl_attestation *a,
				struct encl_registers *out);

/* PCR3 of a role's ARN, PCR4 of an instance's id: SHA384(48 zero bytes || text). */
void encl_attestation_text_pcr(const char *text, struct encl_pcr *out);

/* What a document has to be. */
struct encl_attestation_wish {
	const char *root; /* PEM of the one CA to trust; NULL: AWS's */
	size_t root_size;
	const char *root_name; /* for messages */
	uint64_t at;	       /* s since the epoch: certificates are valid then */
	bool at_timestamp;     /* at the document's own time; then age says nothing */
	bool aged;
	uint64_t max_age;			       /* s */
	struct encl_span nonce, user_data, public_key; /* p NULL: not asked for */
	const char *module;			       /* NULL: not asked for */
	bool allow_debug;
};
enum { ENCL_ATTESTATION_SKEW = 60 }; /* s that clocks may differ */

/*
 * Checks: "root", "chain", "dates", "signature", "timestamp", "freshness", "nonce",
 * "user_data", "public_key", "module_id", "registers", "debug".  Fails only where
 * the root cannot be read (ENCL_USAGE).
 */
int encl_attestation_check(const struct encl_attestation *a,
			   const struct encl_attestation_wish *w,
			   struct encl_checks *checks,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* {"ModuleId", "Timestamp", "Time", "Digest", "Debug", "PCRs": {"PCR0"…}, "Nonce",
 * "UserData", "PublicKey" (hex or null), "Certificate": {"Subject", "Issuer",
 * "NotBefore", "NotAfter", "Sha256"}, "CABundle": […]}; new reference. */
json_t *encl_attestation_json(const struct encl_attestation *a);

/* AWS Nitro Enclaves Root-G1, and its fingerprint. */
extern const char encl_nitro_root_pem[];
extern const char encl_nitro_root_sha256[];

#endif
