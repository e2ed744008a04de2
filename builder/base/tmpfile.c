/* SPDX-License-Identifier: Apache-2.0 */
/* Atomic output files. */
#include "base/tmpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"

/*
 * The one mutable table of the library: a signal handler has no other way to
 * know what to unlink.  A slot holds the address of a name while it is live.
 */
enum { MAX_OPEN = 64 };
static _Atomic(char *) live[MAX_OPEN];

static void
remember(char *name)
{
	for (size_t i = 0; i < MAX_OPEN; i++) {
		char *empty = NULL;

		if (atomic_compare_exchange_strong(&live[i], &empty, name))
			return;
	}
}

static void
forget(char *name)
{
	for (size_t i = 0; i < MAX_OPEN; i++) {
		char *same = name;

		if (atomic_compare_exchange_strong(&live[i], &same, NULL))
			return;
	}
}

void
encl_tmpfile_abort_all(void)
{
	for (size_t i = 0; i < MAX_OPEN; i++) {
		char *name = atomic_load(&live[i]);

		if (name)
			unlink(name);
	}
}

int
encl_tmpfile_open(struct encl_tmpfile *t, const char *path, mode_t mode,
		  struct encl_err *e)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	encl_auto(encl_free) char *temp =
		encl_xasprintf("%.*s.%s.XXXXXX", dir_len, path, slash ? slash + 1 : path);
	encl_auto(encl_close_fd) int fd = -1;

	/* a rename would put a file in the place of a device, a link, a pipe */
	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED,
				 "create %s: it is there and not a regular file", path);
	remember(temp); /* before it is there: a signal may come at once */
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0) {
		encl_fail_sys(e, ENCL_FAILED, "create %s", path);
		forget(temp);
		return -1;
	}
	if (fchmod(fd, mode)) {
		encl_fail_sys(e, ENCL_FAILED, "chmod %s", path);
		unlink(temp);
		forget(temp);
		return -1;
	}
	t->path = encl_xstrdup(path);
	t->temp = encl_take(temp, NULL);
	t->fd = encl_take(fd, -1);
	return 0;
}

int
encl_tmpfile_try(const char *path, struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};

	return encl_tmpfile_open(&t, path, 0600, e);
}

int
encl_tmpfile_sync(struct encl_tmpfile *t, struct encl_err *e)
{
	return fsync(t->fd) ? encl_fail_sys(e, ENCL_FAILED, "write %s", t->path) : 0;
}

int
encl_tmpfile_commit(struct encl_tmpfile *t, struct encl_err *e)
{
	return encl_tmpfile_sync(t, e) || encl_tmpfile_place(t, e) ? -1 : 0;
}

int
encl_tmpfile_place(struct encl_tmpfile *t, struct encl_err *e)
{
	if (rename(t->temp, t->path))
		return encl_fail_sys(e, ENCL_FAILED, "rename to %s", t->path);
	forget(t->temp);
	free(encl_take(t->temp, NULL));
	encl_tmpfile_clear(t);
	return 0;
}

void
encl_tmpfile_clear(struct encl_tmpfile *t)
{
	int saved = errno;

	if (t->temp) {
		unlink(t->temp);
		forget(t->temp);
	}
	if (t->path)
		encl_close_fd(t->fd);
	free(t->temp);
	free(t->path);
	memset(t, 0, sizeof *t);
	t->fd = -1;
	errno = saved;
}

int
encl_write_file(const char *path, const void *data, size_t n, mode_t mode,
		struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};

	if (encl_tmpfile_open(&t, path, mode, e) ||
	    encl_pwrite_full(t.fd, data, n, 0, path, e))
		return -1;
	return encl_tmpfile_commit(&t, e);
}

int
encl_make_dirs(const char *path, mode_t mode, struct encl_err *e)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(path);

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(copy, mode) && errno != EEXIST)
			return encl_fail_sys(e, ENCL_FAILED, "create folder %s", copy);
		if (!c)
			return 0;
		*p = c;
	}
}
