/* SPDX-License-Identifier: Apache-2.0 */
/* What AWS's nitro-cli says, understood: its JSON and its errors. */
#ifndef ENCL_LAUNCH_NITRO_CLI_H
#define ENCL_LAUNCH_NITRO_CLI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { ENCL_NITRO_CLI_ID = 128 };

/* What run-enclave prints. */
struct encl_nitro_cli_enclave {
	char id[ENCL_NITRO_CLI_ID]; /* "i-…-enc…" */
	pid_t pid;		    /* of the process that has the enclave */
	uint32_t cid;
	unsigned cpus;
	char *cpu_ids; /* "2-3"; malloc'ed */
	uint64_t mib;
};

int encl_nitro_cli_parse(const char *text, size_t n, struct encl_nitro_cli_enclave *out,
			 struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The failure behind what it wrote to stderr: the first error that it names (E39 only
 * wraps another one), with what to do.  Always -1.
 */
int encl_nitro_cli_fail(struct encl_err *e, const char *stderr_text, int status);

#endif
