/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What embedded.S puts into the tool.  A symbol's weak absence means that this
 * build of the tool lacks it (an architecture without a cross compiler).
 */
#ifndef ENCL_EMBEDDED_H
#define ENCL_EMBEDDED_H

#include <stddef.h>

#define ENCL_EMBEDDED(name)                                                              \
	extern const unsigned char encl_embedded_##name[] __attribute__((weak));         \
	extern const unsigned char encl_embedded_##name##_end[] __attribute__((weak))

ENCL_EMBEDDED(init_x86_64);
ENCL_EMBEDDED(launch_x86_64);
ENCL_EMBEDDED(init_aarch64);
ENCL_EMBEDDED(launch_aarch64);
/* tables of manifests/: text, followed by a NUL */
ENCL_EMBEDDED(modules);
ENCL_EMBEDDED(kernel_requirements);

#endif
