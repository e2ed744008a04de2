/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a manifest for a verb: every problem is reported, each once. */
#ifndef ENCL_CMD_MANIFESTS_H
#define ENCL_CMD_MANIFESTS_H

#include "manifest/manifest.h"

/* All problems but the last go to stderr here; the last is in *e, which main
 * prints.  So each is one line, in the file's order. */
int read_manifest(const char *file, struct encl_manifest **out,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
