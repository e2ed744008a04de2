/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a tar's entries to paths in the tree. */
#ifndef ENCL_SOURCES_TAR_PATH_H
#define ENCL_SOURCES_TAR_PATH_H

#include <stdbool.h>

#include "sources/tar.h"

/*
 * Without `at` and `strip` the path as it is, less final slashes (the tree
 * judges it).  Else components are counted as tar does ("." and empty ones do
 * not count) and ".." fails.  *out is malloc'ed, NULL where nothing is left.
 */
int encl_tar_path(const struct encl_tar *tar, const char *path, char **out,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* The path is the folder that everything lands in. */
bool encl_tar_is_top(const struct encl_tar *tar, const char *path);

#endif
