/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read and change the host share. */
#ifndef ENCL_LAUNCH_HOST_INTERNAL_H
#define ENCL_LAUNCH_HOST_INTERNAL_H

#include "base/err.h"

#define ENCL_HOST_POOL	  "/sys/module/nitro_enclaves/parameters/ne_cpus"
#define ENCL_HOST_DEVICE  "/dev/nitro_enclaves"
#define ENCL_HOST_SERVICE "nitro-enclaves-allocator.service"

/*
 * A file's text (malloc'ed, at most 64 KiB), or NULL where there is none.
 * Regular files only, so that nothing waits.
 */
int encl_host_text(const char *path, char **out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
