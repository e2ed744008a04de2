/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's command line: nitro-cli's default for the architecture, without
 * aarch64's root=/dev/ram0, which would make the root a ramfs without a limit.
 */
#include <string.h>

#include "eif/eif.h"

const char *
encl_cmdline_default(enum encl_arch arch)
{
	if (arch == ENCL_ARCH_AARCH64)
		return "reboot=k panic=30 pci=off nomodules console=ttyS0 "
		       "random.trust_cpu=on";
	return "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux "
	       "i8042.nopnp i8042.dumbkbd random.trust_cpu=on";
}

int
encl_cmdline_check(const char *text, size_t n, struct encl_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n' || text[i] == '\0')
			return encl_fail(
				e, ENCL_FAILED,
				"kernel command line: byte %zu is a %s; it has to be "
				"one line of text",
				i, text[i] ? "newline" : "NUL");
	if (n > ENCL_CMDLINE_MAX)
		return encl_fail(
			e, ENCL_FAILED,
			"kernel command line: %zu bytes; kernels take at most %d", n,
			ENCL_CMDLINE_MAX);
	return 0;
}
