/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's data root: a tmpfs of the planned size, and the preloaded
 * images' store copied into it (small: the layers themselves stay where they
 * are, read-only in the image).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/file.h"
#include "guest/say.h"
#include "launch/docker.h"

enum { DEPTH_MAX = 32 };

/* What stopped the copy, for the error's text. */
static char culprit[PATH_MAX];

static int
copy_bytes(int from, int to)
{
	ssize_t n;

	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -1 : 0;
}

static int
copy_file(int from_dir, int to_dir, const char *name, mode_t mode)
{
	int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r = from < 0 || to < 0 || copy_bytes(from, to) || fchmod(to, mode) ? -1 : 0;
	int sys = errno;

	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	errno = sys;
	return r;
}

static int
copy_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = 0;
	return symlinkat(target, to_dir, name);
}

static int copy_folder(int from, int to, unsigned depth);

static int
copy_subfolder(int from_dir, int to_dir, const char *name, mode_t mode, unsigned depth)
{
	int from;
	int to;
	int r = -1;

	if (mkdirat(to_dir, name, 0700) && errno != EEXIST)
		return -1;
	from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (from >= 0 && to >= 0)
		r = copy_folder(from, to, depth + 1);
	else if (from >= 0)
		close(from);
	if (r == 0)
		r = fchmod(to, mode);
	if (to >= 0) {
		int sys = errno;

		close(to);
		errno = sys;
	}
	return r;
}

static int
copy_entry(int from, int to, const char *name, unsigned depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_subfolder(from, to, name, st.st_mode & 07777, depth);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, st.st_mode & 07777);
	errno = EINVAL;
	return -1;
}

/* Takes over from; to stays open. */
static int
copy_folder(int from, int to, unsigned depth)
{
	DIR *folder = depth < DEPTH_MAX ? fdopendir(from) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!folder) {
		close(from);
		errno = ELOOP;
		return -1;
	}
	while (r == 0 && (entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = copy_entry(from, to, entry->d_name, depth);
		if (r && !culprit[0]) {
			int sys = errno;

			join(culprit, entry->d_name);
			errno = sys;
		}
	}
	closedir(folder);
	return r;
}

static int
copy_store(const char *from_path, const char *to_path)
{
	int from = open(from_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int to;
	int r;
	int sys;

	culprit[0] = 0;
	if (from < 0)
		return -1;
	to = open(to_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0) {
		close(from);
		return -1;
	}
	r = copy_folder(from, to, 0);
	sys = errno;
	close(to);
	errno = sys;
	return r;
}

/* mkdir -p */
static int
make_path(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(part, path, n + 1);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (guest_mkdir(part, 0755))
			return -1;
		*slash = '/';
	}
	return guest_mkdir(part, 0710);
}

static int
mount_tmpfs(const struct unit_config *c)
{
	char options[64];

	join(options, "mode=0710,size=", guest_dec(c->storage_mib), "m");
	return mount("docker", c->data_root, "tmpfs", 0, options);
}

bool
dataroot_prepare(const struct unit_config *c, char *why, size_t room)
{
	static bool done;
	static char failed[512]; /* half a store is none, next time too */
	const char *const sized = guest_dec(c->storage_mib);

	if (failed[0])
		join_texts(why, room, (const char *const[]){failed, NULL});
	if (done || !c->data_root)
		return !failed[0];
	if (make_path(c->data_root) || (c->storage_mib && mount_tmpfs(c))) {
		join_texts(why, room,
			   (const char *const[]){"storage: cannot make a tmpfs of ",
						 sized, " MiB on ", c->data_root, ": ",
						 guest_why(), NULL});
		return false;
	}
	done = true;
	if (!c->store || copy_store(c->store, c->data_root) == 0)
		return true;
	join(failed, "images: cannot copy ", c->store, " to ", c->data_root, " (", sized,
	     " MiB): ", culprit[0] ? culprit : c->store, ": ", guest_why());
	join_texts(why, room, (const char *const[]){failed, NULL});
	return false;
}
