/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side of state.h: what `run` keeps of its enclave, and the requests
 * that come for it.
 */
#ifndef ENCL_LAUNCH_STATE_WRITE_H
#define ENCL_LAUNCH_STATE_WRITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct encl_record;

/*
 * Takes a name: wanted itself, or where another run has it and it was not asked
 * for (exact) wanted-2, wanted-3 …  What is kept of an earlier run of that name
 * goes.  ENCL_USAGE: it is taken, or no name.
 */
int encl_record_open(const char *wanted, bool exact, struct encl_record **out,
		     struct encl_err *e) ENCL_MUST_CHECK;
void encl_record_free(struct encl_record *r); /* NULL is fine; state stays */

const char *encl_record_name(const struct encl_record *r);

/* Steals value; written at the next save.  NULL as r is fine in all of these. */
void encl_record_set(struct encl_record *r, const char *key, json_t *value);
/*
 * Five times a second at most, whatever an enclave makes of it; what is left is for
 * the next call, or, at the end, for now.  Where it cannot be written (disk full) a
 * debug message is all.
 */
void encl_record_save(struct encl_record *r, bool now, struct encl_log *log);
bool encl_record_pending(const struct encl_record *r);
void encl_record_console(struct encl_record *r, const char *p, size_t n);

/* ---- requests ---- */

struct encl_request {
	enum { ENCL_REQUEST_NONE, ENCL_REQUEST_STOP } kind;
	unsigned seconds;
};

/* Poll it for input (-1 for NULL), then take until there is none. */
int encl_record_fd(const struct encl_record *r);
struct encl_request encl_record_request(struct encl_record *r);

#endif
