/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of an EIF to the files that QEMU takes. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/stream.h"
#include "launch/command.h"

enum { CHUNK = 1 << 16, PAGE = 4096 };

/* Nameless, on disk where the folder's file system can do that. */
static int
open_nameless(const char *what, int *out, struct encl_err *e)
{
	const char *tmp = getenv("TMPDIR");
	int fd = open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create(what, MFD_CLOEXEC);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_HOST, "temporary file for the %s", what);
	*out = fd;
	return 0;
}

static int
copy_section(const struct encl_eif *eif, const struct encl_eif_section *s, int to,
	     uint64_t *at, struct encl_err *e)
{
	uint8_t chunk[CHUNK];

	for (uint64_t done = 0; done < s->size;) {
		size_t n = s->size - done < CHUNK ? (size_t)(s->size - done) : CHUNK;

		if (encl_pread_full(eif->fd, chunk, n, s->offset + done, eif->path, e) ||
		    encl_pwrite_full(to, chunk, n, *at, "temporary file", e))
			return -1;
		done += n;
		*at += n;
	}
	return 0;
}

static int
copy_all(const struct encl_eif *eif, enum encl_section_type type, int to, uint64_t *size,
	 struct encl_err *e)
{
	*size = 0;
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == type &&
		    copy_section(eif, &eif->sections[i], to, size, e))
			return -1;
	return 0;
}

int
encl_qemu_files(const struct encl_eif *eif, int *kernel_fd, int *initrd_fd,
		struct encl_err *e)
{
	encl_auto(encl_close_fd) int kernel = -1;
	encl_auto(encl_close_fd) int initrd = -1;
	uint64_t size;

	if (open_nameless("kernel", &kernel, e) ||
	    open_nameless("ramdisks", &initrd, e) ||
	    copy_all(eif, ENCL_SECTION_KERNEL, kernel, &size, e) ||
	    copy_all(eif, ENCL_SECTION_RAMDISK, initrd, &size, e))
		return -1;
	if (ftruncate(initrd, (off_t)encl_align_up(size, PAGE)))
		return encl_fail_sys(e, ENCL_HOST, "temporary file for the ramdisks");
	*kernel_fd = encl_take(kernel, -1);
	*initrd_fd = encl_take(initrd, -1);
	return 0;
}
