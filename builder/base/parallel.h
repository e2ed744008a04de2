/* SPDX-License-Identifier: Apache-2.0 */
/* The same for many things, several at a time. */
#ifndef ENCL_BASE_PARALLEL_H
#define ENCL_BASE_PARALLEL_H

#include <stddef.h>

#include "base/err.h"

/*
 * Calls run(arg, i, e) for each i below n on at most `threads` threads, the
 * caller's one of them; a thread that does not start is no error.  After a
 * failure none begins any more.  Fails with the error of the first i that did.
 */
int encl_parallel(unsigned threads, size_t n,
		  int (*run)(void *arg, size_t i, struct encl_err *e), void *arg,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
