/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's command line: nitro-cli's default for the architecture, without
 * aarch64's root=/dev/ram0, which would make the root a ramfs without a limit.
 */
#include <string.h>

#include "eif/eif.h"

const char *
encl_cmdline_default(enum encl_arch arch, enum encl_root_format format)
{
#define AARCH64 "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on"
#define X86_64                                                                           \
	"reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux "     \
	"i8042.nopnp i8042.dumbkbd random.trust_cpu=on"
	static const char *const texts[][2] = {
		[ENCL_ARCH_X86_64] = {X86_64, X86_64 " rootfstype=ramfs"},
		[ENCL_ARCH_AARCH64] = {AARCH64, AARCH64 " rootfstype=ramfs"},
	};

	return texts[arch][format];
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
