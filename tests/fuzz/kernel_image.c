/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel file is, for both architectures. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "sources/kernel_image.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct encl_kernel_image image;
	struct encl_err e;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	for (int arch = 0; arch < 2; arch++)
		if (encl_kernel_image_read(fd, 0, size, "image", (enum encl_arch)arch,
					   true, &image, &e))
			continue;
	close(fd);
	return 0;
}
