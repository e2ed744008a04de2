/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary packages (deb(5)): an ar archive of debian-binary, control.tar.* and
 * data.tar.*, read by libarchive.  Nothing is unpacked: the control files
 * become text, the data part becomes one plain tar in a sink.
 */
#ifndef ENCL_SOURCES_DEB_H
#define ENCL_SOURCES_DEB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/stream.h"
#include "sources/source.h"

/* What a package may expand to. */
#define ENCL_DEB_MAX_DATA ((uint64_t)16 << 30)

/* Both read fd from its start; what names the package in errors. */
int encl_deb_control(int fd, const char *what, struct encl_arena *a,
		     struct encl_package *out, struct encl_err *e) ENCL_MUST_CHECK;
int encl_deb_data(int fd, const char *what, uint64_t max, struct encl_sink *sink,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* Plain bytes of a file that is compressed by gzip, xz, lzma, bzip2, zstd or
 * not at all. */
int encl_deb_expand_file(int fd, const char *what, uint64_t max, struct encl_sink *sink,
			 struct encl_err *e) ENCL_MUST_CHECK;

#endif
