/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: a Nitro parent where none is.  /dev/nitro_enclaves, huge pages,
 * AF_VSOCK and writes to nr_hugepages and ne_cpus go to nitrod at NITROD_SOCKET
 * (tests/support/nitro/README.md); everything else goes where it always went.
 * Here: descriptors that are opened, written to and closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nitro/shim/shim.h"

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool
is_store(const char *path)
{
	const char *root = getenv("ENCLAVEBUILD_HOST_ROOT");

	return root && *root && !strncmp(path, root, strlen(root)) &&
	       (ends_with(path, "/nr_hugepages") ||
		ends_with(path, "/parameters/ne_cpus"));
}

static int
open_device(void)
{
	struct nitro_request q = {.op = NITRO_STATE};
	struct nitro_answer a;
	int error =
		shim_ask(&q, &a, NULL); /* the process is known, with all that it holds */
	int fd;

	if (error)
		return shim_fail(error);
	fd = shim_dial();
	q = (struct nitro_request){.op = NITRO_OPEN, .pid = getpid()};
	error = fd < 0 ? ENXIO : shim_exchange(fd, &q, &a, NULL);
	if (error) {
		shim_close(fd);
		return shim_fail(error);
	}
	shim_mark(fd, DEVICE);
	return fd;
}

/* The file itself says nothing; what is written to it goes to nitrod. */
static int
open_store(int at, const char *path, int flags)
{
	int fd = (int)syscall(SYS_openat, at, path, flags & ~(O_TRUNC | O_CREAT), 0);
	struct slot *s = fd < 0 ? NULL : shim_mark(fd, SYSFS);

	if (s)
		s->path = strdup(path + strlen(getenv("ENCLAVEBUILD_HOST_ROOT")));
	return fd;
}

static int
open_any(int at, const char *path, int flags, mode_t mode)
{
	int fd;

	if (ends_with(path, "/dev/nitro_enclaves") && getenv("NITROD_SOCKET"))
		return open_device();
	if ((flags & O_ACCMODE) != O_RDONLY && is_store(path))
		return open_store(at, path, flags);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && fd < MAX_FD)
		shim_slots[fd].kind = NONE;
	return fd;
}

#define MODE(last)                                                                       \
	mode_t mode = 0;                                                                 \
	if (flags & (O_CREAT | O_TMPFILE)) {                                             \
		va_list ap;                                                              \
		va_start(ap, last);                                                      \
		mode = va_arg(ap, mode_t);                                               \
		va_end(ap);                                                              \
	}

int
open(const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(AT_FDCWD, path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(at, path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(at, path, flags, mode);
}

int __open_2(const char *path, int flags);
int
__open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int __openat_2(int at, const char *path, int flags);
int
__openat_2(int at, const char *path, int flags)
{
	return open_any(at, path, flags, 0);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	const struct slot *s = shim_find(fd, SYSFS);
	struct nitro_request q = {.op = NITRO_WRITE};
	struct nitro_answer a;
	int error;

	if (!s)
		return syscall(SYS_write, fd, p, n);
	snprintf(q.text, sizeof q.text, "%s\n%.*s", s->path, (int)n, (const char *)p);
	error = shim_ask(&q, &a, NULL);
	return error ? shim_fail(error) : (ssize_t)n;
}

int
close(int fd)
{
	struct slot *s = fd >= 0 && fd < MAX_FD ? &shim_slots[fd] : NULL;
	struct slot was;
	struct nitro_request q = {.op = NITRO_UNLISTEN};
	struct nitro_answer a;
	int result;

	if (!s || s->kind == NONE || s->pid != getpid() || !shim_find(fd, s->kind))
		return shim_close(fd);
	was = *s;
	s->kind = NONE;
	free(was.path);
	/* Its pages are free when close is back, as with the driver. */
	if (was.kind == ENCLAVE) {
		q.op = NITRO_CLOSE;
		q.a[0] = was.id;
		shim_ask(&q, &a, NULL);
		shim_take_back(was.id);
	}
	result = shim_close(fd);
	if (was.kind == VSOCK && was.local.svm_port) {
		q.a[0] = was.local.svm_port;
		shim_ask(&q, &a, NULL);
	}
	return result;
}
