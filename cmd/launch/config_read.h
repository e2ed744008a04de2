/* SPDX-License-Identifier: Apache-2.0 */
/* What config.c and config_unit.c share: one record, and values out of it. */
#ifndef LAUNCH_CONFIG_READ_H
#define LAUNCH_CONFIG_READ_H

#include "launch/config.h"

enum { PORT_MAX = 65535 };

struct record {
	const char *key;
	char *value; /* NUL-terminated */
};

/* Decimal without leading zeros, at most max. */
bool config_number(const char *text, size_t max, size_t *out);

/* The index of text among words (NULL-ended), or -1. */
int config_word(const char *text, const char *const *words);

/* A struct more at the end of an array, zeroed; NULL where memory is short. */
void *config_grow(void **v, size_t *n, size_t size);

/* The word before the next space, cut off; NULL where there is none. */
char *config_cut(char **text);

/* One record of attestation ("attest…", "extend", "lock"). */
const char *config_attest_take(struct config *c, const struct record *r);

/* One record of a unit; *seen remembers the keys that may be there once. */
const char *config_unit_take(struct config *c, struct unit_config *u,
			     const struct record *r, uint64_t *seen);
/* What is wrong with a unit whose records have all been read. */
const char *config_unit_check(const struct unit_config *u, uint64_t seen);
void config_unit_clear(struct unit_config *u);

#endif
