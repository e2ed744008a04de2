/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent's side of exec.h: a request, and then bytes between the enclave and
 * this process's streams until the program has ended.
 */
#ifndef ENCL_LAUNCH_EXEC_SESSION_H
#define ENCL_LAUNCH_EXEC_SESSION_H

#include <stdint.h>

#include "base/err.h"
#include "launch/exec.h"

struct encl_exec_io {
	int in, out, err;
	/* attach: bytes were lost, since this side did not read. */
	void (*lost)(void *arg, uint64_t bytes);
	void *arg;
};

struct encl_exec_end {
	int code;	 /* of the program; 128 + signal */
	int signal;	 /* or 0 */
	int interrupted; /* a signal to this process ended the session, or 0 */
};

/*
 * Runs the session on fd, which stays open.  Where the request has a terminal and
 * io->in is one, it is raw meanwhile, and given back as it was whatever happens;
 * its size goes along.  SIGINT, SIGTERM, SIGQUIT and SIGHUP are passed on to the
 * program (of attach, or the third one: they end the session); all are blocked in
 * the calling thread meanwhile.
 * ENCL_LOST: the enclave could not do it (it says why), ended, or broke the rules.
 */
int encl_exec_session(int fd, const struct encl_exec_request *request,
		      const struct encl_exec_io *io, struct encl_exec_end *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
