/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to the attestation API (docs/10-attest-enclave.md), read strictly:
 * a key that is misspelt must not leave the document without what it was to have.
 */
#ifndef LAUNCH_ATTEST_REQUEST_H
#define LAUNCH_ATTEST_REQUEST_H

#include "launch/nsm.h"

enum {
	ATTEST_HEAD_MAX = 4096, /* with a nonce of 512 bytes in the target */
	ATTEST_BODY_MAX = 8192,
	ATTEST_REQUEST_MAX = ATTEST_HEAD_MAX + ATTEST_BODY_MAX
};

struct attest_request {
	enum nsm_question question;
	struct nsm_attestation ask; /* of the bytes below */
	uint8_t nonce[NSM_NONCE_MAX];
	uint8_t user_data[NSM_USER_DATA_MAX];
	uint8_t public_key[NSM_PUBLIC_KEY_MAX];
};

/*
 * p has n bytes and a NUL behind them.  0: more has to come; 200: out is complete
 * (in one place: ask refers into it); else the status of the answer and why (a
 * constant).
 */
int attest_request_parse(const char *p, size_t n, struct attest_request *out,
			 const char **why);

#endif
