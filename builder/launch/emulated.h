/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of QEMU's machines an image runs on.  nitro-enclave (QEMU 9.2 and later,
 * where it was built with libcbor and gnutls) reads the image itself and has a Nitro
 * Secure Module, but no ACPI, as Nitro: the kernel must find its devices on the
 * command line.  Else microvm, or virt on aarch64, which have no such module.
 */
#ifndef ENCL_LAUNCH_EMULATED_H
#define ENCL_LAUNCH_EMULATED_H

#include <stdbool.h>

#include "base/err.h"
#include "launch/enclave.h"
#include "manifest/manifest.h"

struct encl_emulated_ask {
	enum encl_emulated wanted;
	enum encl_arch arch;
	const char *qemu;     /* its path */
	bool cmdline_devices; /* what the image says of its kernel */
	bool vsock;	      /* nitro-enclave has no use without */
};

/*
 * "nitro-enclave", "microvm" or "virt".  ENCL_USAGE, ENCL_HOST: nitro-enclave was
 * asked for and cannot be.  With ENCL_EMULATED_AUTO it never fails.
 */
int encl_emulated_choose(const struct encl_emulated_ask *ask, const char **out,
			 struct encl_err *e) ENCL_MUST_CHECK;

bool encl_emulated_is_nitro(const char *machine);

/* Does what `qemu -M help` prints name that machine? */
bool encl_emulated_named(const char *help, const char *machine);

#endif
