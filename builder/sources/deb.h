/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary packages (deb(5)): an ar archive of debian-binary, control.tar.* and
 * data.tar.*, read by libarchive.  Nothing is unpacked: the control files
 * become text, the data part is located for sources/inflate.h.
 */
#ifndef ENCL_SOURCES_DEB_H
#define ENCL_SOURCES_DEB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "sources/inflate.h"
#include "sources/source.h"

/* What a package may expand to. */
#define ENCL_DEB_MAX_DATA ((uint64_t)16 << 30)

/* Both read fd from its start; what names the package in errors. */
int encl_deb_control(int fd, const char *what, struct encl_arena *a,
		     struct encl_package *out, struct encl_err *e) ENCL_MUST_CHECK;

/* Where in the file data.tar is, and how it is compressed. */
struct encl_deb_part {
	uint64_t offset;
	uint64_t size;
	enum encl_codec codec;
};
int encl_deb_data(int fd, const char *what, struct encl_deb_part *out,
		  struct encl_err *e) ENCL_MUST_CHECK;

#endif
