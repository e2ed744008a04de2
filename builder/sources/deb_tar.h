/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a package's plain data.tar as entries. */
#ifndef ENCL_SOURCES_DEB_TAR_H
#define ENCL_SOURCES_DEB_TAR_H

#include "base/err.h"
#include "sources/entry.h"

/* Calls sink->add for every entry of blob. */
int encl_deb_tar(struct encl_blob *blob, struct encl_entry_sink *sink,
		 struct encl_err *e) ENCL_MUST_CHECK;

#endif
