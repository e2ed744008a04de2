/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error object.  A function that can fail returns 0 or -1, takes a
 * struct encl_err * last, is ENCL_MUST_CHECK and writes its outputs only on
 * success.  The code is the exit status of the tool (docs/errors.md).
 */
#ifndef ENCL_BASE_ERR_H
#define ENCL_BASE_ERR_H

#define ENCL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ENCL_MUST_CHECK	  __attribute__((warn_unused_result))

enum encl_code {
	ENCL_OK = 0,
	ENCL_FAILED = 1,    /* it was tried and failed: bad input data, I/O */
	ENCL_USAGE = 2,	    /* command line or manifest */
	ENCL_MISMATCH = 3,  /* verify, diff, expect, lock: does not match */
	ENCL_SIGN = 4,	    /* key, certificate, signature */
	ENCL_HOST = 5,	    /* the host lacks a program, device or right */
	ENCL_NETWORK = 6,   /* could not fetch, or offline */
	ENCL_TIMEOUT = 124, /* `run`: the enclave did not end in time */
	ENCL_LOST = 125	    /* `run`: not started, or lost without a code */
};

struct encl_err {
	enum encl_code code;
	int sys;	/* errno of the failed call, or 0 */
	char msg[1024]; /* outermost context first; never ends in a newline */
};

/* Sets code and message.  Always returns -1, so a failure is one line. */
int encl_fail(struct encl_err *e, enum encl_code code, const char *fmt, ...)
	ENCL_PRINTF(3, 4);

/* As encl_fail, with ": strerror(errno)" appended and errno kept in sys. */
int encl_fail_sys(struct encl_err *e, enum encl_code code, const char *fmt, ...)
	ENCL_PRINTF(3, 4);

/* Prepends "context: " to the message that is there.  Always returns -1. */
int encl_wrap(struct encl_err *e, const char *fmt, ...) ENCL_PRINTF(2, 3);

#endif
