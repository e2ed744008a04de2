/* SPDX-License-Identifier: Apache-2.0 */
/* Strict reading of an image: structure, CRC, measurements, signature. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sign/image.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_close_fd) int fd = memfd_create("eif", MFD_CLOEXEC);
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state state = {.crc = 0};
	struct encl_err e;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (encl_eif_open(path, &eif, &e) || encl_image_check(&eif, 1, &state, &e))
		return 0;
	if (encl_image_require(&eif, &state, &e) == 0 && state.is_signed &&
	    !state.signature_ok)
		abort();
	return 0;
}
