/* SPDX-License-Identifier: Apache-2.0 */
/* A zip file rewritten as a tar, so that the rest of the tool knows one format. */
#ifndef ENCL_SOURCES_ZIP_H
#define ENCL_SOURCES_ZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stream.h"

bool encl_zip_detect(const void *head, size_t n); /* 4 bytes are enough */

/* Writes a GNU tar to out.  fd's position is used.  Owners and times of a zip
 * depend on the machine that reads it: the caller sets its own. */
int encl_zip_to_tar(int fd, uint64_t size, const char *what, struct encl_sink *out,
		    struct encl_err *e) ENCL_MUST_CHECK;

#endif
