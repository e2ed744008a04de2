/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of the other side to this folder.  Every path is walked part by part
 * with O_NOFOLLOW, so no link leads out of it, however it got there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launch/exchange_internal.h"

int
encl_exchange_parent(int root, const char *path, const char **name)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char part[256];

	for (const char *slash; fd >= 0 && (slash = strchr(path, '/'));
	     path = slash + 1) {
		size_t n = (size_t)(slash - path);
		int next;

		if (n >= sizeof part)
			n = sizeof part - 1;
		memcpy(part, path, n);
		part[n] = 0;
		next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	*name = path;
	return fd;
}

/* Has it changed here since both knew it?  Then the later change stays. */
static bool
is_newer_here(const struct encl_exchange_entry *known, const struct stat *st,
	      const struct timespec *there)
{
	if (known && encl_exchange_same(known, st))
		return false;
	if (!there || !S_ISREG(st->st_mode))
		return true;
	return st->st_mtim.tv_sec > there->tv_sec ||
	       (st->st_mtim.tv_sec == there->tv_sec &&
		st->st_mtim.tv_nsec > there->tv_nsec);
}

int
encl_exchange_make_folder(int root, struct encl_exchange_tree *t, const char *path,
			  unsigned mode)
{
	const char *name;
	int parent = encl_exchange_parent(root, path, &name);
	struct stat st;
	int fd;

	if (parent < 0)
		return 1;
	if (mkdirat(parent, name, 0700) && errno != EEXIST) {
		close(parent);
		return 1;
	}
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(parent);
	if (fd < 0)
		return 1;
	/* One that its owner cannot enter would hide what is in it from the limits. */
	fchmod(fd, (mode & 0777) | 0700);
	if (!fstat(fd, &st))
		encl_exchange_know(t, path, &st);
	close(fd);
	return 0;
}

int
encl_exchange_remove(int root, struct encl_exchange_tree *t, const char *path)
{
	const char *name;
	int parent = encl_exchange_parent(root, path, &name);
	struct encl_exchange_entry *known = encl_exchange_find(t, path);
	struct stat st;
	bool changed;
	int rc = 0;

	if (parent < 0)
		return 1;
	if (known && !fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW)) {
		changed = S_ISDIR(st.st_mode) ? !known->folder
					      : is_newer_here(known, &st, NULL);
		if (!changed)
			rc = unlinkat(parent, name, known->folder ? AT_REMOVEDIR : 0) !=
			     0;
	}
	close(parent);
	/* a file that stays goes on counting */
	if (!rc || known->folder)
		encl_exchange_forget(t, path);
	return rc;
}

void
encl_exchange_begin(int root, struct encl_exchange_tree *t,
		    struct encl_exchange_incoming *in)
{
	const char *name;
	struct stat st;

	in->open = true;
	in->dropped = true;
	in->got = 0;
	in->fd = -1;
	in->parent = encl_exchange_parent(root, in->path, &name);
	if (in->parent < 0)
		return;
	if (!fstatat(in->parent, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    (!S_ISREG(st.st_mode) ||
	     is_newer_here(encl_exchange_find(t, in->path), &st, &in->mtime)))
		return;
	unlinkat(in->parent, EXCHANGE_TEMP, 0);
	in->fd = openat(in->parent, EXCHANGE_TEMP,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	in->dropped = in->fd < 0;
}

bool
encl_exchange_bytes(struct encl_exchange_incoming *in, const char *p, size_t n)
{
	if (!in->open || n > in->size - in->got)
		return false;
	in->got += n;
	while (n && !in->dropped) {
		ssize_t w = write(in->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			in->dropped = true;
		else
			n -= (size_t)w, p += w;
	}
	return true;
}

void
encl_exchange_drop(struct encl_exchange_incoming *in)
{
	if (!in->open)
		return;
	if (in->fd >= 0) {
		unlinkat(in->parent, EXCHANGE_TEMP, 0);
		close(in->fd);
	}
	if (in->parent >= 0)
		close(in->parent);
	in->open = false;
	in->fd = in->parent = -1;
}

int
encl_exchange_finish(struct encl_exchange_tree *t, struct encl_exchange_incoming *in)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, in->mtime};
	const char *slash = strrchr(in->path, '/');
	struct stat st;
	int rc = 1;

	if (!in->dropped && !fchmod(in->fd, in->mode & 0777) &&
	    !futimens(in->fd, times) && !fstat(in->fd, &st) &&
	    !renameat(in->parent, EXCHANGE_TEMP, in->parent,
		      slash ? slash + 1 : in->path)) {
		encl_exchange_know(t, in->path, &st);
		close(in->fd);
		in->fd = -1;
		rc = 0;
	}
	encl_exchange_drop(in);
	return rc;
}
