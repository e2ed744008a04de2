/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries to files: the parent folder is opened by openat2 beneath the target
 * without any symbolic link, the last component is made in it, exclusively.
 */
#include "ramdisk/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "ramdisk/ramdisk.h"

struct extractor {
	struct encl_cpio_visitor visitor; /* first */
	const char *prefix;
	int root;
	struct encl_log *log;
	json_t *links; /* inode to its first name, in one archive */
	char *parent;  /* the folder that parent_fd is */
	int parent_fd;
	char *shown; /* the entry's path for messages */
	int file;    /* being written, or -1 */
	struct encl_sink_fd sink;
};

static void
extractor_clear(struct extractor *x)
{
	json_decref(x->links);
	encl_close_fd(x->parent_fd);
	encl_close_fd(x->file);
	free(x->parent);
	free(x->shown);
}
ENCL_AUTO_VAL(struct extractor, extractor_clear);

static int
open_beneath(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
}

static int
fail_at(const struct extractor *x, struct encl_err *e)
{
	if (errno == ELOOP || errno == EXDEV)
		return encl_fail(e, ENCL_FAILED,
				 "%s: its path leads through a symbolic link", x->shown);
	return encl_fail_sys(e, ENCL_FAILED, "extract %s", x->shown);
}

/* Makes the folders of a path that are not there. */
static int
make_folders(struct extractor *x, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(path);

	for (char *p = copy;; p++) {
		encl_auto(encl_close_fd) int fd = -1;
		char *name;
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		name = strrchr(copy, '/');
		if (name) {
			*name = 0;
			fd = open_beneath(x->root, copy, O_RDONLY | O_DIRECTORY);
			*name = '/';
		}
		if ((name && fd < 0) ||
		    (mkdirat(name ? fd : x->root, name ? name + 1 : copy, 0755) &&
		     errno != EEXIST))
			return fail_at(x, e);
		if (!c)
			return 0;
		*p = c;
	}
}

/* Folder that the path's last component stands in, into x->parent_fd. */
static int
enter_parent(struct extractor *x, const char *path, struct encl_err *e)
{
	const char *slash = strrchr(path, '/');
	encl_auto(encl_free) char *parent =
		slash ? encl_xstrndup(path, (size_t)(slash - path)) : encl_xstrdup(".");

	if (x->parent && !strcmp(parent, x->parent))
		return 0;
	encl_close_fd(encl_take(x->parent_fd, -1));
	free(encl_take(x->parent, NULL));
	x->parent_fd = open_beneath(x->root, parent, O_RDONLY | O_DIRECTORY);
	if (x->parent_fd < 0 && errno == ENOENT) {
		if (make_folders(x, parent, e))
			return -1;
		x->parent_fd = open_beneath(x->root, parent, O_RDONLY | O_DIRECTORY);
	}
	if (x->parent_fd < 0 && errno == ENOSYS)
		return encl_fail(e, ENCL_HOST,
				 "this kernel has no openat2, files cannot be extracted "
				 "safely (Linux 5.6 has it)");
	if (x->parent_fd < 0)
		return fail_at(x, e);
	x->parent = encl_take(parent, NULL);
	return 0;
}

/* A later entry of the same name wins, as in the kernel; folders merge. */
static int
make_way(struct extractor *x, const char *name, bool folder, struct encl_err *e)
{
	struct stat st;

	if (fstatat(x->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : fail_at(x, e);
	if (S_ISDIR(st.st_mode) && folder)
		return 0;
	if (unlinkat(x->parent_fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0))
		return fail_at(x, e);
	return 0;
}

/* Hard links: the name that the inode already has, or NULL. */
static const char *
first_name(struct extractor *x, const struct encl_cpio_entry *entry, const char *path)
{
	const char *known;
	char key[64];

	if (entry->nlink < 2)
		return NULL;
	snprintf(key, sizeof key, "%x:%x:%x", entry->dev_major, entry->dev_minor,
		 entry->ino);
	known = json_string_value(json_object_get(x->links, key));
	if (!known)
		json_object_set_new(x->links, key,
				    json_stringn_nocheck(path, strlen(path)));
	return known;
}

static int
make_link(struct extractor *x, const char *first, const char *name, struct encl_err *e)
{
	encl_auto(encl_close_fd) int dir = -1;
	const char *slash = strrchr(first, '/');
	encl_auto(encl_free) char *parent =
		slash ? encl_xstrndup(first, (size_t)(slash - first)) : encl_xstrdup(".");

	dir = open_beneath(x->root, parent, O_RDONLY | O_DIRECTORY);
	if (dir < 0 || linkat(dir, slash ? slash + 1 : first, x->parent_fd, name, 0))
		return fail_at(x, e);
	return 0;
}

static int
make_file(struct extractor *x, const struct encl_cpio_entry *entry, const char *path,
	  const char *name, struct encl_sink **sink, struct encl_err *e)
{
	const char *first = first_name(x, entry, path);
	int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;

	if (first && strcmp(first, path) != 0) {
		if (make_way(x, name, false, e) || make_link(x, first, name, e))
			return -1;
		if (!entry->filesize)
			return 0;
		flags |= O_TRUNC; /* the data comes with a later name */
	} else {
		if (make_way(x, name, false, e))
			return -1;
		flags |= O_CREAT | O_EXCL;
	}
	x->file = openat(x->parent_fd, name, flags, 0600);
	if (x->file < 0)
		return fail_at(x, e);
	encl_sink_fd_init(&x->sink, x->file, x->shown);
	*sink = &x->sink.sink;
	return 0;
}

static int
make_folder(struct extractor *x, const struct encl_cpio_entry *entry, const char *name,
	    struct encl_err *e)
{
	/* always usable by its owner: there is more to put in */
	mode_t mode = (entry->mode & 0777) | 0700;

	if (make_way(x, name, true, e))
		return -1;
	if ((mkdirat(x->parent_fd, name, mode) && errno != EEXIST) ||
	    fchmodat(x->parent_fd, name, mode, 0))
		return fail_at(x, e);
	return 0;
}

static int
make(struct extractor *x, const struct encl_cpio_entry *entry, const char *path,
     struct encl_sink **sink, struct encl_err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (enter_parent(x, path, e))
		return -1;
	switch (entry->mode & S_IFMT) {
	case S_IFDIR:
		return make_folder(x, entry, name, e);
	case S_IFREG:
		return make_file(x, entry, path, name, sink, e);
	case S_IFLNK:
		if (make_way(x, name, false, e))
			return -1;
		return symlinkat(entry->link, x->parent_fd, name) ? fail_at(x, e) : 0;
	default:
		encl_warn(x->log, "%s: a device or fifo is left out", x->shown);
		return 0;
	}
}

/* The reader refuses such paths too; what writes does not rely on it. */
static bool
is_clean(const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += n;
		if (*path == '/' && !*++path)
			return false;
	}
	return true;
}

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct extractor *x = (struct extractor *)v;
	size_t skip = strlen(x->prefix);

	if (strncmp(entry->path, x->prefix, skip) != 0 || entry->path[skip] != '/' ||
	    !entry->path[skip + 1])
		return 0;
	free(x->shown);
	x->shown = encl_escape(entry->path, strlen(entry->path));
	if (!is_clean(entry->path + skip + 1))
		return encl_fail(e, ENCL_FAILED, "%s: not a path that can be extracted",
				 x->shown);
	return make(x, entry, entry->path + skip + 1, sink, e);
}

static int
see_done(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	 struct encl_err *e)
{
	struct extractor *x = (struct extractor *)v;
	encl_auto(encl_close_fd) int file = encl_take(x->file, -1);
	const struct timespec times[2] = {{.tv_sec = entry->mtime},
					  {.tv_sec = entry->mtime}};

	if (file < 0)
		return 0;
	if (fchmod(file, entry->mode & 0777) || futimens(file, times))
		return fail_at(x, e);
	return 0;
}

static void
see_end(struct encl_cpio_visitor *v)
{
	json_object_clear(((struct extractor *)v)->links);
}

int
encl_ramdisk_extract(int fd, uint64_t offset, uint64_t size, const char *prefix,
		     int dir_fd, struct encl_log *log, struct encl_err *e)
{
	encl_auto(extractor_clear) struct extractor x = {
		.visitor = {see_entry, see_done, see_end, NULL},
		.prefix = prefix,
		.root = dir_fd,
		.log = log,
		.links = json_object(),
		.parent_fd = -1,
		.file = -1,
	};

	return encl_ramdisk_read(fd, offset, size, &x.visitor, e);
}
