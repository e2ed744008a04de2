/* SPDX-License-Identifier: Apache-2.0 */
/* A .deb: its control files, and where its data is. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/stream.h"
#include "fuzz.h"
#include "rootfs/debian.h"
#include "sources/deb.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	encl_auto(encl_close_fd) int fd = memfd_create("deb", MFD_CLOEXEC);
	struct encl_package p = {.name = NULL};
	struct encl_deb_part part;
	struct encl_err e;

	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "deb", &e))
		return 0;
	if (!encl_deb_control(fd, "deb", a, &p, &e)) {
		(void)encl_debian_script(&p, "postinst");
		(void)encl_debian_script(&p, "preinst");
	}
	if (!encl_deb_data(fd, "deb", &part, &e) && part.offset > size)
		__builtin_trap();
	return 0;
}
