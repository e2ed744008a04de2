/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of two files, byte by byte. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "verify/diff_internal.h"

enum { CHUNK = 1 << 16 };

static void
count(const uint8_t *x, const uint8_t *y, size_t n, uint64_t at, uint64_t *differ,
      uint64_t *first)
{
	if (!memcmp(x, y, n))
		return;
	for (size_t i = 0; i < n; i++) {
		if (x[i] == y[i])
			continue;
		++*differ;
		if (*first == UINT64_MAX)
			*first = at + i;
	}
}

int
encl_range_compare(const struct encl_range *a, const struct encl_range *b,
		   uint64_t *differ, uint64_t *first, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *x = encl_xmalloc(CHUNK);
	encl_auto(encl_free) uint8_t *y = encl_xmalloc(CHUNK);
	uint64_t both = a->size < b->size ? a->size : b->size;
	uint64_t n_differ = 0;
	uint64_t at_first = UINT64_MAX;

	for (uint64_t at = 0; at < both; at += CHUNK) {
		size_t n = both - at < CHUNK ? (size_t)(both - at) : CHUNK;

		if (encl_pread_full(a->fd, x, n, a->offset + at, "A", e) ||
		    encl_pread_full(b->fd, y, n, b->offset + at, "B", e))
			return -1;
		count(x, y, n, at, &n_differ, &at_first);
	}
	*differ = n_differ;
	*first = at_first;
	return 0;
}

int
encl_diff_scratch(int *out, struct encl_err *e)
{
	const char *tmp = getenv("TMPDIR");
	int fd = open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("diff", MFD_CLOEXEC);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_HOST, "temporary file");
	*out = fd;
	return 0;
}
