/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks and full reads and writes. */
#include "base/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"

int
encl_sink_write(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	return n ? s->write(s, p, n, e) : 0;
}

int
encl_sink_zeros(struct encl_sink *s, uint64_t n, struct encl_err *e)
{
	static const uint8_t zeros[4096];

	while (n) {
		size_t now = n < sizeof zeros ? (size_t)n : sizeof zeros;

		if (encl_sink_write(s, zeros, now, e))
			return -1;
		n -= now;
	}
	return 0;
}

static int
write_fd(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct encl_sink_fd *s = (struct encl_sink_fd *)sink;
	const uint8_t *bytes = p;

	while (n) {
		ssize_t done = write(s->fd, bytes, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return encl_fail_sys(e, ENCL_FAILED, "write %s", s->what);
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

void
encl_sink_fd_init(struct encl_sink_fd *s, int fd, const char *what)
{
	*s = (struct encl_sink_fd){{write_fd}, fd, what};
}

static int
write_digest(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct encl_sink_digest *s = (struct encl_sink_digest *)sink;

	if (n > s->max - s->size)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %" PRIu64 " bytes",
				 s->what, s->max);
	s->size += n;
	if (s->hash)
		encl_hash_update(s->hash, p, n);
	return s->next ? encl_sink_write(s->next, p, n, e) : 0;
}

void
encl_sink_digest_init(struct encl_sink_digest *s, struct encl_hash *hash,
		      struct encl_sink *next, uint64_t max, const char *what)
{
	*s = (struct encl_sink_digest){{write_digest}, next, hash, 0, max, what};
}

static int
write_buf(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct encl_sink_buf *s = (struct encl_sink_buf *)sink;

	encl_buf_add(s->buf, p, n);
	return encl_buf_check(s->buf, s->what, e);
}

void
encl_sink_buf_init(struct encl_sink_buf *s, struct encl_buf *buf, const char *what)
{
	*s = (struct encl_sink_buf){{write_buf}, buf, what};
}

int
encl_pread_full(int fd, void *p, size_t n, uint64_t off, const char *what,
		struct encl_err *e)
{
	uint8_t *bytes = p;

	while (n) {
		ssize_t done = pread(fd, bytes, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read %s", what);
		if (done == 0)
			return encl_fail(e, ENCL_FAILED, "unexpected end of %s", what);
		bytes += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int
encl_pwrite_full(int fd, const void *p, size_t n, uint64_t off, const char *what,
		 struct encl_err *e)
{
	const uint8_t *bytes = p;

	while (n) {
		ssize_t done = pwrite(fd, bytes, n, (off_t)off);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return encl_fail_sys(e, ENCL_FAILED, "write %s", what);
		bytes += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int
encl_read_file(const char *path, size_t max, char **out, size_t *len, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = max};
	char chunk[16384];

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read %s", path);
		if (n == 0)
			break;
		encl_buf_add(&b, chunk, (size_t)n);
		if (encl_buf_check(&b, path, e))
			return -1;
	}
	explicit_bzero(chunk, sizeof chunk); /* it may have been a key */
	*out = (char *)encl_buf_steal(&b, len);
	return 0;
}
