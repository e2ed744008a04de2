/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures by identity (sigstore) are cosign's: it is run as a program, and its
 * verdict is taken.  cosign 2.4 or later, for bundles of the form v0.3.
 */
#ifndef ENCL_CMD_COSIGN_H
#define ENCL_CMD_COSIGN_H

#include <stdbool.h>

#include "base/err.h"
#include "cmd.h"

struct cosign_request {
	const char *bundle; /* file: of a signature, or of an in-toto statement */
	const char *key;    /* public key, a file; or NULL */
	const char *identity, *issuer; /* of the certificate, exactly; or NULL */
	const char *trusted_root;      /* trusted_root.json; NULL: cosign's own */
};

/* --bundle, --key, --identity, --issuer, --trusted-root of a verb, for its table. */
#define COSIGN_OPTIONS                                                                            \
	{"bundle", 0, "FILE",                                                                     \
	 "sigstore bundle (cosign sign-blob, attest-blob) that has to sign this image",           \
	 false},                                                                                  \
		{"key", 0, "FILE", "the bundle is signed by this public key", false},             \
		{"identity", 0, "ID",                                                             \
		 "the bundle is signed by this identity (mail, URI)", false},                     \
		{"issuer", 0, "URL", "who vouches for the identity", false},                      \
	{                                                                                         \
		"trusted-root", 0, "FILE",                                                        \
			"sigstore's trusted_root.json, to check an identity without the network", \
			false                                                                     \
	}

/* False in *given: without --bundle.  ENCL_USAGE for what does not go together. */
int cosign_read_options(const struct args *args, bool offline, struct cosign_request *out,
			bool *given, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Has the bundle been signed for what fd holds, by that key or identity?  *good says;
 * *said (malloc'ed, text from outside) what cosign had to say where it has not.
 * Without the transparency log for a key, which needs none to be trusted, unless a
 * trusted root is given; never without it for an identity.  ENCL_HOST: no cosign, or
 * one that is too old.
 */
int cosign_verify(const struct cosign_request *r, int fd, bool *good, char **said,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
