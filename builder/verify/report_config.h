/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the image's own launch is told (cmd/launch/config.h: "enclave-launch 2", then
 * "KEY LENGTH", the value, a newline, …), for people: the measured text itself, so
 * that a report need not believe the metadata.  Unknown keys are kept.
 */
#ifndef ENCL_VERIFY_REPORT_CONFIG_H
#define ENCL_VERIFY_REPORT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct encl_config_record {
	char *key, *value; /* the value may be any text without NUL */
};
/* first..end of the records are the enclave's, or one unit's ("unit" is its first). */
struct encl_config {
	char *text; /* what the records point into */
	struct encl_config_record *v;
	size_t n;
	size_t n_global; /* records before the first unit */
};
void encl_config_clear(struct encl_config *c);
ENCL_AUTO_VAL(struct encl_config, encl_config_clear);

/* False: it is none, or none of this version. */
bool encl_config_read(const char *text, size_t n, struct encl_config *out);

/* The first value of key in records from..end; NULL: none. */
const char *encl_config_find(const struct encl_config *c, size_t from, size_t end,
			     const char *key);
/* Where the unit that begins at from ends. */
size_t encl_config_unit_end(const struct encl_config *c, size_t from);

#endif
