/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane that writes chunks to the image's file.  Whole blocks may go past the
 * page cache: an image is written once and often larger than what a cache
 * should hold, and filling the cache costs more than the hashes.
 */
#ifndef ENCL_EIF_OUTPUT_H
#define ENCL_EIF_OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "eif/fanout.h"

struct encl_output {
	int fd;
	bool try_direct; /* until the file system says no */
	bool direct;	 /* O_DIRECT is set now */
	atomic_bool failed;
	struct encl_err e; /* why; to be read once the lanes have ended */
};

void encl_output_init(struct encl_output *o, int fd, bool direct);
/* The lane; arg is the output.  After an error it does nothing any more. */
void encl_output_take(void *arg, const struct encl_chunk *c);
/* Once the lanes have ended: the first error, and fd as it was. */
int encl_output_finish(struct encl_output *o, struct encl_err *e) ENCL_MUST_CHECK;

#endif
