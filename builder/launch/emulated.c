/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's own list of its machines to the one that is used. */
#include "launch/emulated.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/spawn.h"

static const char nitro[] = "nitro-enclave";

enum { HELP_S = 10, HELP_MAX = 1 << 20 };

bool
encl_emulated_named(const char *help, const char *machine)
{
	size_t n = strlen(machine);

	for (; *help; help += strcspn(help, "\n"), help += *help == '\n')
		if (!strncmp(help, machine, n) && strchr(" \t\n", help[n]))
			return true;
	return false;
}

bool
encl_emulated_is_nitro(const char *machine)
{
	return !strcmp(machine, nitro);
}

static bool
has_nitro(const char *qemu)
{
	const char *const argv[] = {qemu, "-M", "help", NULL};
	encl_auto(encl_buf_clear) struct encl_buf help = {.cap = HELP_MAX};
	struct encl_err ignored;
	int status;

	if (encl_spawn(argv, &help, NULL, HELP_S, &status, &ignored) || status)
		return false;
	return help.len && encl_emulated_named((const char *)help.data, nitro);
}

int
encl_emulated_choose(const struct encl_emulated_ask *ask, const char **out,
		     struct encl_err *e)
{
	bool asked = ask->wanted == ENCL_EMULATED_NITRO;

	if (ask->arch != ENCL_ARCH_X86_64) {
		if (ask->wanted != ENCL_EMULATED_AUTO)
			return encl_fail(e, ENCL_USAGE,
					 "--machine %s: QEMU has it for x86_64 only",
					 asked ? nitro : "microvm");
		*out = "virt";
		return 0;
	}
	*out = "microvm";
	if (ask->wanted == ENCL_EMULATED_MICROVM ||
	    (!asked && (!ask->cmdline_devices || !ask->vsock)))
		return 0;
	if (!ask->vsock)
		return encl_fail(
			e, ENCL_HOST,
			"--machine %s: it needs vsock; leave --no-vsock out, and "
			"install vhost-device-vsock (\"cargo install --locked "
			"vhost-device-vsock\")",
			nitro);
	if (has_nitro(ask->qemu))
		*out = nitro;
	else if (asked)
		return encl_fail(
			e, ENCL_HOST,
			"--machine %s: %s has no such machine; it takes QEMU 9.2 or "
			"later, built with libcbor and gnutls, such as \"make "
			"conformance\" builds",
			nitro, ask->qemu);
	return 0;
}
