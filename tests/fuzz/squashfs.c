/* SPDX-License-Identifier: Apache-2.0 */
/* A squashfs as the reader gets it; of contents only the first MiB. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/stream.h"
#include "fuzz.h"
#include "ramdisk/ramdisk.h"
#include "ramdisk/squashfs.h"

struct taker {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_sink_digest sink;
};

static int
take(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
     struct encl_sink **sink, struct encl_err *e)
{
	(void)entry;
	(void)e;
	*sink = &((struct taker *)v)->sink.sink;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct taker t = {.visitor = {.entry = take}};
	struct encl_err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e))
		abort();
	encl_sink_digest_init(&t.sink, NULL, NULL, 1 << 20, "content");
	if (!encl_squashfs_read(fd, 0, size, "rootfs", &t.visitor, &e) && !size)
		abort();
	close(fd);
	return 0;
}
