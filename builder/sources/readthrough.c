/* SPDX-License-Identifier: Apache-2.0 */
/* Local files: opened without side effects, read once. */
#include "sources/readthrough.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

int
encl_open_regular(int dirfd, const char *path, int flags, const char *what, int *fd,
		  uint64_t *size, struct encl_err *e)
{
	/* O_NONBLOCK: a fifo would wait for its writer */
	encl_auto(encl_close_fd) int f =
		openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	struct stat st;

	if (f < 0 && errno == ELOOP && (flags & O_NOFOLLOW))
		return encl_fail(e, ENCL_FAILED,
				 "%s: is a symbolic link, not a regular file", what);
	if (f < 0 || fstat(f, &st))
		return encl_fail_sys(e, ENCL_FAILED, "%s", what);
	if (S_ISDIR(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: is a folder, not a file", what);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: is not a regular file", what);
	*size = (uint64_t)st.st_size;
	*fd = encl_take(f, -1);
	return 0;
}

static int
changed(const char *what, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s: its size changed while it was read", what);
}

int
encl_read_through(int fd, uint64_t size, const char *what, struct encl_sink *copy,
		  struct encl_digest *sha256, uint32_t *crc, struct encl_err *e)
{
	enum { CHUNK = 256 * 1024 };
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);
	uint64_t off = 0;
	uint32_t sum = 0;

	for (;;) {
		ssize_t n = pread(fd, buf, CHUNK, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read %s", what);
		if (n == 0)
			break;
		off += (uint64_t)n;
		if (off > size)
			return changed(what, e);
		encl_hash_update(h, buf, (size_t)n);
		sum = encl_crc32(sum, buf, (size_t)n);
		if (copy && encl_sink_write(copy, buf, (size_t)n, e))
			return -1;
	}
	if (off != size)
		return changed(what, e);
	encl_hash_final(h, sha256);
	*crc = sum;
	return 0;
}
