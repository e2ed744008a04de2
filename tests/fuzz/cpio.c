/* SPDX-License-Identifier: Apache-2.0 */
/* A ramdisk section as the reader gets it: listed with and without digests;
 * what can be read with its contents can be read without. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/stream.h"
#include "fuzz.h"
#include "ramdisk/ramdisk.h"

static int
ignore(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	(void)s;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_sink sink = {ignore};
	struct encl_err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	int plain, digests;

	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e))
		abort();
	plain = encl_ramdisk_list(fd, 0, size, false, &sink, &e);
	digests = encl_ramdisk_list(fd, 0, size, true, &sink, &e);
	if (plain && !digests)
		abort();
	close(fd);
	return 0;
}
