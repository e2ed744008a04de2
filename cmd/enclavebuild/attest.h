/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-verbs of `attest`, and what they share. */
#ifndef ENCL_CMD_ATTEST_H
#define ENCL_CMD_ATTEST_H

#include "base/buf.h"
#include "cmd.h"
#include "verify/attestation.h"

/* A document from a file or ("-") standard input into bytes, and read. */
int attest_open(const char *path, struct encl_buf *bytes, struct encl_attestation *out,
		struct encl_err *e) ENCL_MUST_CHECK;
/* --NAME HEX|@FILE: its bytes; out->data stays NULL without it. */
int attest_bytes(const struct args *args, const char *name, struct encl_buf *out,
		 struct encl_err *e) ENCL_MUST_CHECK;
/* Asks the running enclave for one; nonce has 8 to 64 bytes. */
int attest_ask(const char *name, const struct encl_buf *nonce, struct encl_buf *out,
	       struct encl_err *e) ENCL_MUST_CHECK;
/* 32 random bytes. */
int attest_nonce(struct encl_buf *out, struct encl_err *e) ENCL_MUST_CHECK;

int attest_verify(struct cli *cli, const struct args *args,
		  struct encl_err *e) ENCL_MUST_CHECK;
int attest_get(struct cli *cli, const struct args *args,
	       struct encl_err *e) ENCL_MUST_CHECK;

#endif
