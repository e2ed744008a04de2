/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Nitro Secure Module, by its driver alone (/dev/nsm): nsm.c asks it,
 * nsm_cbor.c has the words of both sides.
 */
#ifndef LAUNCH_NSM_H
#define LAUNCH_NSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* What any verifier takes: AWS's own texts also say 1024 of the first two. */
	NSM_NONCE_MAX = 512,
	NSM_USER_DATA_MAX = 512,
	NSM_PUBLIC_KEY_MAX = 1024,
	NSM_REQUEST_MAX = 0x1000, /* the driver's */
	NSM_ANSWER_MAX = 0x3000,  /* the driver's */
	NSM_PCRS = 32,
	NSM_PCR_SIZE = 48,
	NSM_WHY = 100 /* room for a reason */
};

bool nsm_there(void);

/* ---- at once: blocks until the module has answered ---- */

/* NULL, or why not (a text of static storage). */
const char *nsm_extend(unsigned pcr, const uint8_t *data, size_t n,
		       uint8_t value[NSM_PCR_SIZE]);
const char *nsm_lock(unsigned pcr);

/* ---- by the loop ---- */

struct nsm_bytes {
	const uint8_t *p; /* NULL: not given */
	size_t n;
};

struct nsm_attestation {
	struct nsm_bytes user_data, nonce, public_key;
};

/* One register, in the answer to NSM_REGISTERS. */
struct nsm_pcr {
	uint8_t value[NSM_PCR_SIZE];
	uint8_t locked;
};

enum nsm_question { NSM_DOCUMENT, NSM_REGISTERS };

/* A question; the caller's until it is told or forgotten. */
struct nsm_call {
	enum nsm_question question;
	struct nsm_attestation ask; /* NSM_DOCUMENT */
	/* Once, from the loop: the document, or struct nsm_pcr for PCR0, PCR1 and so
	 * on; or NULL and why.  refused: the module does not take such a request. */
	void (*told)(struct nsm_call *c, const uint8_t *answer, size_t n, const char *why,
		     bool refused);
	void *arg;
	/* private */
	struct nsm_call *next;
};

/* One is asked at a time, for 10 s at most; the others wait in turn. */
void nsm_ask(struct nsm_call *c);
/* It is not told any more; nothing where it waits for nothing. */
void nsm_forget(struct nsm_call *c);

/* ---- nsm_cbor.c: requests, their lengths ---- */

size_t nsm_request(const struct nsm_attestation *ask, uint8_t out[NSM_REQUEST_MAX]);
size_t nsm_extend_request(unsigned pcr, const uint8_t *data, size_t n,
			  uint8_t out[NSM_REQUEST_MAX]);
size_t nsm_lock_request(unsigned pcr, uint8_t out[NSM_REQUEST_MAX]);
size_t nsm_describe_request(unsigned pcr, uint8_t out[NSM_REQUEST_MAX]);

/* Answers of n bytes; NULL or false, and why. */
const uint8_t *nsm_document(const uint8_t *answer, size_t n, size_t *len,
			    char why[NSM_WHY]);
bool nsm_extended(const uint8_t *answer, size_t n, uint8_t value[NSM_PCR_SIZE],
		  char why[NSM_WHY]);
bool nsm_locked(const uint8_t *answer, size_t n, char why[NSM_WHY]);
bool nsm_described(const uint8_t *answer, size_t n, struct nsm_pcr *out,
		   char why[NSM_WHY]);
/* Does it say that the request is one which it does not take? */
bool nsm_refused(const uint8_t *answer, size_t n);

#endif
