/* SPDX-License-Identifier: Apache-2.0 */
/* A whole image as verify gets it: boundaries, names, signature, certificate.  An
 * image that passes with folders stated once passes with more of them too. */
#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/stream.h"
#include "verify/image.h"

static int
verify(const struct encl_eif *eif, bool nitro_cli, bool *passed)
{
	encl_auto(encl_image_state_clear) struct encl_image_state state = {.crc = 0};
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	const struct encl_verify_options o = {
		.now = 1800000000, .require_signature = true, .nitro_cli = nitro_cli};
	struct encl_err e;

	if (encl_verify_image(eif, 1, &o, &state, &checks, &e))
		return -1;
	*passed = encl_checks_passed(&checks);
	if (*passed && (!state.crc_ok || !state.signature_ok))
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	int fd = memfd_create("eif", MFD_CLOEXEC);
	bool strict = false;
	bool loose = false;
	struct encl_err e;

	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e))
		abort();
	if (encl_eif_open_fd(fd, "eif", &eif, &e))
		return 0;
	if (!verify(&eif, false, &strict) && !verify(&eif, true, &loose) && strict &&
	    !loose)
		abort();
	return 0;
}
