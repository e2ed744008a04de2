/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attestation documents of the Nitro Secure Module, by its driver alone
 * (/dev/nsm): nsm.c asks, nsm_cbor.c has the words of both sides.
 */
#ifndef LAUNCH_NSM_H
#define LAUNCH_NSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NSM_NONCE_MIN = 8,
	NSM_NONCE_MAX = 64,
	NSM_REQUEST_MAX = 160,
	NSM_ANSWER_MAX = 0x3000 /* the driver's */
};

bool nsm_there(void);

/*
 * Asks, and tells once, from the loop: the document in base64, or NULL and why
 * there is none.  One at a time; 10 s.
 */
void nsm_attest(const uint8_t *nonce, size_t n,
		void (*told)(const char *document, const char *why));
bool nsm_is_busy(void);

/* nsm_cbor.c: the request; its length. */
size_t nsm_request(const uint8_t *nonce, size_t n, uint8_t out[NSM_REQUEST_MAX]);
/* The document in an answer of n bytes, or NULL and why (room >= 80). */
const uint8_t *nsm_document(const uint8_t *answer, size_t n, size_t *len, char *why,
			    size_t room);

#endif
