/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What embedded.S puts into the tool.  A symbol's weak absence means that this
 * build of the tool lacks it (an architecture without a cross compiler).
 */
#ifndef ENCL_EMBEDDED_H
#define ENCL_EMBEDDED_H

#include <stddef.h>

#define ENCL_EMBEDDED(name)                                                              \
	extern const unsigned char encl_embedded_##name[];                               \
	extern const unsigned char encl_embedded_##name##_end[]
#define ENCL_EMBEDDED_MAYBE(name)                                                        \
	extern const unsigned char encl_embedded_##name[] __attribute__((weak));         \
	extern const unsigned char encl_embedded_##name##_end[] __attribute__((weak))

/* tables of manifests/: text, followed by a NUL.  Their strong references are
 * what pulls embedded.o out of the library. */
ENCL_EMBEDDED(modules);
ENCL_EMBEDDED(kernel_requirements);
ENCL_EMBEDDED(init_manifest);
/* templates/: text, followed by a NUL */
ENCL_EMBEDDED(template_systemd);
ENCL_EMBEDDED(template_detached);
ENCL_EMBEDDED(template_deploy);
ENCL_EMBEDDED(template_bootstrap);
ENCL_EMBEDDED(template_allocator);
ENCL_EMBEDDED(template_user_data);
ENCL_EMBEDDED(template_kubernetes);
ENCL_EMBEDDED(template_kms_policy);
/* verify/report.css: text, followed by a NUL */
ENCL_EMBEDDED(report_css);
ENCL_EMBEDDED_MAYBE(init_x86_64);
ENCL_EMBEDDED_MAYBE(launch_x86_64);
ENCL_EMBEDDED_MAYBE(init_aarch64);
ENCL_EMBEDDED_MAYBE(launch_aarch64);
/* launch/kvm_probe.S; x86_64 only */
ENCL_EMBEDDED_MAYBE(kvm_probe);

#endif
