/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the hypervisor does with the image: the enclave's pages, in the order in
 * which they were given, are one space; the image begins at 8 MiB in it, and ends
 * where its table of sections says.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "eif/eif.h"
#include "machine.h"

/* How much of n bytes at the offset there is. */
static size_t
read_space(const struct vm *vm, uint64_t at, uint8_t *p, size_t n)
{
	size_t done = 0;
	uint64_t begin = 0;

	for (size_t i = 0; i < vm->n_chunks && done < n; i++) {
		const struct mapping *m = vm->chunks[i].mapping;
		uint64_t in = at + done - begin;

		if (in < m->size) {
			size_t part = n - done < m->size - in ? n - done
							      : (size_t)(m->size - in);
			ssize_t got = pread(m->fd, p + done, part,
					    (off_t)(vm->chunks[i].page * m->size + in));

			if (got != (ssize_t)part)
				return done;
			done += part;
		}
		begin += m->size;
	}
	return done;
}

static uint64_t
big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

static uint64_t
image_size(const uint8_t *header)
{
	enum { COUNT = 0x1a, OFFSETS = 0x1c, SIZES = 0x11c };
	uint64_t n = big_endian(header + COUNT, 2), end = 0;

	for (uint64_t i = 0; i < n && i < ENCL_EIF_MAX_SECTIONS; i++) {
		uint64_t at = big_endian(header + OFFSETS + 8 * i, 8) +
			      big_endian(header + SIZES + 8 * i, 8) +
			      ENCL_EIF_SECTION_HEADER_SIZE;

		end = at > end ? at : end;
	}
	return end;
}

int
image_take(const struct vm *vm, int *out, char why[NITRO_TEXT])
{
	encl_auto(encl_close_fd) int fd = memfd_create("image", MFD_CLOEXEC);
	static uint8_t chunk[1 << 20];
	uint64_t size, done;

	if (read_space(vm, LOAD_OFFSET, chunk, ENCL_EIF_HEADER_SIZE) !=
		    ENCL_EIF_HEADER_SIZE ||
	    memcmp(chunk, ".eif", 4) != 0) {
		snprintf(why, NITRO_TEXT, "no image at 8 MiB of the memory");
		return -1;
	}
	size = image_size(chunk);
	if (size > vm->memory - LOAD_OFFSET) {
		snprintf(why, NITRO_TEXT, "the image is larger than the memory");
		return -1;
	}
	for (done = 0; done < size;) {
		size_t n =
			size - done < sizeof chunk ? (size_t)(size - done) : sizeof chunk;

		if (read_space(vm, LOAD_OFFSET + done, chunk, n) != n ||
		    write(fd, chunk, n) != (ssize_t)n) {
			snprintf(why, NITRO_TEXT, "the image cannot be read");
			return -1;
		}
		done += n;
	}
	*out = encl_take(fd, -1);
	return 0;
}
