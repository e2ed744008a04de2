/* SPDX-License-Identifier: Apache-2.0 */
/* nitro-cli's error numbers (E00 to E60), which are its exit codes as well. */
#ifndef ENCL_LAUNCH_NITRO_CLI_CODES_H
#define ENCL_LAUNCH_NITRO_CLI_CODES_H

#include <stddef.h>

#include "base/err.h"

struct encl_nitro_cli_code {
	unsigned number;
	const char *name;    /* nitro-cli's own: "InsufficientMemoryRequested" */
	const char *cause;   /* what really brings it about */
	const char *hint;    /* the way out; NULL: none is known */
	enum encl_code code; /* ours, where `run --backend nitro-cli` meets it */
};

/* In order of their numbers, without gaps. */
extern const struct encl_nitro_cli_code encl_nitro_cli_codes[];
extern const size_t encl_n_nitro_cli_codes;

/* "E26", "e26", "26" or the name; NULL: there is none. */
const struct encl_nitro_cli_code *encl_nitro_cli_code_find(const char *text);

#endif
