/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's configuration against what an image needs of it. */
#ifndef ENCL_SOURCES_KERNEL_CONFIG_H
#define ENCL_SOURCES_KERNEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/source.h"

enum { ENCL_KERNEL_CONFIG_MAX = 4 << 20 };

enum encl_kconfig {
	ENCL_KCONFIG_ABSENT,
	ENCL_KCONFIG_MODULE,
	ENCL_KCONFIG_BUILTIN,
	ENCL_KCONFIG_VALUE
};

/* option without "CONFIG_".  y, m, or any other value (text, number). */
enum encl_kconfig encl_kernel_config_get(const char *config, const char *option);

/* Of the line "# Linux/x86 6.1.192 Kernel Configuration"; false without one. */
bool encl_kernel_config_version(const char *config, unsigned *major, unsigned *minor);

/*
 * ENCL_USAGE where the text is not a kernel's configuration, is one for
 * another architecture, or is not of the release's major.minor version
 * (release "": not compared).
 */
int encl_kernel_config_read(const char *config, size_t n, const char *what,
			    enum encl_arch arch, const char *release,
			    struct encl_err *e) ENCL_MUST_CHECK;

/*
 * All that manifests/kernel-requirements.txt asks of this kernel for this
 * manifest.  ENCL_USAGE naming every missing option, with why it is needed.
 */
int encl_kernel_check(const struct encl_kernel_files *k, const struct encl_manifest *m,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* As encl_kernel_check with another table (tests, and boot kinds to come). */
int encl_kernel_check_table(const char *table, const struct encl_kernel_files *k,
			    const struct encl_manifest *m,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
