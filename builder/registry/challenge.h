/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry asks for with a 401: WWW-Authenticate (RFC 9110 section 11.6). */
#ifndef ENCL_REGISTRY_CHALLENGE_H
#define ENCL_REGISTRY_CHALLENGE_H

#include "base/cleanup.h"

enum encl_challenge_kind {
	ENCL_CHALLENGE_NONE,
	ENCL_CHALLENGE_BASIC,
	ENCL_CHALLENGE_BEARER
};

struct encl_challenge {
	enum encl_challenge_kind kind;
	char *realm; /* each may be NULL */
	char *service;
	char *scope;
	char *error;
};
/*
 * Reads one field's value, which may hold several challenges.  The first Basic
 * or Bearer of all fields counts: where out has a kind nothing is changed.
 * Other schemes and what follows no grammar are passed over.
 */
void encl_challenge_read(const char *value, struct encl_challenge *out);
void encl_challenge_clear(struct encl_challenge *c);
ENCL_AUTO_VAL(struct encl_challenge, encl_challenge_clear);

#endif
