/* SPDX-License-Identifier: Apache-2.0 */
/* Where the files of a tar lie in it, so that they are read in place. */
#ifndef ENCL_SOURCES_TAR_INDEX_H
#define ENCL_SOURCES_TAR_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct encl_tar_index;

/* Reads the headers only.  Names are kept without a leading "./"; of equal
 * names the last one counts, as when a tar is extracted. */
int encl_tar_index_read(int fd, uint64_t size, const char *what,
			struct encl_tar_index **out, struct encl_err *e) ENCL_MUST_CHECK;
void encl_tar_index_free(struct encl_tar_index *t);
ENCL_AUTO_PTR(struct encl_tar_index, encl_tar_index_free);

/* A regular file by name; links lead to it as long as they stay inside.
 * *found is false where there is none. */
int encl_tar_index_find(const struct encl_tar_index *t, const char *name,
			uint64_t *offset, uint64_t *size, bool *found,
			struct encl_err *e) ENCL_MUST_CHECK;

#endif
