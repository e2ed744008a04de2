/* SPDX-License-Identifier: Apache-2.0 */
/* What a metadata section must have so that nitro-cli's reader takes it. */
#ifndef ENCL_EIF_METADATA_H
#define ENCL_EIF_METADATA_H

#include <stddef.h>

#include "base/err.h"

int encl_metadata_check(const char *text, size_t n, struct encl_err *e) ENCL_MUST_CHECK;

#endif
